"""The library with one safeguard taken out: for each law there is a way to break it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs
import pytest

from coproauth.adapters import memory
from coproauth.adapters.memory import MemoryDirectory
from coproauth.core import login as login_decisions
from coproauth.core import password_reset as reset_decisions
from coproauth.core.accounts import Contact
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.messages import MailKind
from coproauth.core.sessions import SignedIn
from coproauth.core.sources import Source
from coproauth.core.tokens import Keyring, LinkClaims, LinkFault, LinkPurpose, Purpose
from coproauth.policy import Policy
from coproauth.ports import UnitOfWork
from coproauth.services import managing, sessions
from coproauth.services.activation import ActivationService
from coproauth.services.login import LoginService
from coproauth.services.passwords import Passwords
from coproauth.testing.ledger import Law
from coproauth.testing.machines import patient_policy

Spoil = Callable[[pytest.MonkeyPatch], None]


def any_manager_may(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whose contact it is."""
    patch.setattr(managing, "require_managed", lambda contact, _: contact)


def all_contacts_are_taken_off(patch: pytest.MonkeyPatch) -> None:
    """With one contact of a login the others are taken off, too."""

    def dissociate(_: ActivationService, work: UnitOfWork, contact: Contact) -> None:
        identity = work.identities.by_contact(contact.id)
        for each in work.links.contacts_of(identity.id) if identity else ():
            work.links.remove(each)

    patch.setattr(ActivationService, "_dissociate", dissociate)


def nothing_is_taken_off(patch: pytest.MonkeyPatch) -> None:
    """A contact that is taken off its login stays on it."""
    patch.setattr(ActivationService, "_dissociate", lambda *_: None)


def removed_contacts_are_listed(patch: pytest.MonkeyPatch) -> None:
    """The directory still names those who are gone."""
    patch.setattr(MemoryDirectory, "remove_contact", lambda *_: None)


def everything_is_listed(patch: pytest.MonkeyPatch) -> None:
    """A login shows whatever is in the directory."""
    patch.setattr(MemoryDirectory, "contacts", lambda self, _: tuple(self._contacts.values()))


def codes_work_again(patch: pytest.MonkeyPatch) -> None:
    """A code that was used looks unused."""
    found = memory._Codes.by_index  # noqa: SLF001 - the safeguard that is taken out

    def by_index(self: memory._Codes, indices: Sequence[str]) -> CodeRecord | None:
        code = found(self, indices)
        return attrs.evolve(code, used_at=None, used_by=None) if code else None

    patch.setattr(memory._Codes, "by_index", by_index)  # noqa: SLF001 - likewise
    patch.setattr(memory._Codes, "consume", lambda *_, **__: True)  # noqa: SLF001 - likewise


def replaced_codes_work(patch: pytest.MonkeyPatch) -> None:
    """A new letter leaves the former one as it is."""
    patch.setattr(memory._Codes, "revoke_of", lambda *_, **__: None)  # noqa: SLF001 - the safeguard that is taken out


def links_outlive_the_password(patch: pytest.MonkeyPatch) -> None:
    """A link is asked whose it is, and not whether the login is as it was."""
    patch.setattr(LinkClaims, "names", lambda self, identity: identity is not None and identity.id == self.identity_id)


def sessions_outlive_the_password(patch: pytest.MonkeyPatch) -> None:
    """Sessions stay open under whatever stamp."""
    patch.setattr(memory._Sessions, "end_all", lambda *_: None)  # noqa: SLF001 - the safeguard that is taken out
    patch.setattr(sessions, "is_live", lambda *_, **__: True)


def the_stamp_is_not_looked_at_again(patch: pytest.MonkeyPatch) -> None:
    """A password is written whatever happened while its hash was computed."""
    write = Passwords.write

    def careless(
        self: Passwords,
        work: UnitOfWork,
        identity: Identity,
        *,
        password_hash: str,
        notice: MailKind,
        temporary_until: datetime | None = None,
    ) -> Identity | None:
        current = work.identities.get(identity.id)
        assert current is not None
        return write(self, work, current, password_hash=password_hash, notice=notice, temporary_until=temporary_until)

    patch.setattr(Passwords, "write", careless)


def sessions_open_whatever_happened(patch: pytest.MonkeyPatch) -> None:
    """A session opens although the password changed while it was verified."""
    open_unchanged = LoginService._open_unchanged  # noqa: SLF001 - the safeguard that is taken out

    def careless(
        self: LoginService,
        work: UnitOfWork,
        identity: Identity,
        renewed: str | None,
        source: Source,
        notice: MailKind | None,
    ) -> SignedIn:
        current = work.identities.get(identity.id) or identity
        return open_unchanged(self, work, current, renewed, source, notice)

    patch.setattr(LoginService, "_open_unchanged", careless)


def any_password_fits(patch: pytest.MonkeyPatch) -> None:
    """Who knows an e-mail is in."""
    patch.setattr(Passwords, "fit", lambda _, identity, __: identity is not None)


def addresses_are_believed(patch: pytest.MonkeyPatch) -> None:
    """Nobody has to read a mail to open a login."""
    trusting = attrs.evolve(patient_policy(), require_email_proof=False)
    patch.setattr("coproauth.testing.adversary.patient_policy", lambda: trusting)


def passwords_are_handed_over_anywhere(patch: pytest.MonkeyPatch) -> None:
    """A manager sets the password of a login that opens other portfolios' accounts."""

    def decide(identity: Identity | None, *_: object, **__: object) -> object:
        refusal = reset_decisions.RefuseHandOver(reason="not_activated")
        return refusal if identity is None else reset_decisions.HandOver(identity)

    patch.setattr(reset_decisions, "decide_hand_over", decide)


def temporary_passwords_open_sessions(patch: pytest.MonkeyPatch) -> None:
    """A password that a manager set is one like others."""

    def decide(identity: Identity | None, *, password_fits: bool, at: datetime) -> login_decisions.Decision:
        fits = identity is not None and password_fits and at is not None
        return login_decisions.OpenSession(identity) if fits and identity else login_decisions.RefuseLogin()

    patch.setattr(login_decisions, "decide_login", decide)


def links_serve_any_purpose(patch: pytest.MonkeyPatch) -> None:
    """A link that was signed here opens whatever it is brought to."""
    read = Keyring.read_link

    def careless(
        self: Keyring, _: LinkPurpose, token: object, *, at: datetime, policy: Policy
    ) -> LinkClaims | LinkFault:
        purposes: list[LinkPurpose] = [Purpose.RESET, Purpose.CHOOSE_PASSWORD, Purpose.CONFIRM_EMAIL]
        answers = [read(self, purpose, token, at=at, policy=policy) for purpose in purposes]
        return next((answer for answer in answers if isinstance(answer, LinkClaims)), LinkFault.INVALID)

    patch.setattr(Keyring, "read_link", careless)


# The law that is found broken; of two, whichever the search meets first.
MUTANTS: tuple[tuple[Spoil, *tuple[Law, ...]], ...] = (
    (any_manager_may, Law.SHORT_HAND),
    (all_contacts_are_taken_off, Law.SHORT_HAND),
    (nothing_is_taken_off, Law.GONE_IS_GONE),
    (removed_contacts_are_listed, Law.GONE_IS_GONE),
    (everything_is_listed, Law.LINKED_BY_CODE),
    (codes_work_again, Law.WORKS_ONCE),
    (replaced_codes_work, Law.WORKS_ONCE),
    (links_outlive_the_password, Law.NOTHING_OLDER),
    (sessions_outlive_the_password, Law.NOTHING_OLDER),
    (the_stamp_is_not_looked_at_again, Law.WORKS_ONCE, Law.NOTHING_OLDER),
    (sessions_open_whatever_happened, Law.NOTHING_OLDER),
    (any_password_fits, Law.NO_STRANGER),
    (addresses_are_believed, Law.PROVED_ADDRESS),
    (passwords_are_handed_over_anywhere, Law.TEMPORARY_REACH),
    (temporary_passwords_open_sessions, Law.TEMPORARY_REACH),
    (links_serve_any_purpose, Law.ONE_PURPOSE),
)
