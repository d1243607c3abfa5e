"""What the commands ask of the system they run on."""

from __future__ import annotations

import pytest

from coproauth.commands.options import operator_name
from coproauth.core.accounts import ID_MAX_LENGTH, parse_id

_LONGEST = "x" * ID_MAX_LENGTH


@pytest.mark.parametrize(
    ("name", "known_as"), [("claire", "claire"), ("a\nb", "a\N{REPLACEMENT CHARACTER}b"), (_LONGEST + "x", _LONGEST)]
)
def test_any_name_of_an_operator_can_be_put_on_record(
    monkeypatch: pytest.MonkeyPatch, name: str, known_as: str
) -> None:
    """No name in the operating system stops a command, or is taken for a wrong argument of it."""
    monkeypatch.setenv("LOGNAME", name)

    assert parse_id(operator_name(), field="operator") == known_as
