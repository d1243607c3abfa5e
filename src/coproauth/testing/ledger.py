"""What an observer of everything would note: who was given which secret, what it opens, and the laws that must hold.

It is told what people do and what came of it, and reads back what they changed. It decides nothing for the services.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import attrs

from coproauth.core.accounts import Contact, accounts_of
from coproauth.core.identities import Identity
from coproauth.core.sessions import Session


class Law(StrEnum):
    """What no order of calls may break."""

    LINKED_BY_CODE = "a session shows no account without a link made by a code of its contact"
    GONE_IS_GONE = "a dissociated or removed contact is shown nowhere"
    WORKS_ONCE = "a one-time secret works at most once, and not at all once a newer one replaced it"
    NOTHING_OLDER = "after a change of password or e-mail nothing older opens anything"
    NO_STRANGER = "nobody holds a session of an account whose code, password or mailbox he was never given"
    TEMPORARY_REACH = "a temporary password opens no session, and is set only where all accounts are its manager's"
    SHORT_HAND = "a manager changes nothing of another portfolio's contacts but that sessions end"
    ONE_PURPOSE = "a secret opens nothing but what it was made for"
    PROVED_ADDRESS = "a login has an e-mail only if somebody read its mail"


class Violated(AssertionError):  # noqa: N818 - a finding, as an assertion is one
    """A law does not hold.

    Attributes:
        law: which one.
    """

    def __init__(self, law: Law, found: str) -> None:
        """Tell the law, and what was found."""
        super().__init__(f"{law.name}: {law}; {found}")
        self.law = law


def require(law: Law, found: str, *, holds: bool) -> None:
    """Stop where a law does not hold.

    Raises:
        Violated: it does not.
    """
    if not holds:
        raise Violated(law, found)


class Kind(StrEnum):
    """What a secret was made for."""

    CODE = "code"
    DIGITS = "digits"
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    SESSION = "session"
    RESET = "reset"
    CHOOSE = "choose"
    CONFIRM = "confirm"


@attrs.define(eq=False)
class Person:
    """Somebody, and everything that was sent to him.

    Attributes:
        mailboxes: the addresses whose mail he reads.
        purse: the secrets he was given, by what they were made for, the newest last.
    """

    name: str
    mailboxes: tuple[str, ...]
    purse: dict[Kind, list[str]] = attrs.field(factory=lambda: {kind: [] for kind in Kind})

    def keep(self, kind: Kind, secret: str) -> None:
        """Put a secret into the purse."""
        self.purse[kind].append(secret)

    def take(self, kind: Kind, pick: int) -> str:
        """Return the secret so many places before the newest; empty if there is none."""
        secrets = self.purse[kind]
        return secrets[-1 - pick] if pick < len(secrets) else ""


@attrs.define(eq=False)
class Login:
    """A login, as far as it can be seen from outside.

    Attributes:
        seen: its record when it was last looked at.
        knowers: who knows the password.
        temporary_of: the portfolio whose manager set the password, until it is replaced.
        former: passwords that must not open it any more.
        links: the contacts whose codes were used for it, by their ids, as long as they are on it.
        ever: those, and the ones taken off it since.
        keys: what opens it: the tokens of sessions and links, with what they were made for.
    """

    seen: Identity
    password: str
    knowers: set[str]
    temporary_of: str | None = None
    former: set[str] = attrs.field(factory=set)
    links: dict[str, Contact] = attrs.field(factory=dict)
    ever: dict[str, Contact] = attrs.field(factory=dict)
    keys: dict[str, Kind] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Ledger:
    """Everything that was noted.

    Attributes:
        people: by their names.
        contacts: who is in the host's software, by their ids.
        logins: by their ids.
        codes: the contact each code was printed for.
        given: for each contact, who was given a code of it.
        spent: secrets that worked, or were replaced.
        dead: what opened a login before its password or e-mail was another, with what it was made for.
    """

    people: dict[str, Person]
    contacts: dict[str, Contact] = attrs.field(factory=dict)
    logins: dict[str, Login] = attrs.field(factory=dict)
    codes: dict[str, Contact] = attrs.field(factory=dict)
    given: dict[str, set[str]] = attrs.field(factory=dict)
    spent: set[str] = attrs.field(factory=set)
    dead: dict[str, Kind] = attrs.field(factory=dict)

    def reader_of(self, address: str) -> Person:
        """Return who reads the mail of an address."""
        return next(person for person in self.people.values() if address in person.mailboxes)

    def login_at(self, address: str) -> Login | None:
        """Return the login of an address."""
        return next((login for login in self.logins.values() if login.seen.email == address), None)

    def login_on(self, contact_id: str) -> Login | None:
        """Return the login that a contact is on."""
        return next((login for login in self.logins.values() if contact_id in login.links), None)

    def note_code(self, code: str, contact: Contact, holders: set[str]) -> None:
        """A letter was printed: the former ones are void."""
        self.void_codes(contact.id)
        self.codes[code] = contact
        self.given.setdefault(contact.id, set()).update(holders)
        for name in holders:
            self.people[name].keep(Kind.CODE, code)

    def void_codes(self, contact_id: str) -> None:
        """The codes of a contact must not work any more."""
        self.spent |= {code for code, contact in self.codes.items() if contact.id == contact_id}

    def note_use(self, secret: str) -> None:
        """A one-time secret worked."""
        require(Law.WORKS_ONCE, "one worked again", holds=secret not in self.spent)
        self.spent.add(secret)

    def check_purpose(self, secrets: tuple[str, ...], kinds: tuple[Kind, ...], takes: tuple[Kind, ...]) -> None:
        """Secrets worked: those that are made here must have been made for this; what people choose is their affair."""
        for secret, kind, made in zip(secrets, kinds, takes, strict=True):
            is_right = kind is made or made in {Kind.PASSWORD, Kind.DIGITS} or not secret
            require(Law.ONE_PURPOSE, f"a {kind} worked as a {made}", holds=is_right)
            is_older = made is not Kind.PASSWORD and secret in self.dead
            require(Law.NOTHING_OLDER, f"a {kind} worked that was older", holds=not is_older)

    def note_login(self, identity: Identity, person: Person, password: str) -> Login:
        """Somebody opened a login with a password of his own."""
        is_his = identity.email in person.mailboxes
        require(Law.PROVED_ADDRESS, "a new login has the address of another", holds=is_his)
        login = self.logins[identity.id] = Login(identity, password, {person.name})
        return login

    def note_link(self, login: Login, code: str) -> None:
        """A code put its contact on a login."""
        require(Law.LINKED_BY_CODE, "what is no code was taken for one", holds=code in self.codes)
        contact = self.codes[code]
        self.unlink(contact.id)
        login.links[contact.id] = login.ever[contact.id] = contact

    def unlink(self, contact_id: str) -> None:
        """A contact was taken off its login."""
        for login in self.logins.values():
            login.links.pop(contact_id, None)

    def note_change(
        self, login: Login, seen: Identity, *, password: str, knower: str, temporary_of: str | None = None
    ) -> None:
        """A login's record is another one: what is older is dead, if it was the password or the e-mail."""
        if seen.password_hash != login.seen.password_hash:
            self._require_given(login, self.people[knower], temporary_of)
            login.former.add(login.password)
            login.password, login.knowers, login.temporary_of = password, {knower}, temporary_of
        if seen.email != login.seen.email:
            is_his = seen.email in self.people[knower].mailboxes
            require(Law.PROVED_ADDRESS, "a login was given the address of another", holds=is_his)
        if (seen.password_hash, seen.email) != (login.seen.password_hash, login.seen.email):
            self.dead |= login.keys
            login.keys = {}
        login.seen = seen

    def standing(self, login: Login) -> dict[str, Contact]:
        """Return the contacts that are on a login and still there."""
        return {key: contact for key, contact in login.links.items() if key in self.contacts}

    def check_password(self, login: Login, typed: str) -> None:
        """A password that opened a login must be its present one."""
        require(Law.NOTHING_OLDER, "a former password opened a session", holds=typed not in login.former)

    def check_reach(self, login: Login, portfolio_id: str) -> None:
        """A manager set a password: every account must be his."""
        reach = {contact.account.portfolio_id for contact in self.standing(login).values()}
        require(Law.TEMPORARY_REACH, "one was set beyond the portfolio", holds=reach <= {portfolio_id})

    def check_session(self, login: Login, person: Person, shown: Session) -> None:
        """Everything that a session shows must be there by right of whoever holds it."""
        accounts = set(shown.accounts) | ({shown.active_account} if shown.active_account else set())
        linked, standing = set(accounts_of(login.ever.values())), set(accounts_of(self.standing(login).values()))
        require(Law.LINKED_BY_CODE, "an account is shown that no code was used for", holds=accounts <= linked)
        require(Law.GONE_IS_GONE, "an account is still shown", holds=accounts <= standing)
        require(Law.TEMPORARY_REACH, "a session is open meanwhile", holds=login.temporary_of is None)
        if not self._is_given(login, person):
            given = accounts_of(each for each in login.links.values() if person.name in self.given[each.id])
            require(Law.NO_STRANGER, f"{person.name} is in", holds=accounts <= set(given) and bool(accounts))

    def sessions(self) -> Iterator[tuple[Login, Person, str]]:
        """Return whose sessions may be open, who holds them, and their tokens."""
        for person in self.people.values():
            for login in self.logins.values():
                for token in person.purse[Kind.SESSION]:
                    if token in login.keys:
                        yield login, person, token

    def _is_given(self, login: Login, person: Person) -> bool:
        return person.name in login.knowers or login.seen.email in person.mailboxes

    def _require_given(self, login: Login, person: Person, temporary_of: str | None) -> None:
        is_right = temporary_of is not None or self._is_given(login, person)
        require(Law.NO_STRANGER, f"{person.name} set a password", holds=is_right)
