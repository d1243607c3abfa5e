"""A stateful machine in which an attacker who keeps everything sent to him tries all of it everywhere.

He reads two mailboxes, owns accounts in both portfolios, and is the manager of one of them. He may call anything with
anything he has, in any order, also in the middle of what others do. After each step the laws of the ledger must hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.core.accounts import Account, Contact, Manager
from coproauth.core.identities import Identity
from coproauth.core.messages import ConfirmEmailMessage, EmailProofMessage, ResetLinkMessage
from coproauth.core.password_reset import TemporaryPassword
from coproauth.core.sessions import Session, SignedIn
from coproauth.errors import PasswordChangeRequired, Refused
from coproauth.policy import Argon2Parameters
from coproauth.ports import PasswordHasher
from coproauth.testing.fakes import MeanwhileHasher
from coproauth.testing.ledger import Kind, Law, Ledger, Login, Person, require
from coproauth.testing.machines import PORTFOLIOS, patient_policy
from coproauth.testing.sandbox import Sandbox
from coproauth.testing.ways import WAYS, Form

T = TypeVar("T")

MALLORY = "mallory"
HONEST = ("jeanne", "marc")
MALLORYS, OTHERS = PORTFOLIOS
TOWN = ((HONEST[0], MALLORYS), (HONEST[0], OTHERS), (HONEST[1], MALLORYS), (MALLORY, MALLORYS), (MALLORY, OTHERS))
DEEDS: Mapping[str, Callable[[Sandbox, str, Manager], object]] = {
    "issue": lambda town, contact, by: town.auth.activation.issue(contact, by=by).code,
    "dissociate": lambda town, contact, by: town.auth.activation.dissociate(contact, by=by),
    "send_link": lambda town, contact, by: town.auth.password_reset.send_link(contact, by=by),
    "set_password": lambda town, contact, by: town.auth.password_reset.set_password(contact, by=by),
}
PREPARED = {Kind.RESET: "redeem", Kind.CHOOSE: "choose_password", Kind.CONFIRM: "confirm_email"}
PREPARATIONS = {"redeem": "request", "choose_password": "log_in", "confirm_email": "change_email"}
CHAINS = (*((second, first) for first, second in PREPARATIONS.items()), ("log_in", "switch"), ("log_in", "link"))
HASHING = ("activate", "change_password", "choose_password", "log_in", "reauthenticate", "redeem")

picks = st.sampled_from((0, 0, 0, 1, 2, 3))  # how many newer secrets of that kind are passed over
places = st.integers(0, 7)  # of a contact, in the order in which they came
own_mailboxes = st.integers(0, 1)
mailboxes = st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5))  # one's own first


@attrs.frozen(kw_only=True)
class Choice:
    """What somebody will try, before it is known what he has then.

    Attributes:
        kinds: which kind of secret he puts in each place; None for the one that belongs there.
    """

    way: str
    picks: tuple[int, int, int]
    kinds: tuple[Kind | None, ...] = (None, None, None)
    mailbox: int
    place: int


_triples = st.tuples(picks, picks, picks)
honest_choices = st.builds(
    Choice, way=st.sampled_from(sorted(WAYS)), picks=_triples, mailbox=own_mailboxes, place=places
)
attacks = st.builds(
    Choice,
    way=st.sampled_from(sorted(WAYS)),
    picks=_triples,
    kinds=st.just((None, None, None)) | st.tuples(*[st.none() | st.sampled_from(Kind)] * 3),
    mailbox=mailboxes,
    place=places,
)
people = st.sampled_from(HONEST)
everybody = st.sampled_from((MALLORY, *HONEST))


class AdversaryMachine(RuleBasedStateMachine):
    """Co-owners, two managers and the host live in a town; one of them is after what is not his."""

    def make_sandbox(self, hasher: PasswordHasher) -> Sandbox:
        """Return an empty town, patient with repeated attempts, over the given hasher."""
        return Sandbox.build(policy=patient_policy(), hasher=hasher)

    def __init__(self) -> None:
        """Start with nobody in town."""
        super().__init__()
        self.hasher = MeanwhileHasher(Argon2Hasher(Argon2Parameters.unsafe_only_for_tests()))
        self.town = self.make_sandbox(self.hasher)
        names = (MALLORY, *HONEST)
        self.ledger = Ledger({name: Person(name, _mailboxes_of(name)) for name in names})
        self.contacts: list[tuple[Contact, str]] = []  # all there ever were, with who reads their letters
        self._numbers = itertools.count()
        self._read = 0

    @initialize()
    def found_the_town(self) -> None:
        """Jeanne has one login for an account in each portfolio, Marc and Mallory have one; Mallory keeps a letter."""
        for name, portfolio_id in TOWN:
            self.move_in(name, portfolio_id)
            if (name, portfolio_id) != TOWN[-1]:
                self._onboard(self.ledger.people[name], 0)

    # The host

    @rule(name=people, portfolio_id=st.sampled_from(PORTFOLIOS))
    def move_in(self, name: str, portfolio_id: str) -> None:
        """A person appears on an account of their own, and is sent a letter."""
        self._appear(self.town.contact(name, portfolio_id=portfolio_id), name)

    @rule(place=places, name=everybody)
    def join(self, place: int, name: str) -> None:
        """A second person appears on an account that is there."""
        account = self._contact(place).account
        if any(contact.account == account for contact in self.ledger.contacts.values()):
            self._appear(self.town.directory.add_contact(account.id, name=name), name)

    @rule(place=places, is_whole=st.booleans())
    def remove(self, place: int, *, is_whole: bool) -> None:
        """The host deletes a contact, or its whole condominium."""
        contact = self._contact(place)
        gone = {contact.id}
        if is_whole:
            self.town.directory.remove_condominium(contact.account.condominium_id)
            gone |= {one.id for one, _ in self.contacts if one.account.condominium_id == contact.account.condominium_id}
        else:
            self.town.directory.remove_contact(contact.id)
        self.ledger.contacts = {key: one for key, one in self.ledger.contacts.items() if key not in gone}

    @rule()
    def wait(self) -> None:
        """Twenty minutes pass."""
        self.town.later(minutes=20)

    # The people

    @rule(name=people, choice=honest_choices)
    def live(self, name: str, choice: Choice) -> None:
        """An honest person does anything, with the secrets that belong there; also follows links never asked for."""
        self._try(self.ledger.people[name], choice)

    @rule(name=everybody, pick=picks, mailbox=mailboxes)
    def onboard(self, name: str, pick: int, mailbox: int) -> None:
        """Somebody goes through the whole onboarding with a letter; Mallory perhaps with another's address."""
        self._onboard(self.ledger.people[name], pick, mailbox if name == MALLORY else mailbox % 2)

    @rule(name=everybody, ways=st.sampled_from(CHAINS), mailbox=own_mailboxes, place=places)
    def go_through(self, name: str, ways: tuple[str, str], mailbox: int, place: int) -> None:
        """Somebody takes the two steps of a pathway, one after the other."""
        for way in ways:
            choice = Choice(way=way, picks=(0, 0, 0), mailbox=mailbox, place=place)
            self._try(self.ledger.people[name], choice)

    @rule(choice=attacks)
    def attack(self, choice: Choice) -> None:
        """Mallory tries anything anywhere, in anybody's name."""
        self._try(self.ledger.people[MALLORY], choice)

    @rule(kind=st.sampled_from(sorted(PREPARED)), way=st.sampled_from(sorted(PREPARED.values())), place=places)
    def bring_elsewhere(self, kind: Kind, way: str, place: int) -> None:
        """Mallory gets a secret of his own, and brings it where another belongs."""
        mallory = self.ledger.people[MALLORY]
        self._try(mallory, Choice(way=PREPARATIONS[PREPARED[kind]], picks=(0, 0, 0), mailbox=0, place=place))
        self._try(mallory, Choice(way=way, picks=(0, 0, 0), kinds=(kind, None, None), mailbox=0, place=place))

    @rule(
        name=everybody,
        first=st.sampled_from(HASHING),
        second=st.sampled_from(HASHING),
        mailbox=own_mailboxes,
        place=places,
    )
    def race(self, name: str, first: str, second: str, mailbox: int, place: int) -> None:
        """Somebody calls a second time, perhaps with the same secret, while the first call is computing a hash."""
        person = self.ledger.people[name]
        one, other = (Choice(way=way, picks=(0, 0, 0), mailbox=mailbox, place=place) for way in (first, second))
        for way in (first, second):
            if way in PREPARATIONS:
                self._try(person, attrs.evolve(one, way=PREPARATIONS[way]))
        self._during(other, name)
        self._try(person, one)

    @rule(name=people, choice=honest_choices, meanwhile=attacks)
    def attack_meanwhile(self, name: str, choice: Choice, meanwhile: Choice) -> None:
        """Mallory calls while somebody else's call is computing a hash."""
        self._during(meanwhile, MALLORY)
        self._try(self.ledger.people[name], choice)

    @rule(choice=attacks, name=people, meanwhile=honest_choices)
    def be_overtaken(self, choice: Choice, name: str, meanwhile: Choice) -> None:
        """Somebody else acts while Mallory's call is computing a hash."""
        self._during(meanwhile, name)
        self._try(self.ledger.people[MALLORY], choice)

    @rule(deed=st.sampled_from(sorted(DEEDS)), place=places, portfolio_id=st.sampled_from(PORTFOLIOS))
    def manage(self, deed: str, place: int, portfolio_id: str) -> None:
        """A manager does something to a contact, perhaps another portfolio's; one of the two is Mallory."""
        self._manage(deed, self._contact(place), portfolio_id)

    @rule(place=places, portfolio_id=st.sampled_from(PORTFOLIOS))
    def hand_over(self, place: int, portfolio_id: str) -> None:
        """A manager sets a password; whoever is told it, and that may be Mallory, logs in and chooses another."""
        contact = self._contact(place)
        login = self.ledger.login_on(contact.id)
        self._manage("set_password", contact, portfolio_id)
        if login is None or login.temporary_of is None:
            return
        person = self.ledger.people[next(iter(login.knowers))]
        for way in ("log_in", "choose_password"):
            mailbox = _addresses_for(person).index(login.seen.email)
            self._try(person, Choice(way=way, picks=(0, 0, 0), mailbox=mailbox, place=place))

    # The laws

    @invariant()
    def whoever_is_in_is_in_by_right(self) -> None:
        """Each open session shows what its holder was given, and nothing else."""
        for login, person, token in list(self.ledger.sessions()):
            shown = self._session(token)
            if shown is not None:
                self.ledger.check_session(login, person, shown)

    @invariant()
    def nothing_older_opens_anything(self) -> None:
        """What was made before the last change of password or e-mail is refused."""
        for secret, kind in self.ledger.dead.items():
            opens = (kind is Kind.SESSION and self._session(secret)) or (kind is Kind.RESET and self._inspect(secret))
            require(Law.NOTHING_OLDER, f"a {kind} does", holds=not opens)

    # How it is done

    def _appear(self, contact: Contact, name: str) -> None:
        self.contacts.append((contact, name))
        self.ledger.contacts[contact.id] = contact
        self._manage("issue", contact, contact.account.portfolio_id)

    def _contact(self, place: int) -> Contact:
        return self.contacts[place % len(self.contacts)][0]

    def _onboard(self, person: Person, pick: int, mailbox: int = 0) -> None:
        """Ask for the digits, and type them."""
        for digits in (len(person.purse[Kind.DIGITS]), 0):
            self._try(person, Choice(way="activate", picks=(pick, 0, digits), mailbox=mailbox, place=0))

    def _during(self, choice: Choice, name: str) -> None:
        self.hasher.meanwhile = lambda: self._try(self.ledger.people[name], choice)

    def _try(self, person: Person, choice: Choice) -> None:
        """Call a way with what somebody has, and note what came of it."""
        way = WAYS[choice.way]
        kinds = tuple(kind or made for kind, made in zip(choice.kinds, way.takes, strict=False))
        form = self._fill_in(person, choice, kinds)
        asker = self._login_behind(form)
        try:
            answer = way.call(self.town, form)
        except PasswordChangeRequired as required:
            self._keep(self.ledger.login_at(form.email), person, Kind.CHOOSE, required.token)
        except Refused:
            pass
        else:
            self._note(person, choice.way, form, kinds, answer)
            if choice.way in {"change_password", "choose_password", "redeem"}:
                person.keep(Kind.PASSWORD, form.new_password)
        finally:
            self.hasher.meanwhile = None
        self._hand_out_mail(asker)

    def _fill_in(self, person: Person, choice: Choice, kinds: tuple[Kind, ...]) -> Form:
        own = f"la girafe numéro {next(self._numbers)} mange sous la pluie"
        if not person.purse[Kind.PASSWORD]:
            person.keep(Kind.PASSWORD, own)
        return Form(
            secrets=tuple(person.take(kind, pick) for kind, pick in zip(kinds, choice.picks, strict=False)),
            email=_addresses_for(person)[choice.mailbox],
            new_password=own,
            account_id=self._contact(choice.place).account.id,
        )

    def _login_behind(self, form: Form) -> Login | None:
        """Return the login whose session is used."""
        token = form.secrets[0] if form.secrets else ""
        return next((login for login in self.ledger.logins.values() if token in login.keys), None)

    def _note(self, person: Person, name: str, form: Form, kinds: tuple[Kind, ...], answer: object) -> None:
        """Note that a call succeeded."""
        way = WAYS[name]
        if way.spends is not None or isinstance(answer, Session | SignedIn):
            self.ledger.check_purpose(form.secrets, kinds, way.takes)
        if way.spends is not None:
            self.ledger.note_use(form.secrets[way.spends])
        signed_in = answer if isinstance(answer, SignedIn) else None
        if signed_in is not None and signed_in.session.identity_id not in self.ledger.logins:
            self.ledger.note_login(self._look(signed_in.session.identity_id), person, form.secrets[1])
        if signed_in is not None and way.proves is not None:
            self.ledger.check_password(self.ledger.logins[signed_in.session.identity_id], form.secrets[way.proves])
        self._note_changes(person.name, form.new_password)
        if signed_in is not None:
            login = self.ledger.logins[signed_in.session.identity_id]
            if name in {"activate", "link"}:
                self.ledger.note_link(login, form.secrets[way.spends or 0])
            self._keep(login, person, Kind.SESSION, signed_in.token)

    def _note_changes(self, knower: str, password: str, *, temporary_of: str | None = None) -> None:
        for login in self.ledger.logins.values():
            seen = self._look(login.seen.id)
            self.ledger.note_change(login, seen, password=password, knower=knower, temporary_of=temporary_of)

    def _look(self, identity_id: str) -> Identity:
        with self.town.store.reading() as work:
            found = work.identities.get(identity_id)
        assert found is not None
        return found

    def _keep(self, login: Login | None, person: Person, kind: Kind, secret: str) -> None:
        person.keep(kind, secret)
        if login is not None:
            login.keys[secret] = kind

    def _hand_out_mail(self, asker: Login | None) -> None:
        """Let everybody read the mail; a confirmation belongs to the login it was asked for with."""
        self.town.auth.deliver_mail()
        news, self._read = self.town.mailer.sent[self._read :], len(self.town.mailer.sent)
        for mail in news:
            reader = self.ledger.reader_of(mail.to)
            match mail:
                case EmailProofMessage(code=digits):
                    reader.keep(Kind.DIGITS, digits)
                case ResetLinkMessage(url=url):
                    self._keep(self.ledger.login_at(mail.to), reader, Kind.RESET, _token_of(url))
                case ConfirmEmailMessage(url=url):
                    self._keep(asker, reader, Kind.CONFIRM, _token_of(url))
                case _:
                    pass

    def _manage(self, name: str, contact: Contact, portfolio_id: str) -> None:
        """Do a manager's deed, and look what else it did."""
        before, shown = self._outside(portfolio_id), self._shown_outside(portfolio_id)
        manager = Manager(id=f"manager of {portfolio_id}", portfolio_id=portfolio_id)
        with suppress(Refused):
            answer = DEEDS[name](self.town, contact.id, manager)
            is_own = contact.account.portfolio_id == portfolio_id
            require(Law.SHORT_HAND, f"{name} was not refused", holds=is_own)
            self._note_deed(name, contact, portfolio_id, answer)
        require(Law.SHORT_HAND, f"{name} changed a login or a code", holds=self._outside(portfolio_id) == before)
        after = self._shown_outside(portfolio_id)
        require(Law.SHORT_HAND, f"{name} changed what a session shows", holds=after.items() <= shown.items())
        self._hand_out_mail(None)

    def _note_deed(self, name: str, contact: Contact, portfolio_id: str, answer: object) -> None:
        holder = next(reader for one, reader in self.contacts if one.id == contact.id)
        told = MALLORY if portfolio_id == MALLORYS else holder
        match name, answer:
            case "issue", str():
                self.ledger.note_code(answer, contact, {holder, told})
                self._check_void(contact.id, but=answer)
            case "dissociate", _:
                self.ledger.unlink(contact.id)
                self.ledger.void_codes(contact.id)
                self._check_void(contact.id)
            case "set_password", TemporaryPassword(password=password):
                login = self.ledger.login_on(contact.id)
                assert login is not None
                self.ledger.check_reach(login, portfolio_id)
                self.ledger.people[told].keep(Kind.PASSWORD, password)
                self._note_changes(told, password, temporary_of=portfolio_id)
            case _:
                pass

    def _check_void(self, contact_id: str, *, but: str = "") -> None:
        """Look whether the former letters of a contact still open the first page."""
        former = [code for code, contact in self.ledger.codes.items() if contact.id == contact_id and code != but]
        require(Law.WORKS_ONCE, "a former code is taken", holds=not any(map(self._preview, former)))

    def _outside(self, portfolio_id: str) -> dict[str, object]:
        """Return the logins and the usable codes of the contacts of other portfolios."""
        contacts = [one for one in self.ledger.contacts.values() if one.account.portfolio_id != portfolio_id]
        with self.town.store.reading() as work:
            logins = {contact.id: work.identities.by_contact(contact.id) for contact in contacts}
        codes = {code: self._preview(code) for code, contact in self.ledger.codes.items() if contact in contacts}
        return {**logins, **codes}

    def _shown_outside(self, portfolio_id: str) -> dict[str, tuple[Account, ...]]:
        """Return what open sessions show of other portfolios."""
        shown = {token: self._session(token) for _, _, token in self.ledger.sessions()}
        return {
            token: tuple(account for account in session.accounts if account.portfolio_id != portfolio_id)
            for token, session in shown.items()
            if session is not None
        }

    def _session(self, token: str) -> Session | None:
        return _answer(lambda: self.town.auth.login.session(token))

    def _inspect(self, token: str) -> object:
        return _answer(lambda: self.town.auth.password_reset.inspect(token))

    def _preview(self, code: str) -> object:
        return _answer(lambda: self.town.auth.activation.preview(code, source=self.town.source))


def _answer(call: Callable[[], T]) -> T | None:
    """Return what a call answers, or nothing if it is refused."""
    try:
        return call()
    except Refused:
        return None


def _mailboxes_of(name: str) -> tuple[str, str]:
    return f"{name}@example.fr", f"{name}@example.org"


def _addresses_for(person: Person) -> list[str]:
    """Return every address that somebody may type, his own first."""
    return [*person.mailboxes, *(box for name in (*HONEST, MALLORY) for box in _mailboxes_of(name))]


def _token_of(url: str) -> str:
    return url.rpartition("/")[2]
