"""Each event tells who acts, as far as that is proven, and on what, without telling an address (ASVS V16.2.1)."""

from __future__ import annotations

import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import ActorKind, AuditEvent, Manager, PasswordChangeRequired
from coproauth.testing.sandbox import PASSWORD

_WRONG = "trois pommes sur un nuage"


def _last(town: Town) -> AuditEvent:
    return town.audit.events[-1]


def _pseudonym(town: Town, email: str) -> str:
    return town.auth.keyring.pseudonyms(email)[0]


class TestPersons:
    """Somebody at a browser, who is whoever a secret proves him to be."""

    def test_who_gives_a_wrong_password_is_nobody(self, town: Town) -> None:
        """The event is about the login, and not by its owner."""
        identity_id = town.move_in().session.identity_id

        refusal_of(lambda: town.log_in(JEANNE, password=_WRONG))

        event = _last(town)
        assert (event.actor_kind, event.actor, event.subject) == (ActorKind.PERSON, None, identity_id)

    def test_who_gives_the_right_one_is_the_owner(self, town: Town) -> None:
        """Also where a manager set it, and it opens no session yet."""
        contact = town.contact()
        identity_id = town.activate(contact, JEANNE).session.identity_id
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password

        with pytest.raises(PasswordChangeRequired):
            town.log_in(JEANNE, password=temporary)

        assert (_last(town).actor_kind, _last(town).actor) == (ActorKind.PERSON, identity_id)

    def test_whoever_holds_a_session_or_link_is_the_owner(self, town: Town) -> None:
        """Re-authentication with a wrong password is his own slip; so is a weak password behind a reset link."""
        signed_in = town.move_in()
        link = town.reset_token()
        reauthenticate, redeem = town.auth.login.reauthenticate, town.auth.password_reset.redeem

        refusal_of(lambda: reauthenticate(signed_in.token, password=_WRONG, source=town.source))
        refusal_of(lambda: redeem(link, new_password="1", source=town.source))

        assert {event.actor for event in town.audit.events[-2:]} == {signed_in.session.identity_id}

    def test_who_asks_for_a_reset_is_nobody(self, town: Town) -> None:
        """Everybody can ask."""
        identity_id = town.move_in().session.identity_id

        town.auth.password_reset.request(email=JEANNE, source=town.source)

        assert (_last(town).actor, _last(town).subject) == (None, identity_id)

    def test_who_logs_out_is_told(self, town: Town) -> None:
        """Once; the second time there is no session to tell by."""
        signed_in = town.move_in()

        town.auth.login.log_out(signed_in.token)
        town.auth.login.log_out(signed_in.token)

        assert [event.actor for event in town.audit.events[-2:]] == [signed_in.session.identity_id, None]


class TestAddresses:
    """An address is on record as a pseudonym, until it is known whose it is."""

    def test_attempts_on_one_unknown_address_belong_together(self, town: Town) -> None:
        """Whoever tries it, in whatever spelling; another address is another."""
        for email in ("nobody@example.fr", "Nobody@Example.FR", "somebody@example.fr"):
            refusal_of(lambda: town.log_in(email))  # noqa: B023
        town.auth.password_reset.request(email="nobody@example.fr", source=town.source)

        subjects = [event.subject for event in town.audit.events]
        nobody, somebody = (_pseudonym(town, f"{name}@example.fr") for name in ("nobody", "somebody"))
        assert subjects == [nobody, nobody, somebody, nobody]

    def test_an_attempt_that_is_held_off_is_about_the_address(self, town: Town) -> None:
        """Nothing was looked up for it."""
        town.move_in()
        while refusal_of(lambda: town.log_in(JEANNE, password=_WRONG))[1] != "throttled":
            pass

        assert _last(town).subject == _pseudonym(town, JEANNE)

    def test_an_onboarding_that_is_refused_is_about_the_address(self, town: Town) -> None:
        """The login that it would have been is none yet."""
        code = town.code_for(town.contact())

        refusal_of(
            lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)
        )

        assert (_last(town).reason, _last(town).subject) == ("email_proof_required", _pseudonym(town, JEANNE))


class TestOthers:
    """Managers, operators, and the library itself."""

    def test_a_manager_who_reaches_too_far_is_named_with_his_aim(self, town: Town) -> None:
        """ASVS V16.3.2: the contact of another portfolio, or one that is not there; also where he only looks."""
        contact, foreign = town.contact(), Manager(id="manager-9", portfolio_id="portfolio-9")
        for contact_id in (contact.id, "no contact"):
            refusal_of(lambda: town.auth.password_reset.send_link(contact_id, by=foreign))  # noqa: B023
        refusal_of(lambda: town.auth.activation.activated(contact.account.condominium_id, by=foreign))

        told = [(event.actor_kind, event.actor, event.subject, event.owasp_name) for event in town.audit.events]
        assert told == [
            (ActorKind.MANAGER, "manager-9", contact.id, "authz_fail"),
            (ActorKind.MANAGER, "manager-9", "no contact", "authz_fail"),
            (ActorKind.MANAGER, "manager-9", contact.account.condominium_id, "authz_fail"),
        ]

    def test_what_is_no_manager_has_no_name(self, town: Town) -> None:
        """The host's mistake is on record as an attempt of a manager's."""
        contact = town.contact()

        refusal_of(lambda: town.auth.activation.issue(contact.id, by="manager-1"))  # type: ignore[arg-type]

        assert (_last(town).actor_kind, _last(town).actor) == (ActorKind.MANAGER, None)

    def test_a_managers_id_is_cut_to_what_the_table_holds(self, town: Town) -> None:
        """The host's ids are the host's; an event is not lost by one."""
        contact = town.contact()

        town.auth.activation.issue(contact.id, by=Manager(id="m\n" + "x" * 400, portfolio_id="portfolio-1"))

        assert _last(town).actor == "m\N{REPLACEMENT CHARACTER}" + "x" * 253

    def test_an_operator_is_named_if_he_says_who_he_is(self, town: Town) -> None:
        """Commands say the name in the operating system."""
        town.move_in()

        town.auth.personal_data.export(JEANNE, operator="odile")
        town.auth.personal_data.erase(JEANNE)

        told = [(event.actor_kind, event.actor) for event in town.audit.events[-2:]]
        assert told == [(ActorKind.OPERATOR, "odile"), (ActorKind.OPERATOR, None)]

    def test_maintenance_is_the_librarys_own(self, town: Town) -> None:
        """Nobody has to be asked about it."""
        town.auth.maintenance.purge()

        assert (_last(town).actor_kind, _last(town).actor) == (ActorKind.SYSTEM, None)
