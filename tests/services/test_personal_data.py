"""Personal data: everything that is kept is told, nothing that opens something is, and all of it can be erased."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from tests.engines import EVERYWHERE, SQL, adapters_on
from tests.town import Town

from coproauth import ActivationRefused, Contact, InvalidInput, LoginRefused, SessionRefused
from coproauth.adapters.logging import LoggingAudit
from coproauth.adapters.memory import MemoryDirectory
from coproauth.adapters.sqlalchemy import SqlAudit
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.tokens import Purpose
from coproauth.errors import Interrupted
from coproauth.testing.sandbox import PASSWORD, Sandbox

JEANNE, MARC = "jeanne@example.fr", "marc@example.fr"


class _LosesAConnection(MemoryDirectory):
    """A directory that is interrupted once, when it is told to be."""

    is_lost = False

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        """Return contacts, at the second try."""
        if self.is_lost:
            self.is_lost = False
            raise Interrupted(reason="store_away")
        return super().contacts(contact_ids)


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A town on every kind of store."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory)


class TestExport:
    """GDPR art. 15 and 20: everything that is kept about one login, in a form that programs can read."""

    def test_everything_about_a_login_is_told(self, town: Sandbox) -> None:
        """The login, its contacts as the host knows them, sessions, codes and mail; nothing of anybody else's."""
        contact = town.contact(email="file@example.fr")
        town.activate(town.contact("Marc Petit"), MARC)
        session = town.activate(contact, JEANNE).session
        town.auth.deliver_mail()
        town.later(minutes=5)
        town.auth.password_reset.request(email=JEANNE, source=town.source)

        export = town.auth.personal_data.export(" Jeanne@Example.fr")

        assert export is not None
        assert (export.identity.id, export.identity.email) == (session.identity_id, JEANNE)
        assert export.identity.has_password
        assert export.contact_ids == (contact.id,)
        assert export.contacts == (contact,)
        assert [(row.address, row.user_agent) for row in export.sessions] == [("192.0.2.1", "Browser")]
        assert [(row.contact_id, row.used_at is not None) for row in export.codes] == [(contact.id, True)]
        assert [(row.kind, row.to, row.queued_at) for row in export.mail] == [("reset_link", JEANNE, town.clock.now())]

    def test_a_connection_that_is_lost_meanwhile_is_no_reason_to_tell_nothing(self) -> None:
        """Whatever was under way is looked at again, as in every other use case."""
        directory = _LosesAConnection()
        town = Sandbox.build(directory=directory)
        contact = town.contact()
        town.activate(contact, JEANNE)
        directory.is_lost = True

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert (export.contacts, directory.is_lost) == ((contact,), False)

    def test_the_trail_tells_what_was_done_and_not_by_which_manager(self, town: Sandbox) -> None:
        """Events about the login and its contacts, the earliest first; other people's are left out."""
        contact = town.contact()
        town.activate(town.contact("Marc Petit"), MARC)
        town.activate(contact, JEANNE)
        town.log_in(JEANNE)

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert export.audit_events is not None
        assert [(event.pathway, event.actor_kind) for event in export.audit_events] == [
            ("code_issued", "manager"),
            ("activated", "person"),  # the proof of the address was asked for, before there was a login
            ("activated", "person"),
            ("logged_in", "person"),
        ]
        assert "manager-1" not in export.to_json()

    def test_nothing_that_opens_something_is_told(self, town: Sandbox) -> None:
        """Neither hash nor digest nor index nor nonce nor handle; neither in JSON, nor in a repr the address."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        with town.store.reading() as work:
            identity = work.identities.by_contact(contact.id)
            assert identity is not None
            (session,) = work.sessions.of(identity.id)
        (code,) = town.store.housekeeping().codes_used_by(identity.id)

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert identity.password_hash
        for secret in (identity.password_hash, session.digest, session.handle, code.index, code.id, "nonce"):
            assert secret not in export.to_json()
        assert JEANNE not in repr(export)

    def test_it_is_json_with_aware_instants(self, town: Sandbox) -> None:
        """Accents as they are written, instants in UTC."""
        town.activate(town.contact("Zoé Noël"), JEANNE)

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        read = json.loads(export.to_json())
        assert read["identity"]["created_at"] == "2026-01-01T08:00:00+00:00"
        assert read["contacts"][0]["account"]["condominium_name"] == "Les Lilas"
        assert "Zoé Noël" in export.to_json()

    def test_an_address_without_a_login_has_nothing(self, town: Sandbox) -> None:
        """And nothing is put on record."""
        assert town.auth.personal_data.export(JEANNE) is None
        assert town.audit.events == []

    def test_a_contact_that_the_host_removed_is_told_by_its_id(self, town: Sandbox) -> None:
        """The link is kept, so it is told."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        town.directory.remove_contact(contact.id)

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert (export.contact_ids, export.contacts) == ((contact.id,), ())


class TestTrail:
    """Where the trail is kept decides whether it can be told."""

    @pytest.mark.parametrize("kind", SQL)
    def test_a_trail_in_a_table_is_told(self, kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """Instants and words are read back as they were recorded."""
        with adapters_on(kind, request, tmp_path) as adapters:
            town = Town.found(audit=SqlAudit(adapters.engine))
            town.move_in(JEANNE)
            town.move_in(MARC)

            export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert export.audit_events is not None
        assert [(event.pathway, event.at) for event in export.audit_events] == [
            ("code_issued", town.clock.now()),
            ("activated", town.clock.now()),  # the proof of the address was asked for, before there was a login
            ("activated", town.clock.now()),
        ]

    def test_a_trail_in_log_files_is_not(self) -> None:
        """None says that it has to be looked up elsewhere; an empty list would say that there is nothing."""
        town = Town.found(audit=LoggingAudit())
        town.move_in(JEANNE)

        export = town.auth.personal_data.export(JEANNE)

        assert export is not None
        assert export.audit_events is None


class TestErasure:
    """GDPR art. 17: what the library keeps about a login goes."""

    def test_a77_a_login_is_gone_with_all_that_belonged_to_it(self, town: Sandbox) -> None:
        """Session, links and waiting mail; the password opens nothing."""
        contact = town.contact()
        token = town.activate(contact, JEANNE).token
        town.auth.deliver_mail()
        town.mailer.sent.clear()
        town.auth.password_reset.request(email=JEANNE, source=town.source)

        erased = town.auth.personal_data.erase(JEANNE)

        assert erased
        assert town.mail_to(JEANNE) == []
        assert town.auth.login.identifier_of(contact.id) is None
        assert town.auth.personal_data.export(JEANNE) is None
        with pytest.raises(SessionRefused):
            town.auth.login.session(token)
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE)

    def test_nothing_in_the_store_names_the_person(self, town: Sandbox) -> None:
        """The used code does not tell by whom, nor which address was proven with it."""
        contact = town.contact()
        code = town.code_for(contact)
        town.activate_with(code, JEANNE)
        export = town.auth.personal_data.export(JEANNE)
        assert export is not None

        town.auth.personal_data.erase(JEANNE)

        with town.store.reading() as work:
            record = work.codes.by_index(_indices(town, code))
        assert record is not None
        assert record.used_at is not None
        assert (record.used_by, record.proof_email_key, record.proof_nonce) == (None, None, None)
        assert town.store.housekeeping().codes_used_by(export.identity.id) == []

    def test_a_used_code_stays_used(self, town: Sandbox) -> None:
        """The letter in the drawer opens nothing; the manager issues another."""
        contact = town.contact()
        code = town.code_for(contact)
        town.activate_with(code, JEANNE)

        town.auth.personal_data.erase(JEANNE)

        with pytest.raises(ActivationRefused, match="code_already_used"):
            town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)
        assert town.activate(contact, JEANNE).session.email == JEANNE

    def test_others_are_left_alone(self, town: Sandbox) -> None:
        """The contact's spouse on the same account keeps login, session and mail."""
        contact = town.contact()
        spouse = town.directory.add_contact(contact.account.id, name="Marc Petit")
        town.activate(contact, JEANNE)
        token = town.activate(spouse, MARC).token
        town.auth.password_reset.request(email=MARC, source=town.source)

        town.auth.personal_data.erase(JEANNE)

        assert town.auth.login.session(token).email == MARC
        assert town.reset_token_for(MARC)
        assert list(town.directory.contacts([contact.id])) == [contact]

    def test_the_trail_keeps_an_id_and_no_address(self, town: Sandbox) -> None:
        """Who erased it can be found out; who it was cannot."""
        identity_id = town.activate(town.contact(), JEANNE).session.identity_id
        town.audit.events.clear()

        town.auth.personal_data.erase(JEANNE)

        (event,) = town.audit.events
        assert (event.pathway, event.outcome, event.subject) == ("login_erased", "succeeded", identity_id)
        assert JEANNE not in str(attrs.asdict(event))

    def test_erasing_twice_is_no_error(self, town: Sandbox) -> None:
        """The second time there is nothing left to do."""
        town.activate(town.contact(), JEANNE)

        assert [town.auth.personal_data.erase(JEANNE) for _ in range(2)] == [True, False]

    def test_what_is_no_address_is_refused(self, town: Sandbox) -> None:
        """A slip of the keyboard must not read as if nothing were kept."""
        for call in (town.auth.personal_data.erase, town.auth.personal_data.export):
            with pytest.raises(InvalidInput) as refusal:
                call("jeanne@@example.fr")
            assert refusal.value.field == "email"


def _indices(town: Sandbox, code: str) -> list[str]:
    macs = town.auth.keyring.macs(Purpose.CODE_INDEX, ActivationCode.parse(code).symbols)
    return [mac.hex() for mac in macs]
