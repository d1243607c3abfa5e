"""A town in which every secret is marked, each pathway to each of its ends, and whatever was said on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

import attrs
import pytest
from sqlalchemy import Engine, MetaData, select
from tests.town import SECRET_KEY, Town

from coproauth import (
    ActivationService,
    Contact,
    Directory,
    EmailProofRequired,
    IssuedCode,
    LoginService,
    Manager,
    PasswordChangeRequired,
    PasswordResetService,
    Pathway,
    Refused,
    SignedIn,
    Store,
    Throttle,
)
from coproauth.adapters.logging import LoggingAudit
from coproauth.adapters.memory import MemoryAudit
from coproauth.adapters.sqlalchemy import SqlAudit, Tables
from coproauth.adapters.sqlalchemy.contact_import import ContactImport
from coproauth.core.audit import AuditEvent
from coproauth.core.contact_import import ContactRow
from coproauth.core.identities import EmailAddress
from coproauth.core.messages import ConfirmEmailMessage, Message
from coproauth.core.sessions import SessionView
from coproauth.ports import Housekeeping, UnitOfWork
from coproauth.services.contact_import import ContactImporter

JEANNE = "serin-jeanne@example.fr"
NEW = "serin-neuve@example.fr"
IDLE = "serin-oubliee@example.fr"
ON_FILE = "serin-fichier@example.fr"
NOBODY = "serin-inconnue@example.fr"
PASSWORD = "une perruche sous la pluie"
OTHER = "deux perruches sur un nuage"
WRONG = "aucune perruche dans la cour"
NAME = "Jeanne Mesange"
PEPPER = "a pepper for perruches and nothing else, 0123456789"
MARKS = ("serin", "perruche", SECRET_KEY, "$argon2")
FAULT = f"{JEANNE} and {PASSWORD}"  # what an unexpected error may say

T = TypeVar("T")
ROW = ContactRow(line=2, portfolio_id="cabinet", condominium="Les Lilas", account="Lot 1", name=NAME, email=ON_FILE)


@attrs.define
class FrailStore:
    """A store that breaks when it is told to, in words that should go nowhere.

    Attributes:
        good: how many more times it is looked into or written to before it breaks, once; None: it holds.
    """

    inner: Store
    good: int | None = None

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Open a view."""
        self._wear()
        return self.inner.reading()

    def writing(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work."""
        self._wear()
        return self.inner.writing()

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Look behind a session."""
        self._wear()
        return self.inner.session_view(digest, directory)

    def throttle(self) -> Throttle:
        """Return the counters, which hold."""
        return self.inner.throttle()

    def housekeeping(self) -> Housekeeping:
        """Return what the operator reads."""
        self._wear()
        return self.inner.housekeeping()

    def _wear(self) -> None:
        if self.good == 0:
            self.good = None
            raise OSError(FAULT)
        self.good = None if self.good is None else self.good - 1


@attrs.define
class FrailMailer:
    """A mailer that refuses a mail when it is told to, and quotes what it was given."""

    sent: list[Message]
    is_broken: bool = False

    def send(self, message: Message) -> None:
        """Keep a mail, or break once."""
        if self.is_broken:
            self.is_broken = False
            raise OSError(f"{message.to}: {getattr(message, 'url', '')}")
        self.sent.append(message)


@attrs.frozen
class EverySink:
    """Every audit sink there is, at once."""

    memory: MemoryAudit
    table: SqlAudit
    log: LoggingAudit = attrs.field(factory=LoggingAudit)

    def record(self, event: AuditEvent) -> None:
        """Keep one event three times."""
        for sink in (self.memory, self.table, self.log):
            sink.record(event)


@attrs.define
class Letters:
    """Keeps the codes of an import for the letters."""

    codes: list[str] = attrs.field(factory=list)

    def write(self, codes: Sequence[IssuedCode]) -> None:
        """Have codes safe."""
        self.codes += [issued.code for issued in codes]

    def keep(self) -> None:
        """Note that they are in the database."""


@attrs.define
class Stage:
    """A town, and what was handed out, raised and drawn there.

    Attributes:
        drawn: the secrets that the library made, beside those that are marked.
        values: what it returned.
        raised: what it raised.
        session: a token that holds.
    """

    town: Town
    store: FrailStore
    mailer: FrailMailer
    engine: Engine
    drawn: list[str] = attrs.field(factory=list)
    values: list[object] = attrs.field(factory=list)
    raised: list[Exception] = attrs.field(factory=list)
    session: str = ""
    contact: Contact | None = None

    @classmethod
    def set(cls, store: Store, engine: Engine) -> Stage:
        """Found the town over a store; the trail's table and the imported contacts are on the engine."""
        frail, memory = FrailStore(store), MemoryAudit()
        mailer = FrailMailer([])
        town = Town.found(store=frail, mailer=mailer, audit=EverySink(memory, SqlAudit(engine)))
        mailer.sent = town.mailer.sent
        town = attrs.evolve(town, audit=memory)
        return cls(town, frail, mailer, engine)

    @property
    def activation(self) -> ActivationService:
        """The services, for short."""
        return self.town.auth.activation

    @property
    def login(self) -> LoginService:
        """The services, for short."""
        return self.town.auth.login

    @property
    def reset(self) -> PasswordResetService:
        """The services, for short."""
        return self.town.auth.password_reset

    def rows(self) -> list[tuple[object, ...]]:
        """Return what is in the trail's table."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(Tables.build(MetaData()).audit))]

    def keep(self, value: T, *secrets: str) -> T:
        """Note what was handed out, and what in it is secret."""
        self.values.append(value)
        self.drawn += secrets
        return value

    def signed_in(self, value: SignedIn) -> SignedIn:
        """Note a session, which is used from now on."""
        self.session = value.token
        return self.keep(value, value.token, *filter(None, [value.device_token]))

    def refused(self, call: Callable[[], object]) -> Refused:
        """Note a refusal."""
        with pytest.raises(Refused) as refusal:
            call()
        self.raised.append(refusal.value)
        return refusal.value

    def failed(self, call: Callable[[], object], *, good: int = 0) -> None:
        """Have the store break in the middle of a call."""
        self.store.good = good
        with pytest.raises(OSError, match="serin"):
            call()

    def importer(self) -> ContactImporter:
        """Return what imports contacts into the tables."""
        return self.town.auth.contact_importer(ContactImport(self.engine))


def succeed(stage: Stage) -> dict[str, str]:
    """Take every pathway to its good end but those of maintenance; return the links and codes that were used up."""
    town, source, manager = stage.town, stage.town.source, stage.town.manager
    contact = stage.contact = town.contact(NAME, email=ON_FILE)
    (letter,) = stage.keep(stage.activation.issue_all(contact.account.condominium_id, by=manager))
    stage.keep(stage.activation.preview(letter.code, source=source), letter.code)
    stage.keep(stage.activation.activated(contact.account.condominium_id, by=manager))
    activate = partial(stage.activation.activate, code=letter.code, email=JEANNE, password=PASSWORD, source=source)
    assert isinstance(stage.refused(activate), EmailProofRequired)
    digits = town.digits_for(JEANNE)
    stage.signed_in(activate(email_code=digits))
    second = stage.keep(stage.activation.issue(town.contact(NAME).id, by=manager))
    stage.signed_in(stage.activation.link(stage.session, code=second.code, source=source))
    stage.signed_in(town.auth.accounts.switch(stage.session, account_id=contact.account.id))
    stage.signed_in(stage.login.reauthenticate(stage.session, password=PASSWORD, source=source))
    change = partial(stage.login.change_password, current_password=PASSWORD, new_password=OTHER, source=source)
    stage.signed_in(change(stage.session))
    stage.login.change_email(stage.session, new_email=NEW, current_password=OTHER, source=source)
    confirmation = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]
    assert stage.login.inspect_email(confirmation) == NEW
    stage.login.confirm_email(confirmation, source=source)
    stage.login.log_out_everywhere(town.log_in(NEW, password=OTHER).token)
    stage.login.log_out(town.log_in(NEW, password=OTHER).token)
    link = town.reset_token(NEW)
    stage.keep(stage.reset.inspect(link))
    stage.reset.redeem(link, new_password=PASSWORD, source=source)
    stage.reset.request(email=NOBODY, source=source)
    stage.reset.send_link(contact.id, by=manager)
    temporary = stage.keep(stage.reset.set_password(contact.id, by=manager)).password
    required = stage.refused(lambda: town.log_in(NEW, password=temporary))
    assert isinstance(required, PasswordChangeRequired)
    stage.signed_in(stage.login.choose_password(required.token, new_password=OTHER, source=source))
    letters = Letters()
    stage.keep(stage.importer().carry_out([ROW], codes=letters, advance=lambda _: None, operator="odile"))
    stage.drawn += [letter.code, second.code, digits, confirmation, link, temporary, required.token, *letters.codes]
    stage.values += [stage.login.session(stage.session), stage.login.sessions(stage.session)]
    town.give_up_a_mail(to=NOBODY)
    with stage.store.reading() as work:
        identity = work.identities.by_email(NEW)
        assert identity is not None
        stage.values += [identity, *work.sessions.of(identity.id), EmailAddress.parse(NEW)]
    stage.values += [
        *stage.store.housekeeping().codes_used_by(identity.id),
        *stage.store.housekeeping().mail_of(identity),
    ]
    return {"code": letter.code, "link": link, "confirmation": confirmation, "choice": required.token}


def refusals(stage: Stage, used: dict[str, str]) -> dict[Pathway, Callable[[], object]]:
    """Return a call for each pathway that can be refused, and is."""
    town, source = stage.town, stage.town.source
    contact, foreign = stage.contact, Manager(id="manager-2", portfolio_id="portfolio-2")
    assert contact is not None
    code, ended = used["code"], "no session"
    change = partial(stage.login.change_password, current_password=WRONG, new_password=PASSWORD, source=source)
    email = partial(stage.login.change_email, new_email=NOBODY, current_password=WRONG, source=source)
    choose = partial(stage.login.choose_password, used["choice"], new_password=PASSWORD, source=source)
    return {
        Pathway.CODE_ISSUED: lambda: stage.activation.issue(contact.id, by=foreign),
        Pathway.ACTIVATIONS_LISTED: lambda: stage.activation.activated(contact.account.condominium_id, by=foreign),
        Pathway.CODE_PREVIEWED: lambda: stage.activation.preview(code, source=source),
        Pathway.ACTIVATED: lambda: stage.activation.activate(code=code, email=NOBODY, password=WRONG, source=source),
        Pathway.ACCOUNT_LINKED: lambda: stage.activation.link(stage.session, code=code, source=source),
        Pathway.CONTACT_DISSOCIATED: lambda: stage.activation.dissociate(contact.id, by=foreign),
        Pathway.LOGGED_IN: lambda: town.log_in(NOBODY, password=WRONG),
        Pathway.LOGGED_OUT: lambda: stage.login.log_out(""),
        Pathway.SESSIONS_ENDED: lambda: stage.login.log_out_everywhere(ended),
        Pathway.REAUTHENTICATED: lambda: stage.login.reauthenticate(stage.session, password=WRONG, source=source),
        Pathway.PASSWORD_CHANGED: lambda: change(stage.session),
        Pathway.PASSWORD_CHOSEN: choose,
        Pathway.EMAIL_CHANGE_REQUESTED: lambda: email(stage.session),
        Pathway.EMAIL_CHANGED: lambda: stage.login.confirm_email(used["confirmation"], source=source),
        Pathway.RESET_REQUESTED: lambda: stage.reset.request(email=f"{NOBODY}.test", source=source),
        Pathway.PASSWORD_RESET: lambda: stage.reset.redeem(used["link"], new_password=PASSWORD, source=source),
        Pathway.RESET_LINK_SENT: lambda: stage.reset.send_link(contact.id, by=foreign),
        Pathway.TEMPORARY_PASSWORD_SET: lambda: stage.reset.set_password(contact.id, by=foreign),
        Pathway.ACCOUNT_SWITCHED: lambda: town.auth.accounts.switch(stage.session, account_id="no account"),
    }


def faults(stage: Stage, used: dict[str, str]) -> dict[Pathway, tuple[Callable[[], object], int]]:
    """Return a call for each pathway that fails as soon as the store breaks, and how often it looks before that."""
    town, manager = stage.town, stage.town.manager
    contact = stage.contact
    assert contact is not None
    calls: dict[Pathway, Callable[[], object]] = {
        **refusals(stage, used),
        Pathway.CODE_ISSUED: lambda: stage.activation.issue(contact.id, by=manager),
        Pathway.ACTIVATIONS_LISTED: lambda: stage.activation.activated(contact.account.condominium_id, by=manager),
        Pathway.CONTACT_DISSOCIATED: lambda: stage.activation.dissociate(contact.id, by=manager),
        Pathway.LOGGED_OUT: lambda: stage.login.log_out(stage.session),
        Pathway.RESET_REQUESTED: lambda: stage.reset.request(email=NEW, source=town.source),
        Pathway.RESET_LINK_SENT: lambda: stage.reset.send_link(contact.id, by=manager),
        Pathway.TEMPORARY_PASSWORD_SET: lambda: stage.reset.set_password(contact.id, by=manager),
        Pathway.PURGED: town.auth.maintenance.purge,
    }
    looked_up = {  # outside the attempt: an address without a login is none, nor a mail that was not given up
        Pathway.PERSONAL_DATA_EXPORTED: lambda: town.auth.personal_data.export(NEW),
        Pathway.LOGIN_ERASED: lambda: town.auth.personal_data.erase(NEW),
        Pathway.MAIL_RETRIED: lambda: town.auth.waiting_mail.retry("lost"),
        Pathway.MAIL_DROPPED: lambda: town.auth.waiting_mail.drop("lost"),
    }
    return {pathway: (call, 0) for pathway, call in calls.items()} | {
        pathway: (call, 1) for pathway, call in looked_up.items()
    }


def end(stage: Stage) -> None:
    """Take what is left: what the operator does, and what maintenance does to logins that nobody uses."""
    town = stage.town
    assert stage.contact is not None
    stage.activation.dissociate(stage.contact.id, by=town.manager)
    stage.keep(town.auth.personal_data.export(NEW, operator="odile"))
    assert town.auth.waiting_mail.retry("lost", operator="odile")
    town.auth.deliver_mail()
    town.give_up_a_mail("dropped", to=NOBODY)
    stage.keep(town.auth.waiting_mail.backlog())
    assert town.auth.waiting_mail.drop("dropped", operator="odile")
    assert town.auth.personal_data.erase(NEW, operator="odile")
    code = town.code_for(town.contact(NAME))
    stage.drawn.append(code)
    stage.signed_in(town.activate_with(code, IDLE, password=PASSWORD))
    town.later(days=710)
    stage.keep(town.auth.maintenance.purge())
    town.later(days=31)
    stage.keep(town.auth.maintenance.purge())
