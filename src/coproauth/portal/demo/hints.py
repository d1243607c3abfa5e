"""What there is to try, for the guide: at each start, what still does what is said of it.

Nothing here changes a login, and no mail is delivered. Codes are issued anew to contacts who have no login yet, because
none can be read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from coproauth.adapters.memory import MemoryMailer, MemoryStore
from coproauth.core.accounts import Contact
from coproauth.core.identities import EmailAddress
from coproauth.core.login import DemandNewPassword, OpenSession, decide_login
from coproauth.errors import ActivationRefused
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.portal.demo.database import DemoDatabase
from coproauth.portal.demo.seed import MANAGERS, SOURCE
from coproauth.portal.demo.town import ORPHAN, PASSWORD, TOWN, Resident

_EXPIRED_SINCE = timedelta(days=15)
_CONTACTS = Counter(
    resident.login
    for building in TOWN
    for household in building.households
    for resident in household.residents
    if not building.is_removed
)  # how many of each login


@attrs.frozen(kw_only=True)
class Hint:
    """One thing to try.

    Attributes:
        shows: the key of the situation.
        email: to type, if there is one.
        password: to type, if it is not the common one.
        code: to type, if there is one.
        contact_ids: whose code it is, or whose accounts the login opened when it was found.
        stamp: of the login when it was found; with another it has another password or e-mail.
    """

    name: str
    shows: str
    email: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    code: str | None = attrs.field(default=None, repr=False)
    contact_ids: tuple[str, ...] = ()
    stamp: int | None = None


@attrs.frozen
class _PastClock:
    """Tells a time that is past, for a code that is to be expired."""

    age: timedelta

    def now(self) -> datetime:
        """Return an instant that long ago."""
        return datetime.now(UTC) - self.age


def find_hints(database: DemoDatabase, *, portal_url: str, policy: Policy) -> tuple[Hint, ...]:
    """Return what to try, in the order of the town, the orphan last."""

    def backstage(*, age: timedelta) -> Coproauth:
        """Return the library without a visitor's counters: what is tried here is no attempt of his."""
        throttle, clock = MemoryStore().throttle(), _PastClock(age)
        return database.wire(
            portal_url=portal_url, policy=policy, mailer=MemoryMailer(), clock=clock, throttle=throttle
        )

    finder = _Finder(
        database=database,
        auth=backstage(age=timedelta(0)),
        past=backstage(age=policy.code_lifetime + _EXPIRED_SINCE),
    )
    found = [finder.find(contact, resident) for contact, resident in finder.present() if resident.shows]
    orphan = Hint(name="Hélène Garnier", shows="orphan", email=ORPHAN)
    return tuple(hint for hint in (*found, finder.if_unchanged(orphan)) if hint)


@attrs.frozen(kw_only=True)
class _Finder:
    """Looks at what the visitor has left as it was.

    Attributes:
        past: the same library, long ago.
    """

    database: DemoDatabase
    auth: Coproauth
    past: Coproauth

    def present(self) -> Iterator[tuple[Contact, Resident]]:
        """Yield the residents that the directory still has."""
        for building in TOWN:
            wanted = {(row.label, who.name): who for row in building.households for who in row.residents}
            condominiums = self.database.directory.condominiums(building.portfolio_id)
            for condominium in (row for row in condominiums if row.name == building.name):
                for contact in self.database.directory.contacts_of(condominium.id):
                    resident = wanted.get((contact.account.label, contact.name))
                    if resident is not None:
                        yield contact, resident

    def find(self, contact: Contact, resident: Resident) -> Hint | None:
        """Return what to try with a resident; None if that has been tried already."""
        hint = Hint(name=resident.name, shows=resident.shows or "", email=resident.login or resident.types)
        match resident.state:
            case "fresh_code":
                return self._with_code(self.auth, hint, contact)
            case "expired_code":
                return self._with_code(self.past, hint, contact)
            case "used_code":
                return self._with_used_code(hint, contact)
            case "temporary":
                return self._with_temporary_password(hint)
            case "plain":
                return self.if_unchanged(hint)

    def if_unchanged(self, hint: Hint) -> Hint | None:
        """Return a hint if its login has the common password, and opens what the town gave it."""
        decision, found = self._try(hint, PASSWORD)
        is_whole = len(found.contact_ids) == _CONTACTS[hint.email]
        return found if isinstance(decision, OpenSession) and is_whole else None

    def _with_code(self, auth: Coproauth, hint: Hint, contact: Contact) -> Hint | None:
        if self.auth.login.identifier_of(contact.id) is not None:
            return None
        issued = auth.activation.issue(contact.id, by=MANAGERS[contact.account.portfolio_id])
        return attrs.evolve(hint, code=issued.code, contact_ids=(contact.id,))

    def _with_used_code(self, hint: Hint, contact: Contact) -> Hint | None:
        code = self.database.noted("used_code") or ""
        is_hers = self.auth.login.identifier_of(contact.id) == hint.email
        return attrs.evolve(hint, code=code, contact_ids=(contact.id,)) if is_hers and self._is_used(code) else None

    def _is_used(self, code: str) -> bool:
        """Whether a code reads as used: it would not under another address, nor once another was issued."""
        try:
            self.auth.activation.preview(code, source=SOURCE)
        except ActivationRefused as refusal:
            return refusal.reason == "code_already_used"
        return False

    def _with_temporary_password(self, hint: Hint) -> Hint | None:
        password = self.database.noted("temporary") or ""
        decision, found = self._try(hint, password)
        return attrs.evolve(found, password=password) if isinstance(decision, DemandNewPassword) else None

    def _try(self, hint: Hint, password: str) -> tuple[object, Hint]:
        """Return what a password would lead to, without logging in, and the hint with its login as it is."""
        with self.database.store.reading() as work:
            identity = work.identities.by_email(EmailAddress.parse(hint.email).key)
            linked = work.links.contacts_of(identity.id) if identity else ()
        password_hash = identity.password_hash if identity else None
        fits = password_hash is not None and self.auth.login.hasher.verify(
            password_hash=password_hash, password=password
        )
        decision = decide_login(identity, password_fits=fits, at=datetime.now(UTC))
        known = tuple(contact.id for contact in self.database.directory.contacts(linked))
        return decision, attrs.evolve(hint, contact_ids=known, stamp=identity.credential_stamp if identity else None)
