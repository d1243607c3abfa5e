"""Chapter V8 of OWASP ASVS 5.0, authorisation: what no other test was written for."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    ActivationPreview,
    ActivationService,
    Contact,
    IssuedCode,
    Manager,
    NotAllowed,
    PasswordResetService,
    ResetLink,
    Session,
    SessionSummary,
    TemporaryPassword,
)
from coproauth.testing.sandbox import PORTFOLIO

_ACTS = {
    name
    for service in (ActivationService, PasswordResetService)
    for name, method in inspect.getmembers(service, inspect.isfunction)
    if not name.startswith("_") and "by" in inspect.signature(method).parameters
}


def _act(town: Town, name: str, contact: Contact, by: object) -> Callable[[], object]:
    service = town.auth.activation if hasattr(town.auth.activation, name) else town.auth.password_reset
    method: Callable[..., object] = getattr(service, name)
    is_of_all = "condominium_id" in inspect.signature(method).parameters
    return lambda: method(contact.account.condominium_id if is_of_all else contact.id, by=by)


@pytest.mark.parametrize("name", sorted(_ACTS))
def test_v8_1_1_who_may_act_is_who_the_contact_s_portfolio_says(town: Town, name: str) -> None:
    """Each act of a manager, by each kind of actor: one is let through, the others get one and the same answer."""
    contact = town.contact()
    signed_in = town.activate(contact, JEANNE)
    town.contact()

    refused = [
        Manager(id="other", portfolio_id="portfolio-2"),
        Manager(id="none", portfolio_id=None),  # type: ignore[arg-type]
        Manager(id="empty", portfolio_id=""),
        signed_in.session,
        signed_in.token,
        contact,
        None,
    ]
    answers = {refusal_of(_act(town, name, contact, actor)) for actor in refused}
    _act(town, name, contact, town.manager)()

    assert answers == {(NotAllowed, "not_allowed")}


@pytest.mark.parametrize("name", sorted(_ACTS))
def test_v8_2_2_a_contact_without_portfolio_is_nobodys(town: Town, name: str) -> None:
    """None equals nothing, not even None; and the empty string not itself."""
    for portfolio_id in (None, ""):
        contact = town.contact(portfolio_id=portfolio_id)  # type: ignore[arg-type]
        manager = Manager(id="nobody", portfolio_id=portfolio_id)  # type: ignore[arg-type]
        assert refusal_of(_act(town, name, contact, manager)) == (NotAllowed, "not_allowed")


def test_v8_2_3_what_is_handed_out_holds_no_more_than_it_says() -> None:
    """A manager sees no login, hash or other account; a person no hash, digest or other person."""
    fields = {
        kind: {field.name for field in attrs.fields(kind)}
        for kind in (ActivationPreview, Contact, IssuedCode, ResetLink, Session, SessionSummary, TemporaryPassword)
    }

    assert fields == {
        ActivationPreview: {"condominium_name", "contact_name"},
        Contact: {"id", "name", "account", "email"},
        IssuedCode: {"code", "contact", "expires_at"},
        ResetLink: {"email"},
        Session: {"identity_id", "email", "active_account", "accounts", "authenticated_at", "expires_at"},
        SessionSummary: {
            "handle",
            "authenticated_at",
            "last_seen_at",
            "address",
            "user_agent",
            "is_current",
        },
        TemporaryPassword: {"password", "expires_at"},
    }


def test_v8_4_1_a_manager_s_acts_leave_other_portfolios_as_they_were(town: Town) -> None:
    """Two firms over one person: whatever one does within its reach, the other's contacts see what they saw."""
    mine, theirs = town.contact(), town.contact("Marc Dubois", portfolio_id="portfolio-2")
    town.activate(mine, JEANNE)
    town.activate(theirs, "marc@example.fr")
    theirs_code = town.code_for(town.contact("Luc Petit", portfolio_id="portfolio-2"))
    before = town.log_in("marc@example.fr")

    for name in sorted(_ACTS, key=lambda name: (name == "dissociate", name)):
        _act(town, name, mine, Manager(id="m", portfolio_id=PORTFOLIO))()
        refusal_of(_act(town, name, theirs, Manager(id="m", portfolio_id=PORTFOLIO)))

    assert town.auth.login.session(before.token).accounts == before.session.accounts
    assert town.log_in("marc@example.fr").session.email == "marc@example.fr"
    assert town.auth.activation.preview(theirs_code, source=town.source).contact_name == "Luc Petit"
