"""Chapter V3 of OWASP ASVS 5.0, the web front end: what no other test was written for."""

from __future__ import annotations

from tests.portal.conftest import Browser

from coproauth.adapters.memory import MemoryDirectory
from coproauth.testing.sandbox import PASSWORD, PORTFOLIO, Sandbox

_JEANNE = "jeanne@example.fr"


def test_v3_3_5_the_cookie_does_not_grow_with_the_accounts(
    sandbox: Sandbox, directory: MemoryDirectory, browser: Browser
) -> None:
    """It carries a token and nothing else: as long for five hundred accounts as for one."""
    sandbox.activate(sandbox.contact(), _JEANNE)
    (one,) = _session_cookies(browser)
    identity_id = sandbox.log_in(_JEANNE).session.identity_id
    building = directory.add_condominium(name="Les Pins", portfolio_id=PORTFOLIO)
    accounts = [directory.add_account(building.id, label=f"Lot {number}") for number in range(500)]
    contacts = [directory.add_contact(account.id, name="Jeanne Roche") for account in accounts]
    with sandbox.store.writing() as work:
        for contact in contacts:
            work.links.put(contact_id=contact.id, identity_id=identity_id, at=sandbox.clock.now())

    (many,) = _session_cookies(browser)

    assert len(sandbox.log_in(_JEANNE).session.accounts) == 501
    assert len(one) == len(many) < 256


def _session_cookies(browser: Browser) -> list[str]:
    browser.client.cookies.clear()
    cookies = browser.log_in(_JEANNE, PASSWORD).headers.get_list("set-cookie")
    return [cookie for cookie in cookies if cookie.startswith("__Host-coproauth_session=")]
