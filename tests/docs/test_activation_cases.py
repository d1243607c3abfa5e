"""The table of ``activate`` in the documentation is what the library does: every row is played."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TypedDict

import attrs
import pytest

from coproauth import Contact, Refused, SignedIn
from coproauth.adapters.system import SystemSecrets
from coproauth.core.activation_codes import ActivationCode
from coproauth.testing.sandbox import PASSWORD, Sandbox

_PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "activation.md"
_HEADING = "\n## `activate` by case\n"
_KNOWN = "known@example.fr"  # has a login
_SPENDER = "spender@example.fr"  # has used the code, where it was used
_NEW = "new@example.fr"
_ENDLESS = "une girafe " * 1000


class _Typed(TypedDict):
    """What a person types beside code and e-mail."""

    password: str
    email_code: str | None


@attrs.frozen
class _Stage:
    """A town with one login, and one person who has a letter."""

    box: Sandbox
    known: Contact
    reader: Contact

    @classmethod
    def build(cls) -> _Stage:
        box = Sandbox.build()
        stage = cls(box, known=box.contact("Louis Bernard"), reader=box.contact())
        box.activate(stage.known, _KNOWN)
        return stage

    def activate(self, code: str, email: str, typed: _Typed) -> SignedIn:
        return self.box.auth.activation.activate(code=code, email=email, source=self.box.source, **typed)

    def digits(self, code: str) -> str:
        """Have six digits sent to the new address, and read them."""
        with pytest.raises(Refused):
            self.activate(code, _NEW, _password(PASSWORD))
        return self.box.digits_for(_NEW)


def _password(password: str, email_code: str | None = None) -> _Typed:
    return _Typed(password=password, email_code=email_code)


def _malformed(_: _Stage) -> str:
    return "XXXX-1234"


def _unknown(_: _Stage) -> str:
    return str(ActivationCode.draw(SystemSecrets().token_bytes))


def _revoked(stage: _Stage) -> str:
    code = stage.box.code_for(stage.reader)
    stage.box.code_for(stage.reader)
    return code


def _expired(stage: _Stage) -> str:
    code = stage.box.code_for(stage.reader)
    stage.box.later(days=30)
    return code


def _used(stage: _Stage) -> str:
    code = stage.box.code_for(stage.reader)
    stage.box.activate_with(code, _SPENDER)
    return code


def _good(stage: _Stage) -> str:
    return stage.box.code_for(stage.reader)


def _any(_: _Stage, __: str) -> _Typed:
    return _password("x")


def _right(_: _Stage, __: str) -> _Typed:
    return _password(PASSWORD)


def _set_by_manager(stage: _Stage, _: str) -> _Typed:
    by = stage.box.manager_of(stage.known)
    return _password(stage.box.auth.password_reset.set_password(stage.known.id, by=by).password)


def _wrong(_: _Stage, __: str) -> _Typed:
    return _password("deux loutres dans la cour")


def _endless(_: _Stage, __: str) -> _Typed:
    return _password(_ENDLESS)


def _wrong_digits(stage: _Stage, code: str) -> _Typed:
    return _password(PASSWORD, f"{(int(stage.digits(code)) + 1) % 10**6:06}")


def _late_digits(stage: _Stage, code: str) -> _Typed:
    digits = stage.digits(code)
    stage.box.later(minutes=10)
    return _password(PASSWORD, digits)


def _right_digits(stage: _Stage, code: str) -> _Typed:
    return _password(PASSWORD, stage.digits(code))


_CODES: dict[str, list[Callable[[_Stage], str]]] = {
    "malformed, unknown, revoked": [_malformed, _unknown, _revoked],
    "expired, never used": [_expired],
    "used": [_used],
    "good": [_good],
}
_EMAILS = {
    "any": ["nobody", _KNOWN, _NEW],
    "malformed": ["nobody", f"{_NEW}, {_KNOWN}"],
    "of the login that used it": [_SPENDER],
    "another, or no address": [_KNOWN, _NEW, "nobody"],
    "of an existing login": [_KNOWN],
    "new": [_NEW],
}
_PASSWORDS: dict[str, list[Callable[[_Stage, str], _Typed]]] = {
    "any": [_any, _right, _wrong, _endless],
    "right": [_right],
    "right, but set by a manager": [_set_by_manager],
    "wrong": [_wrong, _any, _endless],
    "against the policy": [_any, _endless],
    "good, no `email_code`": [_right],
    "good, wrong `email_code`": [_wrong_digits],
    "good, late `email_code`": [_late_digits],
    "good, right `email_code`": [_right_digits],
}


def _rows() -> list[list[str]]:
    table = _PAGE.read_text("utf-8").partition(_HEADING)[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line[:2] == "| "]
    return rows[2:]  # below the head and its rule


def _ways(row: list[str]) -> Iterator[tuple[Callable[[_Stage], str], str, Callable[[_Stage, str], _Typed]]]:
    code, email, password, _ = row
    yield from product(_CODES[code], _EMAILS[email], _PASSWORDS[password])


def _ending(call: Callable[[], SignedIn]) -> list[str]:
    """Return the names by which the table tells how a call ended."""
    try:
        return [type(call()).__name__]
    except Refused as refusal:
        return [type(refusal).__name__, refusal.reason]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: ": ".join(row[:3]))
def test_every_row_ends_as_it_says(row: list[str]) -> None:
    """Whatever a row leaves open is tried in each way; what it names is what the call returns or raises."""
    *_, outcome = row
    told = re.findall(r"`(\w+)`", outcome)
    for arrange, email, choose in _ways(row):
        stage = _Stage.build()
        code = arrange(stage)
        typed = choose(stage, code)

        ending = _ending(lambda: stage.activate(code, email, typed))  # noqa: B023 - called at once

        assert ending[: len(told)] == told, (arrange, email, choose)
        if "code kept" in outcome:
            assert stage.box.auth.activation.preview(code, source=stage.box.source).contact_name == stage.reader.name


def test_every_way_is_in_some_row() -> None:
    """No word of this file has lost its row."""
    columns = list(zip(*_rows(), strict=True))

    assert [set(column) for column in columns[:3]] == [_CODES.keys(), _EMAILS.keys(), _PASSWORDS.keys()]
