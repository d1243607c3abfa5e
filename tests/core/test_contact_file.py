"""A file of contacts: what is read of it, what is odd about it, and when none of it is taken."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth.core import contact_file
from coproauth.core.contact_file import FileFault, FileRefused, read_contacts
from coproauth.core.contact_import import ContactRow, Finding, Oddity

HEADER = "portfolio;condominium;account;contact;email"
JEANNE = ContactRow(
    line=2,
    portfolio_id="cabinet-1",
    condominium="Résidence Les Lilas",
    account="Lot 12",
    name="Jeanne Noël",
    email="jeanne@example.fr",
)
LINE = "cabinet-1;Résidence Les Lilas;Lot 12;Jeanne Noël;jeanne@example.fr"


def _file(*lines: str) -> bytes:
    return "\r\n".join([HEADER, *lines]).encode("utf-8", "replace")


def _contact(name: str, email: str) -> str:
    return f"cabinet-1;Les Lilas;Lot 12;{name};{email}"


def _findings(*lines: str) -> list[Finding]:
    return list(read_contacts(_file(*lines)).findings)


def _refusal(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as refusal:
        read_contacts(content)
    return refusal.value


class TestForm:
    """However a spreadsheet wrote the file, the same contacts are read."""

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252"])
    @pytest.mark.parametrize("separator", [";", ","])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_encoding_separator_and_line_end_do_not_matter(self, encoding: str, separator: str, line_end: str) -> None:
        """UTF-8 with and without its mark, Windows-1252; semicolons and commas."""
        text = line_end.join([HEADER, LINE, ""]).replace(";", separator)

        assert read_contacts(text.encode(encoding)).rows == (JEANNE,)

    def test_columns_come_in_any_order_and_further_ones_are_ignored(self) -> None:
        """Names of columns are read without regard to case and spaces."""
        text = f" Email ;Lots;CONTACT;account;condominium;portfolio\n{';'.join(reversed(LINE.split(';')))}"
        lines = text.splitlines()
        cells = lines[1].split(";")
        lines[1] = ";".join([cells[0], "3", *cells[1:]])

        assert read_contacts("\n".join(lines).encode()).rows == (JEANNE,)

    def test_spaces_and_composition_do_not_tell_contacts_apart(self) -> None:
        """A second space, a no-break space and an accent typed as its own symbol are how the same is typed twice."""
        typed = "cabinet-1; Résidence  Les\u00a0Lilas;Lot 12;Jeanne Noe\u0308l ; jeanne@example.fr "

        file = read_contacts(_file(LINE, typed))

        assert file.rows == (JEANNE,)
        assert file.findings == (Finding(line=3, oddity=Oddity.DUPLICATE_ROW, first_line=2),)

    def test_a_quoted_cell_holds_separators_and_line_breaks(self) -> None:
        """Line numbers go on being those of the file."""
        quoted = 'cabinet-1;"Résidence\nLes Lilas";Lot 12;"Noël; Jeanne";'

        file = read_contacts(_file(quoted, _contact("Marc", "")))

        assert [(row.line, row.condominium, row.name) for row in file.rows] == [
            (2, "Résidence Les Lilas", "Noël; Jeanne"),
            (4, "Les Lilas", "Marc"),
        ]

    def test_empty_lines_are_nothing(self) -> None:
        """Nor is a header without rows an error."""
        assert read_contacts(_file("", LINE, ";;;;", "")).findings == ()
        assert read_contacts(_file()).rows == ()


class TestOddities:
    """D-16: what is odd is told by its line, and imported as far as it makes sense."""

    @pytest.mark.parametrize(
        ("email", "oddity"),
        [("", Oddity.NO_EMAIL), ("   ", Oddity.NO_EMAIL), ("jeanne@", Oddity.BAD_EMAIL), ("néant", Oddity.BAD_EMAIL)],
    )
    def test_d16_a_contact_without_a_good_email_is_imported_without(self, email: str, oddity: Oddity) -> None:
        """The code in the letter needs none."""
        file = read_contacts(_file(_contact("Jeanne", email)))

        assert [(row.name, row.email) for row in file.rows] == [("Jeanne", None)]
        assert file.findings == (Finding(line=2, oddity=oddity),)

    @pytest.mark.parametrize(
        ("email", "oddity"),
        [
            ("marc@example.fr", Oddity.SAME_EMAIL),
            ("Marc@example.fr", Oddity.SAME_EMAIL_IN_OTHER_CASE),
            ("marc@EXAMPLE.fr", Oddity.SAME_EMAIL),
        ],
    )
    def test_d10_two_contacts_on_one_email_are_both_imported(self, email: str, oddity: Oddity) -> None:
        """D-10: they may be a couple; each is told with the line of the first."""
        file = read_contacts(_file(_contact("Marc", "marc@example.fr"), _contact("Jeanne", email)))

        assert [row.name for row in file.rows] == ["Marc", "Jeanne"]
        assert file.findings == (Finding(line=3, oddity=oddity, first_line=2),)

    @pytest.mark.parametrize(
        ("email", "oddity"),
        [
            ("marc@example.fr", Oddity.DUPLICATE_ROW),
            ("", Oddity.DUPLICATE_ROW),
            ("MARC@example.fr", Oddity.SAME_EMAIL_IN_OTHER_CASE),
            ("m@example.fr", Oddity.OTHER_EMAIL),
        ],
    )
    def test_d16_the_same_contact_twice_is_imported_once(self, email: str, oddity: Oddity) -> None:
        """The first row counts, its e-mail too."""
        file = read_contacts(_file(_contact("Marc", "marc@example.fr"), _contact("Marc", email)))

        assert [(row.line, row.email) for row in file.rows] == [(2, "marc@example.fr")]
        assert file.findings == (Finding(line=3, oddity=oddity, first_line=2),)

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            (";Les Lilas;Lot 12;Jeanne;", "portfolio: empty"),
            ("cabinet-1; ;Lot 12;Jeanne;", "condominium: empty"),
            (f"cabinet-1;Les Lilas;{'x' * 201};Jeanne;", "account: too_long"),
            ("cabinet-1;Les Lilas;Lot 12;Jean\x00ne;", "contact: malformed"),
        ],
    )
    def test_d16_a_row_that_cannot_be_kept_is_left_out(self, line: str, field: str) -> None:
        """By the name of its column; the other rows are read."""
        file = read_contacts(_file(line, _contact("Marc", "marc@example.fr")))

        assert [row.name for row in file.rows] == ["Marc"]
        assert file.findings == (Finding(line=2, oddity=Oddity.FIELD, field=field),)

    @pytest.mark.parametrize("line", ["cabinet-1;Les Lilas;Lot 12;Jeanne", "cabinet-1;Les Lilas;Lot 12;Jeanne;;", "x"])
    def test_d16_a_row_with_other_cells_than_the_header_is_left_out(self, line: str) -> None:
        """Nobody can say which of them is which."""
        assert _findings(line) == [Finding(line=2, oddity=Oddity.CELLS)]


class TestRefusals:
    """What is no such file is refused as a whole, before anything is written."""

    @pytest.mark.parametrize(
        ("content", "columns"),
        [
            (b"", contact_file.COLUMNS),
            (b"contact;email\nJeanne;j@example.fr", ("portfolio", "condominium", "account")),
            (HEADER.encode() + b";email\n", ("email",)),
            (codecs.BOM_UTF16_LE + f"{HEADER}\n".encode("utf-16-le"), contact_file.COLUMNS),
        ],
    )
    def test_the_header_names_each_column_once(self, content: bytes, columns: tuple[str, ...]) -> None:
        """Without it, a name could be read as an e-mail."""
        refusal = _refusal(content)

        assert (refusal.fault, refusal.columns) == (FileFault.HEADER, columns)

    def test_a_quote_left_open_is_told_with_its_line(self) -> None:
        """Else the rest of the file would be read as one cell."""
        refusal = _refusal(_file(LINE, 'cabinet-1;"Les Lilas;Lot 12;Jeanne;'))

        assert refusal.fault is FileFault.QUOTES
        assert refusal.line == 3

    def test_an_encoding_that_is_none_is_refused(self) -> None:
        """Neither UTF-8 nor Windows-1252 has this byte."""
        assert _refusal(_file(LINE) + b"\x81").fault is FileFault.ENCODING

    def test_a_cell_beyond_all_measure_is_refused(self) -> None:
        """The reader of CSV takes none of more than 128 KiB."""
        assert _refusal(_file("x" * 200_000)).fault is FileFault.QUOTES

    def test_too_many_rows_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """None of them is taken."""
        monkeypatch.setattr(contact_file, "ROWS_MAX", 1)

        assert len(read_contacts(_file(LINE)).rows) == 1
        assert _refusal(_file(LINE, _contact("Marc", ""))).fault is FileFault.TOO_MANY_ROWS

    def test_too_large_a_file_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before it is looked at."""
        monkeypatch.setattr(contact_file, "FILE_MAX_SIZE", len(_file(LINE)))

        assert len(read_contacts(_file(LINE)).rows) == 1
        assert _refusal(_file(LINE) + b"\n").fault is FileFault.TOO_LARGE


@given(
    content=st.binary(max_size=400)
    | st.text(max_size=200).map(lambda text: f"{HEADER}\n{text}".encode("utf-8", "replace"))
)
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes) -> None:
    """Each row that is read can be kept, and none is read twice."""
    try:
        file = read_contacts(content)
    except FileRefused:
        return

    assert len({row.key for row in file.rows}) == len(file.rows)
    assert all(all(row.key) for row in file.rows)
