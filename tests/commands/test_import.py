"""``coproauth import``: contacts and codes from a file, what was odd, and all of it in the end whatever cuts it off."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.commands.importing import HEADER, codes_in, cut_off_at, events_in, holders, names_in, rows_of, write
from tests.installation import Installation

from coproauth.commands.codes_file import CodesFile


def _no_links(*_: object) -> None:
    """Do as a file system without hard links does."""
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def _then(original: Callable[..., None], act: Callable[[], object]) -> Callable[..., None]:
    """Return what does as the original does, and something else after it."""

    def both(*arguments: object) -> None:
        original(*arguments)
        act()

    return both


@pytest.fixture
def ready(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Installation:
    """An installation with its tables."""
    installation.run("schema", "create")
    capsys.readouterr()
    return installation


def _with_all_that_is_odd(rows: list[str]) -> list[str]:
    """Return rows of which six are odd, each in its way."""
    odd = {
        17: rows[17].replace("c17@example.fr", ""),
        400: rows[400].replace("@", " at "),
        1200: rows[1200].replace("c1200@", "c1199@"),
        3000: rows[3000].replace("c3000@", "C2999@"),
        5000: rows[4999],
        7777: ";;Lot 1;Jeanne;",
    }
    return [odd.get(number, row) for number, row in enumerate(rows)]


@pytest.mark.no_cover
def test_d16_ten_thousand_contacts_with_all_that_is_odd(
    each_installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """D-16: contacts and codes, no login, no mail; each odd row is told; the second run changes nothing."""
    each_installation.run("schema", "create")
    file = write(each_installation, *_with_all_that_is_odd(rows_of(10_000)))
    codes = each_installation.folder / "codes.csv"
    capsys.readouterr()

    statuses = [each_installation.run("import", str(file), "--codes", str(codes))]
    first = capsys.readouterr().out.splitlines()
    statuses.append(each_installation.run("import", str(file)))
    second = capsys.readouterr().out.splitlines()

    assert statuses == [1, 1]
    assert first == [
        "line 19: no e-mail",
        "line 402: the e-mail is none, and left out",
        "line 1202: the same e-mail as in line 1201",
        "line 3002: the same e-mail as in line 3001, in other letters",
        "line 5002: the same contact as in line 5001",
        "line 7779: left out: portfolio: empty",
        "added: 200 condominiums, 5000 accounts, 9998 contacts, 9998 codes",
        "there already: 0 contacts",
    ]
    assert second == [
        *first[:6],
        "added: 0 condominiums, 0 accounts, 0 contacts",
        "there already: 9998 contacts",
    ]
    assert len(codes_in(codes)) == 9998
    assert each_installation.queued() == []


def test_an_import_is_on_record_once(ready: Installation) -> None:
    """However many batches it takes; a look is no event."""
    ready.configure("[audit]\ntable = true\n")
    file = write(ready, *rows_of(1200))

    ready.run("import", str(file), "--dry-run")
    ready.run("import", str(file), "--codes", str(ready.folder / "codes.csv"))

    assert events_in(ready) == [("contacts_imported", "succeeded", None)]


ON_FILE = "on the contact's file"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("Claire@example.org", "the same e-mail as {}, in other letters"),
        ("claire@example.net", "another e-mail than {}, and not imported"),
    ],
)
def test_another_email_is_told_across_imports(
    ready: Installation, capsys: pytest.CaptureFixture[str], other: str, told: str
) -> None:
    """In the words in which it is told within a file."""
    rows = [f"cabinet-1;Les Lilas;Lot 1;Claire;{email}" for email in ("claire@example.org", other)]
    ready.run("import", str(write(ready, *rows)))
    within = capsys.readouterr().out.splitlines()[0]

    ready.run("import", str(write(ready, rows[1])))

    across = capsys.readouterr().out.splitlines()[0]
    assert within == f"line 3: {told.format('in line 2')}"
    assert across == f"line 2: {told.format(ON_FILE)}"


class TestCodes:
    """The file of codes holds one for each contact that was added, and is its owner's alone."""

    def test_each_new_contact_has_one_that_works(self, ready: Installation) -> None:
        """With the names that a letter needs; contacts that were there already get none."""
        file = write(ready, *rows_of(2))
        ready.run("import", str(file))
        codes = ready.folder / "codes.csv"

        status = ready.run("import", str(write(ready, *rows_of(4))), "--codes", str(codes))

        written = codes_in(codes)
        assert status == 0
        assert [row["contact"] for row in written] == ["Contact 2", "Contact 3"]
        assert holders(ready, [row["code"] for row in written]) == ["Contact 2", "Contact 3"]
        assert set(written[0]) == {"portfolio", "condominium", "account", "contact", "code", "expires_at"}
        assert stat.S_IMODE(codes.stat().st_mode) == 0o600

    def test_a_file_that_is_there_is_not_overwritten(
        self, ready: Installation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And nothing is imported: its codes would have no place."""
        codes = ready.folder / "codes.csv"
        codes.write_text("other codes")

        status = ready.run("import", str(write(ready, *rows_of(2))), "--codes", str(codes))

        assert status == 1
        assert "not overwritten" in capsys.readouterr().err
        assert codes.read_text() == "other codes"
        assert names_in(ready) == []

    def test_without_new_contacts_there_is_no_file(self, ready: Installation) -> None:
        """Nobody prints an empty one."""
        file = write(ready, *rows_of(2))
        ready.run("import", str(file))

        status = ready.run("import", str(file), "--codes", str(ready.folder / "codes.csv"))

        assert status == 0
        assert [path.name for path in ready.folder.glob("codes*")] == []

    def test_a_name_is_no_formula(self, ready: Installation) -> None:
        """A spreadsheet evaluates nothing of it; the contact keeps its name."""
        names = ["=1+1", "+33 1", "-Jeanne", "@home", "\uff1d1+1", "Anne-Marie = Dupont"]
        codes = ready.folder / "codes.csv"

        ready.run(
            "import", str(write(ready, *(f"cabinet-1;Lilas;Lot;{name};" for name in names))), "--codes", str(codes)
        )

        assert [row["contact"] for row in codes_in(codes)] == [*(f"'{name}" for name in names[:-1]), names[-1]]
        assert names_in(ready) == names

    def test_hard_links_are_not_needed(self, ready: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some file systems have none."""
        monkeypatch.setattr(os, "link", _no_links)
        codes = ready.folder / "codes.csv"

        status = ready.run("import", str(write(ready, *rows_of(2))), "--codes", str(codes))

        assert (status, len(codes_in(codes))) == (0, 2)
        assert stat.S_IMODE(codes.stat().st_mode) == 0o600
        assert [path.name for path in ready.folder.glob("codes*")] == ["codes.csv"]

    @pytest.mark.parametrize("link", [os.link, _no_links])
    def test_a_file_that_appears_meanwhile_is_not_overwritten(
        self,
        ready: Installation,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        link: Callable[..., None],
    ) -> None:
        """The codes stay in the partial one."""
        codes = ready.folder / "codes.csv"
        monkeypatch.setattr(os, "link", link)
        monkeypatch.setattr(CodesFile, "keep", _then(CodesFile.keep, lambda: codes.write_text("other codes")))

        status = ready.run("import", str(write(ready, *rows_of(2))), "--codes", str(codes))

        assert (status, codes.read_text()) == (1, "other codes")
        assert os.strerror(errno.EEXIST) in capsys.readouterr().err
        assert len(codes_in(codes.with_name("codes.csv.partial"))) == 2

    def test_an_import_is_cut_off_while_the_file_gets_its_name(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without hard links an empty file stands there for a moment; the same command fills it."""
        file, codes = write(ready, *rows_of(2)), ready.folder / "codes.csv"
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", _no_links)
            patch.setattr(Path, "replace", cut_off_at(1, lambda *_: None))
            assert ready.run("import", str(file), "--codes", str(codes)) == 130

        status = ready.run("import", str(file), "--codes", str(codes))

        assert (status, [row["contact"] for row in codes_in(codes)]) == (0, ["Contact 0", "Contact 1"])

    def test_a_folder_that_is_not_there_is_told(self, ready: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        """Before anything is imported."""
        status = ready.run(
            "import", str(write(ready, *rows_of(2))), "--codes", str(ready.folder / "gone" / "codes.csv")
        )

        assert status == 1
        assert "cannot be written" in capsys.readouterr().err
        assert names_in(ready) == []

    def test_a_file_that_another_import_is_writing_is_left_to_it(
        self, ready: Installation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Two that write at once would spoil it."""
        codes = ready.folder / "codes.csv"
        with codes.with_name("codes.csv.partial").open("wb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)

            status = ready.run("import", str(write(ready, *rows_of(2))), "--codes", str(codes))

        assert status == 1
        assert "Another import" in capsys.readouterr().err


class TestFiles:
    """A file that cannot be imported is refused with a reason, and nothing is written."""

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"contact;email\n", "must name each of these columns once: portfolio, condominium, account"),
            (f'{HEADER}\na;b;c;"d;e'.encode(), "at line 2"),
            (f"{HEADER}\n".encode() + b"\x81", "neither in UTF-8 nor in Windows-1252"),
        ],
    )
    def test_the_fault_is_told(
        self, ready: Installation, capsys: pytest.CaptureFixture[str], content: bytes, sentence: str
    ) -> None:
        """One sentence."""
        file = ready.folder / "contacts.csv"
        file.write_bytes(content)

        status = ready.run("import", str(file))

        printed = capsys.readouterr()
        assert (status, printed.out) == (1, "")
        assert sentence in printed.err

    def test_a_file_that_is_not_there_is_told(self, ready: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        """By its name."""
        assert ready.run("import", "nothing.csv") == 1
        assert "nothing.csv" in capsys.readouterr().err

    def test_tables_that_are_not_there_are_told(
        self, installation: Installation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With the command that creates them."""
        status = installation.run("import", str(write(installation, *rows_of(1))))

        assert status == 1
        assert "schema" in capsys.readouterr().err

    def test_a_dry_run_writes_nothing(self, ready: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        """Neither contacts nor codes; what two batches would both add is counted once."""
        rows = [f"cabinet-1;Les Lilas;Lot 1;Contact {number};" for number in range(600)]

        status = ready.run("import", str(write(ready, *rows)), "--dry-run", "--codes", str(ready.folder / "codes.csv"))

        printed = capsys.readouterr().out.splitlines()
        assert status == 0
        assert printed[-2:] == ["to be added: 1 condominium, 1 account, 600 contacts", "there already: 0 contacts"]
        assert names_in(ready) == []
        assert not list(ready.folder.glob("codes*"))


class TestProgress:
    """A bar where somebody looks, and none where nobody does."""

    def test_without_a_terminal_there_is_no_bar(self, ready: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        """What is written to a log is what was done."""
        ready.run("import", str(write(ready, *rows_of(2))))

        assert capsys.readouterr().err == ""

    def test_on_a_terminal_there_is(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It counts rows, on standard error."""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

        ready.run("import", str(write(ready, *rows_of(2))))

        assert re.search(r"0%.*0/2", capsys.readouterr().err)

    def test_it_works_without_the_extra(self, ready: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        """The bar is all that is missing."""
        monkeypatch.setitem(sys.modules, "tqdm", None)

        assert ready.run("import", str(write(ready, *rows_of(2)))) == 0
        assert names_in(ready) == ["Contact 0", "Contact 1"]
