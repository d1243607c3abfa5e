"""Pages of the manager: condominiums, their accounts and contacts, and what may be done for a contact.

Who the manager is, and which condominiums there are, the host says; what the manager may do, the services say. A
page shows whether a contact is activated and never the login's e-mail, except on the printed call for funds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from coproauth.core.accounts import Account, Condominium, Contact, Manager, parse_id, require_managed
from coproauth.errors import InvalidInput, NotAllowed, Refused
from coproauth.policy import Locale
from coproauth.portal.once import OneTimeForm
from coproauth.portal.refusals import status_of
from coproauth.portal.visits import Page, Visit
from coproauth.portal.words import Words, load_texts


def _id_of(manager: Manager) -> str:
    return manager.id


def _in_french(_: Contact) -> Locale:
    return "fr"


@attrs.frozen(kw_only=True)
class Desk:
    """How the host software opens the manager's desk.

    Attributes:
        manager: who asks, None if it is no manager; the host's own login of its staff decides.
        condominiums: those of the manager's portfolio.
        firm: how the firm signs its letters.
        printed_in: in which language a contact's letter and call for funds are printed, whatever the manager reads.
        entrance: the host's page on which a manager makes himself known; without one the desk is not found.
    """

    manager: Callable[[Request], Manager | None]
    condominiums: Callable[[Manager], Sequence[Condominium]]
    firm: Callable[[Manager], str] = _id_of
    printed_in: Callable[[Contact], Locale] = _in_french
    entrance: str | None = None


@attrs.frozen
class _DeskVisit:
    """A manager's visit."""

    desk: Desk
    visit: Visit
    manager: Manager

    @property
    def contact(self) -> Contact:
        """The contact in the address, within the manager's portfolio."""
        wanted = parse_id(self.visit.request.path_params["contact_id"], field="contact_id")
        return require_managed(self.visit.auth.directory.contact(wanted), self.manager)

    @property
    def condominium(self) -> Condominium:
        """The condominium in the address, within the manager's portfolio."""
        wanted = self.visit.request.path_params["condominium_id"]
        found = [row for row in self.desk.condominiums(self.manager) if row.id == wanted]
        if not found:
            raise NotAllowed
        return found[0]

    def is_activated(self, contact: Contact) -> bool:
        """Whether a contact has a login."""
        activated = self.visit.auth.activation.activated(contact.account.condominium_id, by=self.manager)
        return contact.id in activated

    @property
    def firm(self) -> str:
        """How the firm signs."""
        return self.desk.firm(self.manager)

    def words_for(self, contact: Contact) -> Words:
        """The language of what is printed for a contact."""
        locale = self.desk.printed_in(contact)
        return attrs.evolve(self.visit.words, locale=locale, texts=load_texts(locale))

    def back_to(self, contact: Contact, *, notice: str) -> Response:
        """Show the contact's page again."""
        return self.visit.redirect(path_of(contact), notice=notice)


def path_of(contact: Contact) -> str:
    """Return the path of a contact's page."""
    return f"/desk/contacts/{quote(contact.id, safe='')}"


def _path_of_condominium(condominium: Condominium) -> str:
    return f"/desk/condominiums/{quote(condominium.id, safe='')}"


def _form_of(contact: Contact, action: str) -> OneTimeForm:
    return OneTimeForm(f"{path_of(contact)}/{action}")


DeskHandler = Callable[[_DeskVisit], Response]


def _show_condominiums(at: _DeskVisit) -> Response:
    return at.visit.render("desk/condominiums.html", at=at, condominiums=at.desk.condominiums(at.manager))


def _show_condominium(at: _DeskVisit) -> Response:
    condominium = at.condominium
    auth = at.visit.auth
    contacts = auth.directory.contacts_of(condominium.id)
    activated = auth.activation.activated(condominium.id, by=at.manager) if contacts else frozenset()
    return at.visit.render(
        "desk/condominium.html", at=at, condominium=condominium, accounts=_by_account(contacts), activated=activated
    )


def _by_account(contacts: Sequence[Contact]) -> list[tuple[Account, list[Contact]]]:
    """Return each account with its contacts, in the host's order."""
    groups: dict[str, tuple[Account, list[Contact]]] = {}
    for contact in contacts:
        groups.setdefault(contact.account.id, (contact.account, []))[1].append(contact)
    return list(groups.values())


def _show_contact(at: _DeskVisit) -> Response:
    contact = at.contact
    return at.visit.render("desk/contact.html", at=at, contact=contact, is_activated=at.is_activated(contact))


def _send_link(at: _DeskVisit) -> Response:
    contact = at.contact
    try:
        at.visit.auth.password_reset.send_link(contact.id, by=at.manager)
    except NotAllowed as refusal:
        return _refuse(at, contact, refusal)
    return at.back_to(contact, notice="link_sent")


def _confirm_password(at: _DeskVisit) -> Response:
    contact, t = at.contact, at.visit.words
    return _form_of(contact, "password").show(
        at.visit,
        "desk/confirm.html",
        at=at,
        title=t("desk.set_password_title", name=contact.name),
        consequences=[t("desk.set_password_lead")],
        submit=t("desk.set_password"),
        back=path_of(contact),
    )


def _set_password(at: _DeskVisit) -> Response:
    """Set a temporary password and show it, in this one answer only."""
    contact = at.contact
    form = _form_of(contact, "password")
    if not form.is_first(at.visit):
        return _done_already(at, path_of(contact), of="contact")
    return form.spend(at.visit, _show_new_password(at, contact))


def _show_new_password(at: _DeskVisit, contact: Contact) -> Response:
    try:
        temporary = at.visit.auth.password_reset.set_password(contact.id, by=at.manager)
    except NotAllowed as refusal:
        return _refuse(at, contact, refusal)
    return at.visit.render("desk/temporary_password.html", at=at, contact=contact, temporary=temporary)


def _refuse(at: _DeskVisit, contact: Contact, refusal: NotAllowed) -> Response:
    at.visit.back = path_of(contact)
    return at.visit.refuse(
        "desk/contact.html",
        refusal,
        contact=contact,
        is_activated=at.is_activated(contact),
        at=at,
    )


def _confirm_issue(at: _DeskVisit) -> Response:
    contact, t = at.contact, at.visit.words
    consequences = [t("desk.issue_lead")]
    if at.is_activated(contact):
        consequences.append(t("desk.issue_activated"))
    return _form_of(contact, "code").show(
        at.visit,
        "desk/confirm.html",
        at=at,
        title=t("desk.issue_title", name=contact.name),
        consequences=consequences,
        submit=t("desk.issue"),
        back=path_of(contact),
    )


def _issue(at: _DeskVisit) -> Response:
    """Issue a code and show the letter, in this one answer only."""
    contact = at.contact
    form, back = _form_of(contact, "code"), path_of(contact)
    if not form.is_first(at.visit):
        return _done_already(at, back, of="contact")
    letters = [at.visit.auth.activation.issue(contact.id, by=at.manager)]
    page = at.visit.render("desk/letters.html", at=at, letters=letters, back=back, back_label="desk.back")
    return form.spend(at.visit, page)


def _confirm_issue_all(at: _DeskVisit) -> Response:
    condominium, t = at.condominium, at.visit.words
    back = _path_of_condominium(condominium)
    return OneTimeForm(f"{back}/codes").show(
        at.visit,
        "desk/confirm.html",
        at=at,
        title=t("desk.issue_all_title", name=condominium.name),
        consequences=[t("desk.issue_all_lead"), t("desk.issue_all_dissociated")],
        submit=t("desk.issue_all"),
        back=back,
    )


def _issue_all(at: _DeskVisit) -> Response:
    condominium = at.condominium
    back = _path_of_condominium(condominium)
    form = OneTimeForm(f"{back}/codes")
    if not form.is_first(at.visit):
        return _done_already(at, back, of="condominium")
    letters = at.visit.auth.activation.issue_all(condominium.id, by=at.manager)
    page = at.visit.render("desk/letters.html", at=at, letters=letters, back=back, back_label="desk.back_condominium")
    return form.spend(at.visit, page)


def _done_already(at: _DeskVisit, back: str, *, of: str) -> Response:
    """Say that a form was sent before; what it showed is not shown again."""
    return at.visit.render("desk/done_already.html", status=409, at=at, back=back, of=of)


def _show_dissociate(at: _DeskVisit) -> Response:
    return at.visit.render("desk/dissociate.html", at=at, contact=at.contact)


def _dissociate(at: _DeskVisit) -> Response:
    contact = at.contact
    at.visit.auth.activation.dissociate(contact.id, by=at.manager)
    return at.back_to(contact, notice="dissociated")


def _show_call_for_funds(at: _DeskVisit) -> Response:
    contact = at.contact
    overview = at.visit.portal.overview
    return at.visit.render(
        "desk/call_for_funds.html",
        at=at,
        contact=contact,
        identifier=at.visit.auth.login.identifier_of(contact.id),
        overview=overview(contact.account) if overview else None,
    )


def _answer(handler: DeskHandler, at: _DeskVisit) -> Response:
    """Answer a manager; what is refused, or not there for him, is told within the desk."""
    try:
        return handler(at)
    except NotAllowed as refusal:
        status = status_of(refusal)
        key = f"error.{status}" if f"error.{status}.title" in at.visit.words else "error.other"
        return at.visit.render("desk/error.html", status=status, at=at, key=key)
    except InvalidInput as refusal:  # an address that can name no contact
        return at.visit.refuse("desk/refused.html", refusal, at=at, back="/desk", back_label="desk.back_desk")
    except Refused as refusal:
        at.visit.back, label = _way_back(at)
        return at.visit.refuse("desk/refused.html", refusal, at=at, back=at.visit.back, back_label=label)


def _way_back(at: _DeskVisit) -> tuple[str, str]:
    """Return the page of what the address names, and the key of the text that leads there."""
    match at.visit.request.path_params:
        case {"contact_id": _}:
            return path_of(at.contact), "desk.back"
        case {"condominium_id": _}:
            return _path_of_condominium(at.condominium), "desk.back_condominium"
        case _:
            return "/desk", "desk.back_desk"


def pages(desk: Desk | None) -> tuple[Page, ...]:
    """Return the pages of the desk; none without one."""
    if desk is None:
        return ()

    def for_manager(handler: DeskHandler) -> Callable[[Visit], Response]:
        def handle(visit: Visit) -> Response:
            manager = desk.manager(visit.request)
            if manager is not None:
                return _answer(handler, _DeskVisit(desk, visit, manager))
            if desk.entrance is None:
                raise HTTPException(404)
            return visit.redirect(desk.entrance)

        return handle

    contact, condominium = "/desk/contacts/{contact_id}", "/desk/condominiums/{condominium_id}"
    return (
        Page(path="/desk", get=for_manager(_show_condominiums)),
        Page(path=condominium, get=for_manager(_show_condominium)),
        Page(path=f"{condominium}/codes", get=for_manager(_confirm_issue_all), post=for_manager(_issue_all)),
        Page(path=contact, get=for_manager(_show_contact)),
        Page(path=f"{contact}/link", post=for_manager(_send_link), back="/desk"),
        Page(path=f"{contact}/password", get=for_manager(_confirm_password), post=for_manager(_set_password)),
        Page(path=f"{contact}/code", get=for_manager(_confirm_issue), post=for_manager(_issue)),
        Page(path=f"{contact}/dissociate", get=for_manager(_show_dissociate), post=for_manager(_dissociate)),
        Page(path=f"{contact}/call-for-funds", get=for_manager(_show_call_for_funds)),
    )
