"""Every way on which a password or an address is given, and a town with one login in each state it can be in.

The address is the same in every state, so that whatever differs in an answer is told by the state alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import attrs
import pytest
from tests.town import JEANNE, Town

from coproauth import (
    AccountSwitcher,
    ActivationService,
    Contact,
    LoginService,
    Manager,
    PasswordChangeRequired,
    PasswordResetService,
    Refused,
)
from coproauth.testing.sandbox import PASSWORD

State = Literal["unknown", "waiting", "known", "imported", "orphan", "handed over", "outdated"]

GUESS = "deux loutres dans la cour"
OTHER = "trois pommes sur un nuage"
STATES: tuple[State, ...] = get_args(State)
WITHOUT_LOGIN: tuple[State, ...] = ("unknown", "waiting")
WITH_LOGIN: tuple[State, ...] = ("known", "imported", "orphan", "handed over", "outdated")
WITH_SESSION: tuple[State, ...] = ("known", "imported", "orphan")

_GIVEN = {"email", "new_email", "password", "current_password", "new_password"}
_SERVICES = {
    "activation": ActivationService,
    "login": LoginService,
    "password_reset": PasswordResetService,
    "accounts": AccountSwitcher,
}
_MALLORY = "mallory@example.org"
_OTHER_FIRM = Manager(id="manager-2", portfolio_id="portfolio-2")


@attrs.frozen(kw_only=True)
class Scene:
    """A town in which Jeanne's login is in one state.

    Attributes:
        session: of Jeanne, opened before; empty where a state leaves none.
    """

    town: Town
    contact: Contact
    session: str = ""

    @classmethod
    def of(cls, state: State, *, town: Town | None = None) -> Scene:
        """Found the town if there is none, and bring the login into its state."""
        town = town or Town.found()
        contact = town.contact()
        if state == "unknown":
            return cls(town=town, contact=contact)
        if state == "waiting":
            town.code_for(contact)
            return cls(town=town, contact=contact)
        session = town.activate(contact, JEANNE).token
        match state:
            case "imported":
                rewrite(town, password_hash=None)
            case "orphan":
                town.directory.remove_condominium(contact.account.condominium_id)
            case "handed over" | "outdated":
                town.auth.password_reset.set_password(contact.id, by=town.manager, new_password=OTHER)
            case _:
                pass
        if state == "outdated":
            rewrite(town, temporary_until=town.clock.now())
        return cls(town=town, contact=contact, session=session)

    def code(self) -> str:
        """Return a good code of somebody else."""
        return self.town.code_for(self.town.contact("Marc Dubois", condominium="Les Pins"))

    def mallory(self) -> str:
        """Return a session of somebody else."""
        return self.town.move_in(_MALLORY).token

    def choice(self) -> str:
        """Return the token to which the temporary password leads."""
        with pytest.raises(PasswordChangeRequired) as required:
            self.town.log_in(JEANNE, password=OTHER)
        return required.value.token


@attrs.frozen
class Way:
    """One way, what it is answered with, and how many hashes are computed for that, in each of the states alike.

    Attributes:
        is_guess: whether it tries a password, so that the throttle must count it on Jeanne's login.
    """

    method: str
    states: tuple[State, ...]
    prepare: Callable[[Scene], Callable[[], object]]
    answer: str
    hashes: int
    is_guess: bool = False

    def seen_in(self, state: State) -> tuple[str, int]:
        """Return the answer and the number of hashes in one state."""
        scene = Scene.of(state)
        act = self.prepare(scene)
        scene.town.hasher.seen.clear()
        return answer_to(act), len(scene.town.hasher.seen)


def answer_to(act: Callable[[], object]) -> str:
    """Return all that a refusal tells, or the class of what is returned."""
    try:
        return type(act()).__name__
    except Refused as refusal:
        told = {name: value for name, value in vars(refusal).items() if name not in {"token", "reason"}}
        return " ".join([type(refusal).__name__, refusal.reason, *(f"{name}={told[name]}" for name in sorted(told))])


def rewrite(town: Town, **change: object) -> None:
    """Change the record of Jeanne's login where it is stored."""
    with town.store.writing() as work:
        identity = work.identities.by_email(JEANNE)
        assert identity is not None
        changed = attrs.evolve(identity, **change)  # type: ignore[arg-type]
        assert work.identities.save(changed, expected_stamp=identity.credential_stamp)


def given() -> Iterator[str]:
    """Yield every public method that takes a password or an address."""
    for attribute, service in _SERVICES.items():
        for name, function in inspect.getmembers(service, inspect.isfunction):
            if not name.startswith("_") and _GIVEN & inspect.signature(function).parameters.keys():
                yield f"{attribute}.{name}"


def _log_in(scene: Scene) -> Callable[[], object]:
    return lambda: scene.town.log_in(JEANNE, password=GUESS)


def _activate(scene: Scene) -> Callable[[], object]:
    town, code = scene.town, scene.code()
    return lambda: town.auth.activation.activate(code=code, email=JEANNE, password=GUESS, source=town.source)


def _request(scene: Scene) -> Callable[[], object]:
    return lambda: scene.town.auth.password_reset.request(email=JEANNE, source=scene.town.source)


def _take_address(scene: Scene) -> Callable[[], object]:
    town, session = scene.town, scene.mallory()
    return lambda: town.auth.login.change_email(
        session, new_email=JEANNE, current_password=PASSWORD, source=town.source
    )


def _reauthenticate(scene: Scene) -> Callable[[], object]:
    town = scene.town
    return lambda: town.auth.login.reauthenticate(scene.session, password=GUESS, source=town.source)


def _change_password(scene: Scene) -> Callable[[], object]:
    town = scene.town
    return lambda: town.auth.login.change_password(
        scene.session, current_password=GUESS, new_password="quatre nuages violets", source=town.source
    )


def _change_email(scene: Scene) -> Callable[[], object]:
    town = scene.town
    return lambda: town.auth.login.change_email(
        scene.session, new_email="new@example.fr", current_password=GUESS, source=town.source
    )


def _redeem(scene: Scene) -> Callable[[], object]:
    town, token = scene.town, scene.town.reset_token()
    return lambda: town.auth.password_reset.redeem(token, new_password=GUESS, source=town.source)


def _choose(scene: Scene) -> Callable[[], object]:
    town, token = scene.town, scene.choice()
    return lambda: town.auth.login.choose_password(token, new_password=GUESS, source=town.source)


def _set_password(scene: Scene) -> Callable[[], object]:
    return lambda: scene.town.auth.password_reset.set_password(scene.contact.id, by=_OTHER_FIRM, new_password=GUESS)


_WRONG = "ReauthenticationRequired wrong_password"

WAYS = (
    Way("login.log_in", STATES, _log_in, "LoginRefused login_refused", 1, is_guess=True),
    Way(
        "activation.activate",
        WITH_LOGIN,
        _activate,
        "EmailAlreadyRegistered email_already_registered",
        1,
        is_guess=True,
    ),
    Way("activation.activate", WITHOUT_LOGIN, _activate, "EmailProofRequired email_proof_required", 0),
    Way("password_reset.request", STATES, _request, "NoneType", 0),
    Way("login.change_email", STATES, _take_address, "NoneType", 1),
    Way("login.change_email", WITH_SESSION, _change_email, _WRONG, 1, is_guess=True),
    Way("login.reauthenticate", WITH_SESSION, _reauthenticate, _WRONG, 1, is_guess=True),
    Way("login.change_password", WITH_SESSION, _change_password, _WRONG, 1, is_guess=True),
    Way("password_reset.redeem", WITH_LOGIN, _redeem, "NoneType", 1),
    Way("login.choose_password", ("handed over",), _choose, "SignedIn", 2),
    Way("password_reset.set_password", STATES, _set_password, "NotAllowed not_allowed", 0),
)
