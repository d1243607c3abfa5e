"""The border: whatever arrives as an argument, the answer is a value or a named refusal, and nothing costly saw it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    AccountSwitcher,
    ActivationService,
    InvalidInput,
    LoginService,
    Maintenance,
    PasswordChangeRequired,
    PasswordResetService,
    PersonalData,
    Refused,
    WaitingMail,
)
from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.core.throttling import ThrottleKey
from coproauth.testing.sandbox import PASSWORD

_NAUGHTY = Path(__file__).parents[2].parent / "shared" / "data" / "blns.json"
_PROOF = "proof@example.fr"
_OTHER = "trois pommes sur un nuage"
_SERVICES = {
    "activation": ActivationService,
    "login": LoginService,
    "password_reset": PasswordResetService,
    "accounts": AccountSwitcher,
    "maintenance": Maintenance,
    "personal_data": PersonalData,
    "waiting_mail": WaitingMail,
}
_HARMLESS = {"login.identifier_of", "login.log_out"}  # no error, and nothing done, for what is not there
_NOT_TEXT: dict[str, object] = {
    "None": None,
    "True": True,
    "False": False,
    "zero": 0,
    "empty bytes": b"",
    "empty list": [],
    "int": 7,
    "float": 0.5,
    "bytes": b"jeanne@example.fr",
    "list": ["jeanne@example.fr"],
    "tuple": ("jeanne@example.fr", "eve@example.fr"),
    "dict": {"email": "jeanne@example.fr"},
    "object": object(),
}
_HOSTILE: dict[str, object] = {
    "empty": "",
    "space": " ",
    "NUL": "\x00",
    "NUL inside": "jeanne\x00@example.fr",
    "line break": "jeanne@example.fr\r\nBcc: eve@example.fr",
    "trailing line break": "jeanne@example.fr\n",
    "lone surrogate": "\ud800",
    "surrogate before": "\ud800.jeanne",
    "surrogates inside": "jeanne\udfff\ud800@example.fr",
    "next line": "\x85",
    "line separator": "\u2028",
    "direction": "\u202e",
    "beyond the planes": "\U0010ffff",
    "marks": "e" + "\u0301" * 500,
    "ligature": "\ufdfa" * 100,
    "dots": "." * 200,
    "dashes": "-" * 300,
    "digits": "1" * 2048,
    "10 MB": "x" * 10_000_000,
    "10 MB of spaces": " " * 10_000_000,
    "10 MB of marks": "\u0301" * 10_000_000,
    "10 MB of dots": "." * 10_000_000,
}


class _PatientThrottle(MemoryThrottle):
    """Counts nothing, so that every call gets as far as its arguments let it."""

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        del keys, at
        return timedelta(0)


class _RewindableStore(MemoryStore):
    """Goes back to what it held, which is cheaper than another stage."""

    def mark(self) -> None:
        """Remember what is held now."""
        self._marked = self._tables  # what is written makes a copy

    def rewind(self) -> None:
        """Hold again what was remembered."""
        self._tables = self._marked


class _Stage:
    """A town in which every public method could succeed."""

    def __init__(self) -> None:
        self.store = _RewindableStore()
        self.town = Town.found(store=self.store, throttle=_PatientThrottle())
        town = self.town
        self.contact = town.contact(email="file@example.fr")
        self.free = town.contact()
        town.activate(self.contact, JEANNE)
        handed = town.contact()
        town.activate(handed, "handed@example.fr")
        temporary = town.auth.password_reset.set_password(handed.id, by=town.manager).password
        with pytest.raises(PasswordChangeRequired) as required:
            town.log_in("handed@example.fr", password=temporary)
        self.choice = required.value.token
        self.reset = town.reset_token()
        self.session = town.log_in(JEANNE).token
        (self.handle,) = [row.handle for row in town.auth.login.sessions(self.session) if row.is_current]
        town.auth.login.change_email(
            self.session, new_email="new@example.fr", current_password=PASSWORD, source=town.source
        )
        self.confirmation = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]
        self.code = town.code_for(self.free)
        self.digits = self._digits()
        town.give_up_a_mail()
        town.hasher.seen.clear()
        self.store.mark()

    def _digits(self) -> str:
        activate = self.town.auth.activation.activate
        refusal_of(lambda: activate(code=self.code, email=_PROOF, password=PASSWORD, source=self.town.source))
        return self.town.digits_for(_PROOF)

    def arguments(self) -> dict[str, dict[str, object]]:
        """Return, for every public method, arguments with which it is answered as it should be."""
        return {
            **self._of_activation(),
            **self._of_login(),
            **self._of_password_reset(),
            "accounts.accounts": {"session_token": self.session},
            "accounts.switch": {"session_token": self.session, "account_id": self.contact.account.id},
            "maintenance.purge": {},
            "personal_data.export": {"email": JEANNE, "operator": "odile"},
            "personal_data.erase": {"email": JEANNE, "operator": "odile"},
            "waiting_mail.backlog": {},
            "waiting_mail.retry": {"mail_id": "lost", "operator": "odile"},
            "waiting_mail.retry_all": {"operator": "odile"},
            "waiting_mail.drop": {"mail_id": "lost", "operator": "odile"},
        }

    def _of_activation(self) -> dict[str, dict[str, object]]:
        by, source, condominium_id = self.town.manager, self.town.source, self.contact.account.condominium_id
        proven = {"code": self.code, "email": _PROOF, "password": PASSWORD, "email_code": self.digits}
        return {
            "activation.issue": {"contact_id": self.free.id, "by": by},
            "activation.activated": {"condominium_id": condominium_id, "by": by},
            "activation.issue_all": {"condominium_id": condominium_id, "by": by},
            "activation.preview": {"code": self.code, "source": source},
            "activation.activate": {**proven, "source": source},
            "activation.link": {"session_token": self.session, "code": self.code, "source": source},
            "activation.dissociate": {"contact_id": self.contact.id, "by": by},
        }

    def _of_login(self) -> dict[str, dict[str, object]]:
        source: dict[str, object] = {"source": self.town.source}
        session: dict[str, object] = {"session_token": self.session}
        sure: dict[str, object] = {**session, **source, "current_password": PASSWORD}
        return {
            "login.log_in": {**source, "email": JEANNE, "password": PASSWORD},
            "login.session": session,
            "login.log_out": session,
            "login.log_out_everywhere": session,
            "login.log_out_elsewhere": session,
            "login.sessions": session,
            "login.end_session": {**session, "handle": self.handle},
            "login.reauthenticate": {**session, **source, "password": PASSWORD},
            "login.change_password": {**sure, "new_password": _OTHER},
            "login.choose_password": {**source, "token": self.choice, "new_password": _OTHER},
            "login.change_email": {**sure, "new_email": "third@example.fr"},
            "login.inspect_email": {"token": self.confirmation},
            "login.confirm_email": {**source, "token": self.confirmation},
            "login.identifier_of": {"contact_id": self.contact.id},
        }

    def _of_password_reset(self) -> dict[str, dict[str, object]]:
        by, source, contact_id = self.town.manager, self.town.source, self.contact.id
        return {
            "password_reset.request": {"email": JEANNE, "source": source},
            "password_reset.inspect": {"token": self.reset},
            "password_reset.redeem": {"token": self.reset, "new_password": _OTHER, "source": source},
            "password_reset.send_link": {"contact_id": contact_id, "by": by},
            "password_reset.set_password": {"contact_id": contact_id, "by": by, "new_password": _OTHER},
        }

    def method(self, name: str) -> Callable[..., object]:
        """Return a public method by the name of its service and its own."""
        service, _, method = name.partition(".")
        found: Callable[..., object] = getattr(getattr(self.town.auth, service), method)
        return found


def _public_methods() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every public method of the services, with its parameters."""
    for attribute, service in _SERVICES.items():
        for name, function in inspect.getmembers(service, inspect.isfunction):
            if not name.startswith("_") and name.isascii():  # the names of mutants are not
                yield f"{attribute}.{name}", tuple(inspect.signature(function).parameters)[1:]


_ARGUMENTS = [(name, parameter) for name, parameters in _public_methods() for parameter in parameters]
_TEXTS = [(name, parameter) for name, parameter in _ARGUMENTS if parameter not in {"by", "source"}]


def _outcome(stage: _Stage, name: str, changes: Mapping[str, object]) -> str:
    """Return how a method answers to its good arguments with some of them changed."""
    try:
        stage.method(name)(**{**stage.arguments()[name], **changes})
    except Refused as refusal:
        return refusal.reason
    return "answered"


def _answers_to(name: str, parameter: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return what each value leads to in the place of one argument; an error that is no refusal is raised."""
    stage = _Stage()
    answers = {}
    for label, value in values.items():
        answers[label] = _outcome(stage, name, {parameter: value})
        assert all(len(password) <= 4096 for password in stage.town.hasher.seen)
        if answers[label] == "answered" and name not in _HARMLESS:
            stage.store.rewind()
    return answers


def test_every_public_method_is_covered() -> None:
    """A new method or argument fails here until it is put on the stage."""
    staged = {name: set(arguments) for name, arguments in _Stage().arguments().items()}

    assert staged == {name: set(parameters) for name, parameters in _public_methods()}


@pytest.mark.parametrize("name", [name for name, _ in _public_methods()])
def test_the_stage_is_set(name: str) -> None:
    """With good arguments each method gets through, so that the tests below reach what they mean to."""
    stage = _Stage()

    assert _outcome(stage, name, {}) == "answered"


@pytest.mark.parametrize(("name", "parameter"), _TEXTS)
def test_a17_another_type_than_text_is_refused(name: str, parameter: str) -> None:
    """A-17: a number, bytes, a list, a dictionary; None only where nothing may be given."""
    answers = _answers_to(name, parameter, _NOT_TEXT)

    may_be_none = parameter in {"email_code", "operator"} or (name, parameter) == (
        "password_reset.set_password",
        "new_password",
    )
    answered = {label for label, answer in answers.items() if answer in {"answered", "email_proof_required"}}
    assert answered == ({"None"} if may_be_none else set())


@pytest.mark.parametrize(("name", "parameter"), _TEXTS)
def test_hostile_text_is_answered(name: str, parameter: str) -> None:
    """Empty, ten megabytes, NUL, line breaks, lone surrogates: a refusal by name, and no hash of anything oversized."""
    answers = _answers_to(name, parameter, _HOSTILE)

    oversized = {answers[label] for label in _HOSTILE if label.startswith("10 MB")}
    assert "answered" not in oversized


@pytest.mark.parametrize(("name", "parameter"), _TEXTS)
def test_a_good_value_with_something_hostile_in_it_is_answered(name: str, parameter: str) -> None:
    """Before, inside and behind; what has no encoding is never taken."""
    good = str(_Stage().arguments()[name][parameter])
    values = {
        f"{symbol!r} at {place}": good[:place] + symbol + good[place:]
        for symbol in ("\ud800", "\x00", "\n", "\u2028", "\u202e")
        for place in (0, 1, len(good) // 2, len(good) - 1, len(good))
    }

    answers = _answers_to(name, parameter, values)

    lone = {answer for label, answer in answers.items() if "ud800" in label}
    assert "answered" not in lone or name in _HARMLESS


@pytest.mark.parametrize(("name", "parameter"), _TEXTS)
@pytest.mark.no_cover
def test_naughty_strings_are_answered(name: str, parameter: str) -> None:
    """None of the big list of naughty strings breaks anything."""
    if not _NAUGHTY.exists():
        pytest.skip("the published lists of hostile text are not part of this repository")
    lines = [str(line) for line in json.loads(_NAUGHTY.read_text(encoding="utf-8"))]

    answers = _answers_to(name, parameter, dict(zip(map(str, range(len(lines))), lines, strict=True)))

    assert len(answers) == len(lines)


@pytest.mark.parametrize("name", [name for name, parameter in _ARGUMENTS if parameter == "by"])
def test_d04_who_is_no_manager_may_nothing(name: str) -> None:
    """D-04: whatever is passed instead of a manager is refused like one of another portfolio."""
    answers = _answers_to(name, "by", _NOT_TEXT | {"text": "manager-1"})

    assert set(answers.values()) == {"not_allowed"}


@pytest.mark.parametrize("name", [name for name, parameter in _ARGUMENTS if parameter == "source"])
def test_what_is_no_source_is_refused(name: str) -> None:
    """An address that was not wrapped, or none: a refusal that names the argument, before anything is looked at."""
    stage = _Stage()

    for value in (None, "192.0.2.1", 7):
        with pytest.raises(InvalidInput) as refusal:
            stage.method(name)(**{**stage.arguments()[name], "source": value})
        assert (refusal.value.field, refusal.value.reason) == ("source", "wrong_type")


def test_a_refused_argument_is_named_as_the_caller_knows_it() -> None:
    """A form can point at the field: what is no text is told under the name of the argument."""
    told = {}
    for name, parameter in _TEXTS:
        stage = _Stage()
        try:
            stage.method(name)(**{**stage.arguments()[name], parameter: 7})
        except InvalidInput as refusal:
            told[name, parameter] = refusal.field
        except Refused:  # of a token nothing is told, not even that it is none
            continue

    assert told == {(name, parameter): parameter for name, parameter in told}
    assert len(told) > 20
