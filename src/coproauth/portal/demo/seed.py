"""Brings the town into an empty database, and prepares at each start what cannot be read twice.

Everything goes through the services, as a host's own import would; only the proof of an address is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from coproauth.adapters.memory import MemoryMailer
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory
from coproauth.core.accounts import Contact, Manager
from coproauth.core.sources import Source
from coproauth.errors import Refused
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.portal.demo.town import FIRMS, ORPHAN, PASSWORD, TOWN, Building, Resident

_SOURCE = Source("127.0.0.1", user_agent="coproauth demo")
_MANAGERS = {firm.portfolio_id: Manager(id=firm.manager_id, portfolio_id=firm.portfolio_id) for firm in FIRMS}


@attrs.frozen(kw_only=True)
class Hint:
    """One thing to try, for the guide.

    Attributes:
        shows: the key of the situation.
        email: to type, if there is one.
        password: to type, if it is not the common one.
        code: to type, if there is one.
    """

    name: str
    shows: str
    email: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    code: str | None = attrs.field(default=None, repr=False)


class _PastClock:
    """Tells a time that is long past, for codes that are to be expired."""

    def now(self) -> datetime:
        """Return this instant of some weeks ago."""
        return datetime.now(UTC) - timedelta(days=45)


@attrs.frozen(kw_only=True)
class Seeder:
    """Writes the town through the services."""

    store: SqlStore
    directory: StandaloneDirectory
    secret_key: bytes
    portal_url: str
    policy: Policy

    @property
    def is_empty(self) -> bool:
        """Whether nobody lives in the database yet."""
        return not any(self.directory.condominiums(firm.portfolio_id) for firm in FIRMS)

    def seed(self) -> None:
        """Bring the town into an empty database."""
        auth = self._auth()
        for building in TOWN:
            self._build(auth, building)
        auth.deliver_mail()  # into nothing: the mailbox of the demonstration starts empty

    def prepare(self) -> tuple[Hint, ...]:
        """Return what to try: codes issued now, because none can be read again."""
        auth, past = self._auth(), self._auth(clock=_PastClock())
        hints = tuple(
            self._hint(past if resident.state == "expired_code" else auth, contact, resident)
            for contact, resident in self._present()
            if resident.shows
        )
        auth.deliver_mail()
        orphan = Hint(name="Hélène Garnier", shows="orphan", email=ORPHAN)
        return (*(hint for hint in hints if hint), orphan)

    def _auth(self, *, clock: _PastClock | None = None) -> Coproauth:
        return Coproauth(
            store=self.store,
            directory=self.directory,
            mailer=MemoryMailer(),
            secret_keys=[self.secret_key],
            portal_url=self.portal_url,
            policy=attrs.evolve(self.policy, require_email_proof=False),
            clock=clock,
        )

    def _build(self, auth: Coproauth, building: Building) -> None:
        condominium = self.directory.add_condominium(name=building.name, portfolio_id=building.portfolio_id)
        for household in building.households:
            account = self.directory.add_account(condominium.id, label=household.label)
            for resident in household.residents:
                file_email = resident.file_email or resident.login
                contact = self.directory.add_contact(account.id, name=resident.name, email=file_email)
                if resident.login:
                    _activate(auth, contact, resident.login)
        if building.is_removed:
            self.directory.remove_condominium(condominium.id)

    def _present(self) -> Iterator[tuple[Contact, Resident]]:
        """Yield the residents that the directory still has."""
        for building in TOWN:
            wanted = {(row.label, who.name): who for row in building.households for who in row.residents}
            condominiums = self.directory.condominiums(building.portfolio_id)
            for condominium in (row for row in condominiums if row.name == building.name):
                for contact in self.directory.contacts_of(condominium.id):
                    resident = wanted.get((contact.account.label, contact.name))
                    if resident is not None:
                        yield contact, resident

    def _hint(self, auth: Coproauth, contact: Contact, resident: Resident) -> Hint | None:
        """Return what to try with a resident; None if that has been tried already."""
        hint = Hint(name=resident.name, shows=resident.shows or "", email=resident.login or resident.types)
        manager = _MANAGERS[contact.account.portfolio_id]
        is_activated = auth.login.identifier_of(contact.id) is not None
        match resident.state:
            case "fresh_code" | "expired_code":
                return None if is_activated else _with_code(auth, hint, contact, manager)
            case "used_code":
                return _with_used_code(auth, hint, contact)
            case "temporary":
                temporary = auth.password_reset.set_password(contact.id, by=manager)
                return attrs.evolve(hint, password=temporary.password)
            case _:
                return hint


def _activate(auth: Coproauth, contact: Contact, email: str) -> str:
    """Activate a contact, and return the code that was used."""
    code = auth.activation.issue(contact.id, by=_MANAGERS[contact.account.portfolio_id]).code
    signed_in = auth.activation.activate(code=code, email=email, password=PASSWORD, source=_SOURCE)
    auth.login.log_out(signed_in.token)
    return code


def _with_code(auth: Coproauth, hint: Hint, contact: Contact, manager: Manager) -> Hint:
    return attrs.evolve(hint, code=auth.activation.issue(contact.id, by=manager).code)


def _with_used_code(auth: Coproauth, hint: Hint, contact: Contact) -> Hint | None:
    try:
        return attrs.evolve(hint, code=_activate(auth, contact, hint.email or ""))
    except Refused:  # its owner has another password by now
        return None
