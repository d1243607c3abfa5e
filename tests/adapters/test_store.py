"""What every store does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest

from coproauth.adapters.memory import MemoryDirectory
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.messages import Intention, MailKind
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.ports import Store
from coproauth.testing.sandbox import WritableDirectory

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

JEANNE = Identity(
    id="identity-1",
    email="Jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash="$argon2id$…",
    credential_stamp=1,
    temporary_until=LATER,
    last_account_id="account-1",
    locale="fr",
    created_at=NOW,
    last_login_at=NOW,
)
MARC = attrs.evolve(JEANNE, id="identity-2", email="marc@example.fr", email_key="marc@example.fr")
CODE = CodeRecord(
    id="code-1", contact_id="contact-1", portfolio_id="portfolio-1", index="ab" * 32, issued_at=NOW, expires_at=LATER
)
SESSION = SessionRecord(
    digest="cd" * 32,
    handle="handle-1",
    identity_id=JEANNE.id,
    credential_stamp=1,
    account_id=None,
    authenticated_at=NOW,
    last_seen_at=NOW,
    expires_at=LATER,
    address="192.0.2.1",
    user_agent=None,
)
MAIL = Intention(
    id="mail-1",
    kind=MailKind.RESET_LINK,
    to="jeanne@example.fr",
    locale="en",
    identity_id=JEANNE.id,
    credential_stamp=1,
    queued_at=NOW,
    due_at=NOW,
)


class TestUnitOfWork:
    """All of it is kept, or none."""

    def test_what_was_written_is_read_back_as_it_was(self, store: Store) -> None:
        """Values survive the store to the microsecond, aware and in UTC."""
        with store.writing() as work:
            assert work.identities.add(JEANNE)
            work.codes.add(CODE)

        with store.reading() as work:
            assert work.identities.get(JEANNE.id) == JEANNE
            assert work.codes.by_index([CODE.index]) == CODE

    def test_nothing_is_kept_when_the_block_raises(self, store: Store) -> None:
        """A failure half-way leaves no trace of the first half."""

        def fail_half_way() -> None:
            with store.writing() as work:
                work.identities.add(JEANNE)
                work.outbox.add(MAIL)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_half_way()

        with store.reading() as work:
            assert work.identities.get(JEANNE.id) is None
        with store.writing() as work:
            assert work.outbox.claim(at=LATER, until=LATER, limit=9, max_tries=9) == []

    def test_an_instant_of_another_zone_comes_back_aware(self, store: Store) -> None:
        """It is the same instant, whatever zone it was told in."""
        paris = timezone(timedelta(hours=2))
        with store.writing() as work:
            work.identities.add(attrs.evolve(JEANNE, created_at=NOW.astimezone(paris)))

        with store.reading() as work:
            found = work.identities.get(JEANNE.id)

        assert found == JEANNE


class TestIdentities:
    """Logins, unique by comparison key."""

    def test_they_are_found_by_id_key_and_contact(self, store: Store) -> None:
        """Each look-up finds the login, and nothing where there is none."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.identities.add(MARC)
            work.links.put(contact_id="contact-1", identity_id=MARC.id, at=NOW)

        with store.reading() as work:
            assert work.identities.by_email("jeanne@example.fr") == JEANNE
            assert work.identities.by_email("Jeanne@example.fr") is None
            assert work.identities.by_contact("contact-1") == MARC
            assert work.identities.by_contact("contact-2") is None

    def test_a_taken_key_is_not_added_and_the_unit_goes_on(self, store: Store) -> None:
        """The first login keeps the address; what follows in the same unit is kept."""
        with store.writing() as work:
            assert work.identities.add(JEANNE)
            assert not work.identities.add(attrs.evolve(MARC, email_key=JEANNE.email_key))
            assert work.identities.add(MARC)

        with store.reading() as work:
            assert work.identities.by_email(JEANNE.email_key) == JEANNE
            assert work.identities.get(MARC.id) == MARC

    def test_saving_needs_the_stamp_that_was_read(self, store: Store) -> None:
        """A login that was changed meanwhile is left as it is."""
        changed = attrs.evolve(JEANNE, credential_stamp=2, password_hash="another")
        with store.writing() as work:
            work.identities.add(JEANNE)

            assert work.identities.save(changed, expected_stamp=1)
            assert not work.identities.save(attrs.evolve(changed, password_hash="a third"), expected_stamp=1)

        with store.reading() as work:
            assert work.identities.get(JEANNE.id) == changed

    def test_saving_cannot_take_another_s_key(self, store: Store) -> None:
        """An address that another login has is not given twice, and the unit goes on."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.identities.add(MARC)

            assert not work.identities.save(attrs.evolve(MARC, email_key=JEANNE.email_key), expected_stamp=1)
            assert work.identities.save(attrs.evolve(MARC, locale="en"), expected_stamp=1)

    def test_a_login_that_is_not_there_is_not_saved(self, store: Store) -> None:
        """Saving never adds."""
        with store.writing() as work:
            assert not work.identities.save(JEANNE, expected_stamp=1)
            assert work.identities.get(JEANNE.id) is None


class TestLinks:
    """A contact has one login; a login has any number of contacts."""

    def test_a_contact_is_moved_not_shared(self, store: Store) -> None:
        """Linking again takes the contact off its former login."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.identities.add(MARC)
            work.links.put(contact_id="contact-1", identity_id=JEANNE.id, at=NOW)
            work.links.put(contact_id="contact-2", identity_id=JEANNE.id, at=NOW)

            work.links.put(contact_id="contact-1", identity_id=MARC.id, at=NOW)

            assert list(work.links.contacts_of(JEANNE.id)) == ["contact-2"]
            assert list(work.links.contacts_of(MARC.id)) == ["contact-1"]

    def test_removing_is_for_one_contact_only(self, store: Store) -> None:
        """The login's other contacts stay."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.links.put(contact_id="contact-1", identity_id=JEANNE.id, at=NOW)
            work.links.put(contact_id="contact-2", identity_id=JEANNE.id, at=NOW)

            work.links.remove("contact-1")
            work.links.remove("contact-3")

            assert work.links.linked(["contact-1", "contact-2", "contact-3"]) == {"contact-2"}


class TestCodes:
    """Used once, or revoked."""

    def test_a_code_is_consumed_once(self, store: Store) -> None:
        """The second to come is told so, and changes nothing."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.identities.add(MARC)
            work.codes.add(CODE)

            assert work.codes.consume(CODE.id, identity_id=JEANNE.id, at=NOW)
            assert not work.codes.consume(CODE.id, identity_id=MARC.id, at=LATER)

            assert work.codes.by_index([CODE.index]) == attrs.evolve(CODE, used_at=NOW, used_by=JEANNE.id)

    def test_a_revoked_code_is_not_consumed(self, store: Store) -> None:
        """Revoking is for good, and for one contact."""
        other = attrs.evolve(CODE, id="code-2", contact_id="contact-2", index="ef" * 32)
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.codes.add(CODE)
            work.codes.add(other)

            work.codes.revoke_of("contact-1", at=NOW)
            work.codes.revoke_of("contact-1", at=LATER)

            assert not work.codes.consume(CODE.id, identity_id=JEANNE.id, at=NOW)
            assert work.codes.by_index([CODE.index]) == attrs.evolve(CODE, revoked_at=NOW)
            assert work.codes.by_index(["00", other.index]) == other

    def test_a_code_has_one_pending_proof(self, store: Store) -> None:
        """A new proof takes the place of the former one."""
        with store.writing() as work:
            work.codes.add(CODE)
            work.codes.ask_proof(CODE.id, email_key="jeanne@example.fr", nonce="1" * 32, at=NOW)

            work.codes.ask_proof(CODE.id, email_key="marc@example.fr", nonce="2" * 32, at=LATER)

            asked = attrs.evolve(
                CODE, proof_email_key="marc@example.fr", proof_nonce="2" * 32, proof_requested_at=LATER
            )
            assert work.codes.by_index([CODE.index]) == asked


class TestSessions:
    """They end once, and stay ended."""

    def test_ending_works_once(self, store: Store) -> None:
        """Whoever ends a session second is told that there was none."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)

            assert work.sessions.end(SESSION.digest)
            assert not work.sessions.end(SESSION.digest)

    def test_touching_does_not_bring_back_an_ended_session(self, store: Store) -> None:
        """A request that is still running cannot revive what was ended (ASVS V7.4.1)."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)
            work.sessions.touch(SESSION.digest, at=LATER)
            assert list(work.sessions.of(JEANNE.id)) == [attrs.evolve(SESSION, last_seen_at=LATER)]
            work.sessions.end_all(JEANNE.id)

            work.sessions.touch(SESSION.digest, at=LATER)

            assert list(work.sessions.of(JEANNE.id)) == []

    def test_the_latest_session_is_listed_first(self, store: Store) -> None:
        """The order is that of logging in, latest first."""
        newer = attrs.evolve(SESSION, digest="12" * 32, handle="handle-2", authenticated_at=LATER)
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)
            work.sessions.add(newer)

            assert list(work.sessions.of(JEANNE.id)) == [newer, SESSION]


class TestSessionView:
    """Everything behind a page."""

    def test_it_joins_session_login_and_contacts(self, store: Store, directory: WritableDirectory) -> None:
        """The contacts come in the directory's order, those that are gone do not come."""
        condominium = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
        account = directory.add_account(condominium.id, label="Lot 1")
        people = [directory.add_contact(account.id, name=name) for name in ("Zoé", "Anne", "Marc")]
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)
            for person in reversed(people):
                work.links.put(contact_id=person.id, identity_id=JEANNE.id, at=NOW)
        directory.remove_contact(people[1].id)

        view = store.session_view(SESSION.digest, directory)

        assert view == SessionView(record=SESSION, identity=JEANNE, contacts=(people[0], people[2]))

    def test_it_works_with_a_directory_that_is_elsewhere(self, store: Store) -> None:
        """A host without a shared database is asked through the port."""
        elsewhere = MemoryDirectory()
        condominium = elsewhere.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
        person = elsewhere.add_contact(elsewhere.add_account(condominium.id, label="Lot 1").id, name="Zoé")
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)
            work.links.put(contact_id=person.id, identity_id=JEANNE.id, at=NOW)

        view = store.session_view(SESSION.digest, elsewhere)

        assert view == SessionView(record=SESSION, identity=JEANNE, contacts=(person,))

    def test_a_login_without_contacts_has_a_view_too(self, store: Store, directory: WritableDirectory) -> None:
        """An orphan is somebody."""
        with store.writing() as work:
            work.identities.add(JEANNE)
            work.sessions.add(SESSION)

        view = store.session_view(SESSION.digest, directory)

        assert view == SessionView(record=SESSION, identity=JEANNE, contacts=())

    def test_an_unknown_digest_has_none(self, store: Store, directory: WritableDirectory) -> None:
        """Nobody is behind a token that was never given."""
        assert store.session_view("00" * 32, directory) is None


class TestOutbox:
    """What was queued is delivered at least once."""

    def test_claimed_mail_is_left_alone_until_its_lease_ends(self, store: Store) -> None:
        """A second courier is not given it; after a crash of the first it is."""
        with store.writing() as work:
            work.outbox.add(MAIL)
            first = work.outbox.claim(at=NOW, until=LATER, limit=9, max_tries=9)
        with store.writing() as work:
            second = work.outbox.claim(at=NOW, until=LATER, limit=9, max_tries=9)
        with store.writing() as work:
            third = work.outbox.claim(at=LATER, until=LATER, limit=9, max_tries=9)

        assert list(first) == [attrs.evolve(MAIL, due_at=LATER, tries=1)]
        assert list(second) == []
        assert list(third) == [attrs.evolve(MAIL, due_at=LATER, tries=2)]

    def test_no_more_is_taken_than_asked_for_oldest_first(self, store: Store) -> None:
        """A batch is bounded, and nobody waits for ever."""
        mails = [attrs.evolve(MAIL, id=f"mail-{n}", due_at=NOW - timedelta(minutes=n)) for n in range(4)]
        with store.writing() as work:
            for mail in mails:
                work.outbox.add(mail)

            taken = work.outbox.claim(at=NOW, until=LATER, limit=2, max_tries=9)

        assert [mail.id for mail in taken] == ["mail-3", "mail-2"]

    def test_what_was_tried_too_often_is_kept_but_not_taken(self, store: Store) -> None:
        """It is left to the operator."""
        with store.writing() as work:
            work.outbox.add(attrs.evolve(MAIL, tries=2))

            assert list(work.outbox.claim(at=NOW, until=LATER, limit=9, max_tries=2)) == []
            assert len(work.outbox.claim(at=NOW, until=LATER, limit=9, max_tries=3)) == 1

    def test_done_and_postponed_mail_is_not_due(self, store: Store) -> None:
        """What was delivered is forgotten, what failed waits for its time."""
        with store.writing() as work:
            work.outbox.add(MAIL)
            work.outbox.add(attrs.evolve(MAIL, id="mail-2"))
            work.outbox.done("mail-1")
            work.outbox.postpone("mail-2", due_at=LATER, tries=1, failure=None)
            work.outbox.postpone("no such mail", due_at=LATER, tries=1, failure=None)

            assert list(work.outbox.claim(at=NOW, until=LATER, limit=9, max_tries=9)) == []
            assert [mail.id for mail in work.outbox.claim(at=LATER, until=LATER, limit=9, max_tries=9)] == ["mail-2"]
