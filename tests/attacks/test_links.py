"""Links, codes and tokens: each opens its own door, once, in its time, and for its own login."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import attrs
import pytest
from tests.attacks.pathways import GUESS, OTHER, answer_to
from tests.town import JEANNE, SECRET_KEY, Town, refusal_of

from coproauth import (
    ConfirmEmailMessage,
    Contact,
    Coproauth,
    EmailAlreadyRegistered,
    LoginRefused,
    NotAllowed,
    PasswordChangeRequired,
    ResetLinkMessage,
    ResetRefused,
    SessionRefused,
    SignedIn,
    UnknownAddressMessage,
)
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.adapters.system import SystemSecrets
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.tokens import new_token
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, cheap_policy

MALLORY = "mallory@example.org"


@attrs.frozen
class _Doors:
    """A town in which one secret of each kind is out, and the doors that secrets open."""

    town: Town
    secrets: dict[str, str]
    code: str

    @classmethod
    def build(cls) -> _Doors:
        town = Town.found()
        handed, pins = town.contact(), town.contact(condominium="Les Pins")
        town.activate(handed, "handed@example.fr")
        temporary = town.auth.password_reset.set_password(handed.id, by=town.manager).password
        with pytest.raises(PasswordChangeRequired) as required:
            town.log_in("handed@example.fr", password=temporary)
        session = town.move_in().token
        reset = town.reset_token()
        town.auth.login.change_email(session, new_email="new@example.fr", current_password=PASSWORD, source=town.source)
        code = town.code_for(town.contact(condominium="Le Moulin"))
        refusal_of(
            lambda: town.auth.activation.activate(code=code, email=MALLORY, password=PASSWORD, source=town.source)
        )
        (handle,) = [one.handle for one in town.auth.login.sessions(session) if one.is_current]
        secrets = {
            "session": session,
            "reset link": reset,
            "choice of a password": required.value.token,
            "confirmation": town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2],
            "code": town.code_for(pins),
            "digits": town.digits_for(MALLORY),
            "handle": handle,
            "temporary password": temporary,
        }
        return cls(town, secrets, code)

    def key(self, door: str, secret: str) -> Callable[[], object]:
        """Return what tries a secret at a door."""
        auth, source = self.town.auth, self.town.source
        doors: dict[str, Callable[[], object]] = {
            "session": lambda: auth.login.session(secret),
            "reset link": lambda: auth.password_reset.redeem(secret, new_password=GUESS, source=source),
            "choice of a password": lambda: auth.login.choose_password(secret, new_password=GUESS, source=source),
            "confirmation": lambda: auth.login.confirm_email(secret, source=source),
            "code": lambda: auth.activation.preview(secret, source=source),
            "digits": lambda: auth.activation.activate(
                code=self.code, email=MALLORY, password=PASSWORD, email_code=secret, source=source
            ),
        }
        return doors[door]


_DOORS = ("session", "reset link", "choice of a password", "confirmation", "code", "digits")


def test_a29_every_secret_opens_its_own_door_and_no_other() -> None:
    """Of all kinds of secrets at all doors, only the diagonal is accepted."""
    kinds = _Doors.build().secrets

    opened = [(kind, door) for kind in kinds for door in _DOORS if _opens(kind, door)]

    assert opened == [(door, door) for door in _DOORS]


def _opens(kind: str, door: str) -> bool:
    doors = _Doors.build()
    answer = answer_to(doors.key(door, doors.secrets[kind]))
    return answer in {"Session", "NoneType", "SignedIn", "ActivationPreview"}


@pytest.mark.parametrize("token", ["", " ", ".", "None", "null", "undefined", "0"])
@pytest.mark.parametrize("door", _DOORS)
def test_a37_a_blank_token_opens_nothing(door: str, token: str) -> None:
    """Nothing that is stored or computed ever equals an empty or a missing secret."""
    doors = _Doors.build()

    assert answer_to(doors.key(door, token)).partition(" ")[0] in {
        "SessionRefused",
        "ResetRefused",
        "ActivationRefused",
        "EmailProofRequired",
    }


def test_a37_an_abandoned_flow_is_not_finished(town: Town) -> None:
    """A link that was asked for, and overtaken by a change of password in between, finishes nothing."""
    session = town.move_in().token
    abandoned = town.reset_token()
    town.auth.login.change_password(session, current_password=PASSWORD, new_password=OTHER, source=town.source)

    answer = refusal_of(lambda: town.auth.password_reset.redeem(abandoned, new_password=GUESS, source=town.source))

    assert answer == (ResetRefused, "link_invalid")
    assert town.log_in(JEANNE, password=OTHER).session.email == JEANNE


def test_a37_digits_without_the_step_before_prove_nothing(town: Town) -> None:
    """Whoever begins with the last step has no proof pending that any digits could fit."""
    code = town.code_for(town.contact())

    def prove(digits: str) -> str:
        activate, source = town.auth.activation.activate, town.source
        return answer_to(lambda: activate(code=code, email=JEANNE, password=PASSWORD, email_code=digits, source=source))

    answers = {prove(digits) for digits in ("000000", "", "123456", "None")}

    assert answers == {"EmailProofRequired email_code_expired"}


def test_a39_tokens_do_not_follow_from_seed_or_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same seed and the same instant, a hundred thousand tokens and as many codes never repeat."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    state = random.getstate()
    token_bytes = SystemSecrets().token_bytes
    drawn: set[str] = set()

    for _ in range(10):
        random.seed(7)
        drawn |= {new_token(token_bytes) for _ in range(10_000)}
        drawn |= {str(ActivationCode.draw(token_bytes)) for _ in range(1_000)}
    random.setstate(state)

    assert len(drawn) == 10 * 11_000


def test_a39_two_installations_with_one_seed_draw_different_secrets() -> None:
    """Code, session and temporary password of two runs that are alike in everything differ all the same."""
    state = random.getstate()

    runs = [_secrets_of_a_run() for _ in range(2)]
    random.setstate(state)

    assert not runs[0] & runs[1]


def _secrets_of_a_run() -> set[str]:
    random.seed(7)
    directory = MemoryDirectory()
    auth = Coproauth(
        store=MemoryStore(),
        directory=directory,
        mailer=MemoryMailer(),
        secret_keys=[SECRET_KEY],
        portal_url=PORTAL_URL,
        policy=attrs.evolve(cheap_policy(), require_email_proof=False),
    )
    town = attrs.evolve(Town.found(), auth=auth, directory=directory)
    contact = town.contact()
    code = town.code_for(contact)
    signed_in = town.activate_with(code, JEANNE)
    temporary = auth.password_reset.set_password(contact.id, by=town.manager).password
    return {code, signed_in.token, temporary, signed_in.session.identity_id}


class TestPreHijacking:
    """A-42: whoever was at a login before its owner has nothing left once the owner has reset the password."""

    def _taken(self) -> tuple[Town, Contact, SignedIn]:
        """Return a town in which Mallory opened a login with Jeanne's address, where no proof of it is asked for."""
        town = Town.found(policy=attrs.evolve(cheap_policy(), require_email_proof=False))
        theirs = town.contact("Mallory", condominium="Les Ormes", portfolio_id="portfolio-2")
        return town, theirs, town.activate(theirs, JEANNE, password=OTHER)

    def _reclaim(self, town: Town) -> None:
        town.auth.password_reset.redeem(town.reset_token(), new_password=PASSWORD, source=town.source)

    def test_a42_an_unconfirmed_login_gets_no_account_of_its_victim(self) -> None:
        """The victim's code is not added to it: the password is not the one the victim types, and the code is kept."""
        town, _, signed_in = self._taken()
        code = town.code_for(town.contact())

        answer = refusal_of(
            lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)
        )

        assert answer == (EmailAlreadyRegistered, "email_already_registered")
        assert len(town.auth.login.session(signed_in.token).accounts) == 1
        self._reclaim(town)
        assert len(town.activate_with(code, JEANNE).session.accounts) == 2

    def test_a42_a_session_kept_alive_dies_with_the_reset(self) -> None:
        """So does the password that opened it."""
        town, _, signed_in = self._taken()

        self._reclaim(town)

        assert refusal_of(lambda: town.auth.login.session(signed_in.token))[0] is SessionRefused
        assert refusal_of(lambda: town.log_in(JEANNE, password=OTHER))[0] is LoginRefused

    def test_a42_a_link_and_a_new_address_asked_for_before_die_with_the_reset(self) -> None:
        """Neither a pending change of e-mail nor a former link survives."""
        town, _, signed_in = self._taken()
        town.auth.login.change_email(signed_in.token, new_email=MALLORY, current_password=OTHER, source=town.source)
        (mail,) = town.mail(ConfirmEmailMessage)
        former = town.reset_token()

        self._reclaim(town)

        confirm = mail.url.rpartition("/")[2]
        assert refusal_of(lambda: town.auth.login.confirm_email(confirm, source=town.source))[0] is ResetRefused
        assert refusal_of(lambda: town.auth.password_reset.inspect(former))[0] is ResetRefused

    def test_a42_an_account_of_the_intruder_gives_its_manager_no_hold(self) -> None:
        """The intruder's own contact stays linked, and his manager can still only have a link sent to the owner."""
        town, theirs, _ = self._taken()
        self._reclaim(town)
        town.activate(town.contact(), JEANNE)
        manager = town.manager_of(theirs)

        answer = refusal_of(lambda: town.auth.password_reset.set_password(theirs.id, by=manager))
        town.auth.password_reset.send_link(theirs.id, by=manager)

        assert answer == (NotAllowed, "reset_link_only")
        assert {mail.to for mail in town.mail(ResetLinkMessage)} == {JEANNE}


class TestNoReactivation:
    """A-44: a reset gives back a password, and nothing that was taken away."""

    @pytest.mark.parametrize("removal", ["dissociated", "contact removed", "condominium deleted"])
    def test_a44_a_reset_brings_no_account_back(self, town: Town, removal: str) -> None:
        """Once the account is gone, the login that is reset stays an orphan."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        link = town.reset_token()
        _remove(town, contact, removal)

        town.auth.password_reset.redeem(link, new_password=OTHER, source=town.source)

        assert town.log_in(JEANNE, password=OTHER).session.accounts == ()

    def test_a44_a_link_revives_no_login_that_was_erased(self, town: Town) -> None:
        """The link of a login that is gone is void, and a new request is answered as for a stranger."""
        town.move_in()
        link = town.reset_token()
        town.auth.personal_data.erase(email=JEANNE)

        answer = refusal_of(lambda: town.auth.password_reset.redeem(link, new_password=OTHER, source=town.source))
        town.auth.password_reset.request(email=JEANNE, source=town.source)

        assert answer == (ResetRefused, "link_invalid")
        assert len(town.mail(UnknownAddressMessage)) == 1
        assert refusal_of(lambda: town.log_in(JEANNE, password=OTHER))[0] is LoginRefused


def _remove(town: Town, contact: Contact, removal: str) -> None:
    acts: dict[str, Callable[[], None]] = {
        "dissociated": lambda: town.auth.activation.dissociate(contact.id, by=town.manager),
        "contact removed": lambda: town.directory.remove_contact(contact.id),
        "condominium deleted": lambda: town.directory.remove_condominium(contact.account.condominium_id),
    }
    acts[removal]()
