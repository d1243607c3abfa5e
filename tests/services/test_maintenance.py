"""Maintenance: what is over goes, what is needed stays, and nobody loses a login unwarned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from tests.engines import EVERYWHERE, SQL, adapters_on
from tests.town import Town

from coproauth import ActivationRefused, LoginRefused, PasswordChangeRequired, PurgeReport, Unavailable, Waste
from coproauth.adapters.memory import MemoryHousekeeping, MemoryStore
from coproauth.adapters.sqlalchemy import SqlAudit
from coproauth.core.audit import Pathway
from coproauth.core.identities import Identity
from coproauth.core.messages import IdleWarningMessage
from coproauth.testing.sandbox import Sandbox, cheap_policy

JEANNE, MARC, EVE = "jeanne@example.fr", "marc@example.fr", "eve@example.fr"
NOTHING = PurgeReport(removed=dict.fromkeys(Waste, 0), logins_warned=0, logins_removed=0)
POLICY = attrs.evolve(cheap_policy(), purge_batch=2)
MOMENT = timedelta(seconds=1)
UNTIL_WARNING = POLICY.login_idle - POLICY.login_idle_warning + MOMENT
UNTIL_REMOVAL = POLICY.login_idle_warning + MOMENT


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A town on every kind of store, purged in batches of two."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory, policy=POLICY)


def _move_in(town: Sandbox, *emails: str) -> None:
    for email in emails:
        town.activate(town.contact(), email)
    town.auth.deliver_mail()
    town.mailer.sent.clear()


def _warned(town: Sandbox) -> list[str]:
    town.auth.deliver_mail()
    return sorted(mail.to for mail in town.mailer.sent if isinstance(mail, IdleWarningMessage))


def _add_an_account(town: Sandbox) -> None:
    town.activate(town.contact(condominium="Les Pins"), JEANNE)


def _choose_a_password(town: Sandbox) -> None:
    with town.store.reading() as work:
        identity = work.identities.by_email(JEANNE)
        assert identity is not None
        contact = town.directory.contact(*work.links.contacts_of(identity.id))
    assert contact is not None
    temporary = town.auth.password_reset.set_password(contact.id, by=town.manager_of(contact)).password
    with pytest.raises(PasswordChangeRequired) as demand:
        town.log_in(JEANNE, password=temporary)
    town.auth.login.choose_password(demand.value.token, new_password="encore une girafe bleue", source=town.source)


_USES: tuple[Callable[[Sandbox], object], ...] = (_add_an_account, _choose_a_password)


class TestWaste:
    """What is over is removed after its time, however many rows there are."""

    def test_what_is_over_is_removed_in_batches(self, town: Sandbox) -> None:
        """Codes, sessions and counters; five of them in batches of two, and nothing on the second run."""
        for _ in range(5):
            town.code_for(town.contact())
        _move_in(town, JEANNE)
        for _ in range(4):
            town.log_in(JEANNE)
        with pytest.raises(LoginRefused):
            town.log_in(EVE)
        town.clock.advance(POLICY.code_lifetime + POLICY.codes_kept + MOMENT)

        first, second = town.auth.maintenance.purge(), town.auth.maintenance.purge()

        assert first.removed[Waste.CODES] == 6
        assert first.removed[Waste.SESSIONS] == 5
        assert first.removed[Waste.COUNTERS] >= 2
        assert second == NOTHING

    def test_what_is_needed_stays(self, town: Sandbox) -> None:
        """A code that expired yesterday is explained to who types it; a session that holds goes on."""
        code = town.code_for(town.contact())
        _move_in(town, JEANNE)
        town.later(days=31)
        token = town.log_in(JEANNE).token

        report = town.auth.maintenance.purge()

        assert report.removed[Waste.CODES] == 0
        assert town.auth.login.session(token).email == JEANNE
        with pytest.raises(ActivationRefused, match="code_expired"):
            town.auth.activation.preview(code, source=town.source)

    def test_mail_that_nobody_could_deliver_is_kept_for_its_time(self, town: Sandbox) -> None:
        """It serves the operator for thirty days, and nobody after that."""
        _move_in(town, JEANNE)
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        town.clock.advance(POLICY.mail_kept)
        kept = town.auth.maintenance.purge().removed[Waste.MAIL]
        town.later(seconds=1)

        removed = town.auth.maintenance.purge().removed[Waste.MAIL]

        assert (kept, removed) == (0, 1)


@pytest.mark.parametrize("kind", SQL)
def test_the_trail_in_a_table_is_kept_for_its_time(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """CNIL 2021-122: up to a year; what is on record of the purge itself begins the next one."""
    with adapters_on(kind, request, tmp_path) as adapters:
        town = Town.found(store=adapters.store, audit=SqlAudit(adapters.engine), policy=POLICY)
        for _ in range(5):
            town.auth.login.log_out("no token of ours")
        town.clock.advance(POLICY.audit_kept)
        kept = town.auth.maintenance.purge().removed[Waste.AUDIT_EVENTS]
        town.clock.advance(MOMENT)

        removed = town.auth.maintenance.purge().removed[Waste.AUDIT_EVENTS]

    assert (kept, removed) == (0, 5)


class TestIdleLogins:
    """D-15: a login unused for two years is removed, thirty days after its owner was warned."""

    def test_d15_owners_are_warned_once_with_the_day(self, town: Sandbox) -> None:
        """Three logins in batches of two; the second purge writes to nobody again."""
        _move_in(town, JEANNE, MARC, EVE)
        town.clock.advance(UNTIL_WARNING - MOMENT)
        too_early = town.auth.maintenance.purge()
        town.clock.advance(MOMENT)

        first, second = town.auth.maintenance.purge(), town.auth.maintenance.purge()

        assert (too_early.logins_warned, first.logins_warned, second.logins_warned) == (0, 3, 0)
        assert _warned(town) == sorted([JEANNE, MARC, EVE])
        (mail,) = [mail for mail in town.mail_to(JEANNE) if isinstance(mail, IdleWarningMessage)]
        assert mail.url == "https://app.example.fr/login"
        assert mail.log_in_before == date(2027, 12, 31)

    def test_d15_unused_logins_are_removed_after_the_warning(self, town: Sandbox) -> None:
        """With their links and sessions: each contact can be given a new code and opens a new login."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        _move_in(town, MARC, EVE)
        town.clock.advance(UNTIL_WARNING)
        town.auth.maintenance.purge()
        town.clock.advance(UNTIL_REMOVAL - MOMENT)
        too_early = town.auth.maintenance.purge()
        town.clock.advance(MOMENT)

        report = town.auth.maintenance.purge()

        assert (too_early.logins_removed, report.logins_removed) == (0, 3)
        assert town.auth.login.identifier_of(contact.id) is None
        assert town.activate(contact, JEANNE).session.email == JEANNE

    def test_d15_a_log_in_takes_the_warning_back(self, town: Sandbox) -> None:
        """Whoever was warned and logs in is warned again after the whole time, and keeps the login until then."""
        _move_in(town, JEANNE, MARC)
        town.clock.advance(UNTIL_WARNING)
        town.auth.maintenance.purge()
        town.log_in(JEANNE)
        town.clock.advance(UNTIL_REMOVAL)

        report = town.auth.maintenance.purge()
        town.clock.advance(UNTIL_WARNING)
        later = town.auth.maintenance.purge()

        assert (report.logins_warned, report.logins_removed) == (0, 1)
        assert (later.logins_warned, later.logins_removed) == (1, 0)
        assert town.log_in(JEANNE).session.email == JEANNE

    @pytest.mark.parametrize("use", _USES, ids=lambda use: use.__name__.strip("_"))
    def test_d15_whoever_gives_the_password_uses_the_login(
        self, town: Sandbox, use: Callable[[Sandbox], object]
    ) -> None:
        """Not only the login page takes it: whatever opens a session takes the warning back."""
        _move_in(town, JEANNE)
        town.clock.advance(UNTIL_WARNING)
        town.auth.maintenance.purge()

        use(town)

        town.clock.advance(UNTIL_REMOVAL)
        assert town.auth.maintenance.purge().logins_removed == 0

    def test_d15_a_warning_that_was_not_sent_in_time_is_not_sent(self, town: Sandbox) -> None:
        """The mail server was away while its owner logged in: there is nothing left to warn of."""
        _move_in(town, JEANNE)
        town.clock.advance(UNTIL_WARNING)
        town.auth.maintenance.purge()
        town.log_in(JEANNE)

        assert _warned(town) == []

    def test_d15_nobody_loses_a_login_without_the_whole_warning(self, town: Sandbox) -> None:
        """The first purge after five years warns; only the one thirty days later removes."""
        _move_in(town, JEANNE)
        town.later(days=5 * 365)

        first = town.auth.maintenance.purge()
        town.clock.advance(UNTIL_REMOVAL - MOMENT)
        at_the_last_moment = town.auth.maintenance.purge()
        town.clock.advance(MOMENT)
        last = town.auth.maintenance.purge()

        assert (first.logins_warned, first.logins_removed) == (1, 0)
        assert (at_the_last_moment.logins_removed, last.logins_removed) == (0, 1)

    def test_d15_the_trail_tells_which(self, town: Sandbox) -> None:
        """Each run is on record, and each login that was warned or removed, by its id."""
        _move_in(town, JEANNE)
        town.audit.events.clear()

        for wait in (UNTIL_WARNING, UNTIL_REMOVAL):
            town.clock.advance(wait)
            town.auth.maintenance.purge()

        trail = [(event.pathway, event.outcome, event.subject is None) for event in town.audit.events]
        assert trail == [
            ("idle_login_warned", "succeeded", False),
            ("purged", "succeeded", True),
            ("idle_login_removed", "succeeded", False),
            ("purged", "succeeded", True),
        ]


class _BusyHousekeeping(MemoryHousekeeping):
    def idle_identities(
        self, *, before: datetime, warned_before: datetime | None = None, limit: int
    ) -> Sequence[Identity]:
        found = super().idle_identities(before=before, warned_before=warned_before, limit=limit)
        if found and isinstance(self.store, _BusyStore):
            self.store.act_once()
        return found

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        if isinstance(self.store, _BusyStore):
            self.store.count_removal()
        return super().remove_identity(identity_id, unless_used_since=unless_used_since)


class _BusyStore(MemoryStore):
    """Lets something happen once, between the search for idle logins and what is done to them."""

    meanwhile: Callable[[], object] | None = None
    removals = 9  # before it is away

    def act_once(self) -> None:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()

    def count_removal(self) -> None:
        """Be away once so many logins are gone."""
        if not self.removals:
            raise Unavailable(reason="store_away")
        self.removals -= 1

    def housekeeping(self) -> MemoryHousekeeping:
        return _BusyHousekeeping(self)


class TestMeanwhile:
    """Everything else goes on during a purge."""

    @pytest.fixture
    def busy(self) -> tuple[Sandbox, _BusyStore]:
        """A town with a login of Jeanne and one of Marc, both unused for long enough to be warned."""
        store = _BusyStore()
        town = Sandbox.build(store=store, policy=POLICY)
        _move_in(town, JEANNE, MARC)
        town.clock.advance(UNTIL_WARNING)
        return town, store

    def test_a_login_used_before_its_turn_is_not_warned(self, busy: tuple[Sandbox, _BusyStore]) -> None:
        """It was found as unused, and is looked at again in the unit of work that would note the warning."""
        town, store = busy
        store.meanwhile = lambda: town.log_in(JEANNE)

        report = town.auth.maintenance.purge()

        assert report.logins_warned == 1
        assert _warned(town) == [MARC]

    def test_a_login_used_before_its_turn_is_not_removed(self, busy: tuple[Sandbox, _BusyStore]) -> None:
        """Nor is one that was used at the very last moment removed."""
        town, store = busy
        town.auth.maintenance.purge()
        town.clock.advance(UNTIL_REMOVAL)
        store.meanwhile = lambda: town.log_in(JEANNE)

        report = town.auth.maintenance.purge()

        assert report.logins_removed == 1
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_a_purge_beside_another_does_nothing_twice(self, busy: tuple[Sandbox, _BusyStore]) -> None:
        """What the other has done already is left out; nobody gets two warnings."""
        town, store = busy
        store.meanwhile = town.auth.maintenance.purge

        report = town.auth.maintenance.purge()

        assert report.logins_warned == 0
        assert _warned(town) == [JEANNE, MARC]

    def test_a_purge_that_was_cut_off_is_finished_by_the_next(self, busy: tuple[Sandbox, _BusyStore]) -> None:
        """It is on record as failed, and what it had not come to is done later, once."""
        town, store = busy
        store.meanwhile = _cut_off
        with pytest.raises(Unavailable):
            town.auth.maintenance.purge()

        report = town.auth.maintenance.purge()

        assert [event.outcome for event in town.audit.events if event.pathway == "purged"] == ["failed", "succeeded"]
        assert report.logins_warned == 2

    def test_what_was_done_before_it_was_cut_off_is_on_record(self, busy: tuple[Sandbox, _BusyStore]) -> None:
        """A login that is gone can be looked up in the trail, however the purge ended."""
        town, store = busy
        town.auth.maintenance.purge()
        town.clock.advance(UNTIL_REMOVAL)
        store.removals = 1

        with pytest.raises(Unavailable):
            town.auth.maintenance.purge()

        assert [event.pathway for event in town.audit.events].count(Pathway.IDLE_LOGIN_REMOVED) == 1


def _cut_off() -> None:
    raise Unavailable(reason="store_away")
