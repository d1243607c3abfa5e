"""The plain model of an installation: what a person would keep on a sheet of paper.

Who is linked to what, which password opens it, which sessions and links should still work. It knows nothing of hashes,
digests, stamps or tables.
"""

from __future__ import annotations

import attrs

from coproauth.core.accounts import Account, Contact


@attrs.define
class ModelLogin:
    """A login, on paper."""

    email: str
    password: str
    is_temporary: bool = False
    contact_ids: list[str] = attrs.field(factory=list)


@attrs.define
class ModelCode:
    """A code, on paper."""

    contact: Contact
    used_by: ModelLogin | None = None
    is_revoked: bool = False


@attrs.define
class ModelSession:
    """A session, on paper."""

    login: ModelLogin
    active_id: str | None
    is_live: bool = True


@attrs.define
class ModelLink:
    """A link that was mailed, on paper."""

    login: ModelLogin
    is_live: bool = True


@attrs.define(eq=False)
class Model:
    """The sheet of paper."""

    contacts: dict[str, Contact] = attrs.field(factory=dict)
    logins: list[ModelLogin] = attrs.field(factory=list)
    codes: dict[str, ModelCode] = attrs.field(factory=dict)
    sessions: dict[str, ModelSession] = attrs.field(factory=dict)
    resets: dict[str, ModelLink] = attrs.field(factory=dict)

    def login(self, email: str) -> ModelLogin | None:
        """Return the login of an address."""
        return next((login for login in self.logins if login.email == email), None)

    def login_of(self, contact_id: str) -> ModelLogin | None:
        """Return the login of a contact."""
        return next((login for login in self.logins if contact_id in login.contact_ids), None)

    def accounts(self, login: ModelLogin) -> list[Account]:
        """Return what a login opens, in the order in which the town was built."""
        own = [contact.account for contact_id, contact in self.contacts.items() if contact_id in login.contact_ids]
        return list(dict.fromkeys(own))

    def active(self, session: ModelSession) -> Account | None:
        """Return the account that a session acts as."""
        accounts = self.accounts(session.login)
        chosen = [account for account in accounts if account.id == session.active_id]
        return next(iter(chosen or accounts), None)

    def code_refusal(self, code: ModelCode) -> str | None:
        """Return why a code cannot be used, if it cannot."""
        if code.is_revoked or code.contact.id not in self.contacts:
            return "unknown_code"
        return "code_already_used" if code.used_by else None

    def attach(self, code: ModelCode, login: ModelLogin) -> None:
        """Use a code for a login; a contact has one login."""
        former = self.login_of(code.contact.id)
        if former is not None and former is not login:
            self.end_everything(former)
        if former is not None:
            former.contact_ids.remove(code.contact.id)
        login.contact_ids.append(code.contact.id)
        code.used_by = login

    def change_password(self, login: ModelLogin, password: str, *, is_temporary: bool = False) -> None:
        """Nothing older opens anything."""
        login.password, login.is_temporary = password, is_temporary
        self.end_everything(login, links=True)

    def end_everything(self, login: ModelLogin, *, links: bool = False) -> None:
        """End a login's sessions, and its links if asked to."""
        for session in self.sessions.values():
            session.is_live = session.is_live and session.login is not login
        for link in self.resets.values():
            link.is_live = link.is_live and not (links and link.login is login)
