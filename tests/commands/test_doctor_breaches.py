"""``coproauth doctor`` on who knows the passwords that leaked elsewhere."""

from __future__ import annotations

import hashlib

import pytest
from tests.installation import Installation


def _findings(installation: Installation, capsys: pytest.CaptureFixture[str]) -> list[str]:
    installation.run("doctor")
    return [line for line in capsys.readouterr().out.splitlines() if " breaches: " in line]


@pytest.mark.parametrize(
    ("table", "leaked", "told"),
    [
        ("", "", "ok   breaches: not configured: whether a new password has leaked is not asked"),
        ("file = 'leaked'", "password", "ok   breaches: leaked passwords are known"),
        ("file = 'leaked'", "other", "FAIL breaches: not even the most common password is known to have leaked → see"),
        ("file = 'missing'", "", "FAIL breaches: no answer: FileNotFoundError → see that the file or the address"),
        ("range_url = 'http://a.example'", "", "FAIL breaches: the url of ranges must be a plain https:// address"),
    ],
)
def test_leaked_passwords_are_asked_for(
    installation: Installation, capsys: pytest.CaptureFixture[str], table: str, leaked: str, told: str
) -> None:
    """Whoever is configured knows the most common password, or something is wrong."""
    (installation.folder / "leaked").write_text(hashlib.sha1(leaked.encode(), usedforsecurity=False).hexdigest())
    installation.configure(f"[breaches]\n{table}" if table else "")

    (line,) = _findings(installation, capsys)

    assert line.startswith(told)
