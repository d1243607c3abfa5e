"""Brings the town into a new database, through the services, as a host's own import would."""

from __future__ import annotations

import attrs

from coproauth.adapters.memory import MemoryMailer
from coproauth.core.accounts import Contact, Manager
from coproauth.core.sources import Source
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.portal.demo.database import DemoDatabase
from coproauth.portal.demo.town import FIRMS, PASSWORD, TOWN, Building, Resident

SOURCE = Source("127.0.0.1", user_agent="coproauth demo")
MANAGERS = {firm.portfolio_id: Manager(id=firm.manager_id, portfolio_id=firm.portfolio_id) for firm in FIRMS}


def seed(database: DemoDatabase, *, portal_url: str, policy: Policy) -> None:
    """Bring the town into an empty database; only the proof of an address is skipped."""
    database.create_tables()
    policy = attrs.evolve(policy, require_email_proof=False)
    auth = database.wire(portal_url=portal_url, policy=policy, mailer=MemoryMailer())
    for building in TOWN:
        _build(database, auth, building)
    auth.deliver_mail()  # into nothing: the mailbox of the demonstration starts empty


def _build(database: DemoDatabase, auth: Coproauth, building: Building) -> None:
    directory = database.directory
    condominium = directory.add_condominium(name=building.name, portfolio_id=building.portfolio_id)
    for household in building.households:
        account = directory.add_account(condominium.id, label=household.label)
        for resident in household.residents:
            email = resident.file_email or resident.login
            contact = directory.add_contact(account.id, name=resident.name, email=email)
            _bring_into_state(database, auth, contact, resident)
    if building.is_removed:
        directory.remove_condominium(condominium.id)


def _bring_into_state(database: DemoDatabase, auth: Coproauth, contact: Contact, resident: Resident) -> None:
    if resident.login is None:
        return
    manager = MANAGERS[contact.account.portfolio_id]
    code = auth.activation.issue(contact.id, by=manager).code
    signed_in = auth.activation.activate(code=code, email=resident.login, password=PASSWORD, source=SOURCE)
    auth.login.log_out(signed_in.token)
    if resident.state == "used_code":
        database.note(resident.state, code)
    if resident.state == "temporary":
        database.note(resident.state, auth.password_reset.set_password(contact.id, by=manager).password)
