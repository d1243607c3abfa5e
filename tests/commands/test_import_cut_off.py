"""``coproauth import`` cut off: whatever it was that cut it, the same command completes it."""

from __future__ import annotations

import errno
import os
from collections import Counter

import pytest
from tests.commands.importing import codes_in, cut_off_at, events_in, holders, names_in, rows_of, write
from tests.installation import Installation

from coproauth import Unavailable
from coproauth.adapters.sqlalchemy.contact_import import ContactImport
from coproauth.commands.codes_file import CodesFile


class TestCutOff:
    """Whatever cuts an import off, the same command completes it: each contact once, each with one code."""

    @pytest.mark.parametrize("call", [1, 2, 3])
    @pytest.mark.parametrize("when", ["before the contacts are kept", "after the contacts are kept"])
    def test_the_same_command_completes_it(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch, when: str, call: int
    ) -> None:
        """Codes that were on disk and never kept are in no letter; those that were kept are."""
        file, codes = write(ready, *rows_of(1200)), ready.folder / "codes.csv"
        with monkeypatch.context() as patch:
            if when.startswith("before"):
                patch.setattr(os, "fsync", cut_off_at(call, os.fsync))
            else:
                patch.setattr(CodesFile, "keep", cut_off_at(call, CodesFile.keep))
            assert ready.run("import", str(file), "--codes", str(codes)) == 130
            assert not codes.exists()

        status = ready.run("import", str(file), "--codes", str(codes))

        written = codes_in(codes)
        assert status == 0
        assert Counter(row["contact"] for row in written) == Counter(names_in(ready))
        assert len(written) == 1200
        sample = [written[place] for place in (0, 499, 500, 999, 1000, 1199)]
        assert holders(ready, [row["code"] for row in sample]) == [row["contact"] for row in sample]
        assert [path.name for path in ready.folder.glob("codes*")] == ["codes.csv"]

    def test_a_line_that_was_half_written_is_taken_out(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The machine lost its power in the middle of a batch."""
        file, codes = write(ready, *rows_of(600)), ready.folder / "codes.csv"
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", cut_off_at(2, os.fsync))
            ready.run("import", str(file), "--codes", str(codes))
        partial = codes.with_name("codes.csv.partial")
        partial.write_bytes(partial.read_bytes()[:-70])

        ready.run("import", str(file), "--codes", str(codes))

        assert sorted(row["contact"] for row in codes_in(codes)) == sorted(names_in(ready))

    def test_codes_of_another_installation_are_not_thrown_away(
        self, ready: Installation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """More unknown codes than one batch can leave behind are no trace of an import here."""
        partial = ready.folder / "codes.csv.partial"
        content = "portfolio;condominium;account;contact;code;expires_at\n" + "c;r;l;n;0000-0000-0000-0000;x\n" * 501
        partial.write_text(content)

        status = ready.run("import", str(write(ready, *rows_of(1))), "--codes", str(ready.folder / "codes.csv"))

        assert status == 1
        assert "move it away" in capsys.readouterr().err
        assert partial.read_text() == content

    def test_an_outage_is_told_and_on_record(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A sentence, and in the trail that it failed."""
        ready.configure("[audit]\ntable = true\n")

        def away(*_: object) -> None:
            raise Unavailable(reason="store_away")

        monkeypatch.setattr(CodesFile, "keep", away)

        status = ready.run("import", str(write(ready, *rows_of(1))), "--codes", str(ready.folder / "codes.csv"))

        assert status == 1
        assert "database cannot be reached" in capsys.readouterr().err
        assert events_in(ready) == [("contacts_imported", "failed", "store_away")]

    def test_a_failure_elsewhere_is_not_told_of_the_file(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever is sent to look at a file that is well looks in vain."""

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(ContactImport, "add", fail)

        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            ready.run("import", str(write(ready, *rows_of(1))), "--codes", str(ready.folder / "codes.csv"))

    def test_a_full_disk_is_told_and_keeps_nothing(
        self, ready: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No contact has a code that nobody can read."""

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)

        status = ready.run("import", str(write(ready, *rows_of(1))), "--codes", str(ready.folder / "codes.csv"))

        assert status == 1
        assert f"codes.csv cannot be written: {os.strerror(errno.ENOSPC)}." in capsys.readouterr().err
        assert names_in(ready) == []
