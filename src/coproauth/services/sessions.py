"""Opens sessions and looks behind session tokens, for the services that hand them out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import attrs

from coproauth.core.accounts import accounts_of, choose_account
from coproauth.core.devices import NONCE_BYTES, Device, Devices
from coproauth.core.identities import Identity
from coproauth.core.sessions import SessionRecord, SessionView, SignedIn, giving_way, is_live
from coproauth.core.sources import Source
from coproauth.core.tokens import TOKEN_MAX_LENGTH, Keyring, LinkClaims, Purpose, new_token
from coproauth.errors import SessionRefused
from coproauth.policy import Policy
from coproauth.ports import Clock, Directory, SecretSource, Store, UnitOfWork
from coproauth.services.units import atomically, looking, persistently

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class SessionKeeper:
    """Opens sessions and looks behind their tokens."""

    store: Store
    directory: Directory
    clock: Clock
    secrets: SecretSource
    keyring: Keyring
    policy: Policy

    def view(self, session_token: object) -> SessionView:
        """Return what is behind a session token, and note at most once in ``Policy.session_touch`` that it was used.

        A session found too old is ended, so that a clock going back does not revive it.

        Raises:
            SessionRefused: the token is unknown, or its session ended, idle for too long, or too old.
        """
        return self.view_behind(self.digest(session_token))

    def view_behind(self, digest: str) -> SessionView:
        """Do what ``view`` does for a token that was digested already.

        Raises:
            SessionRefused: as there.
        """
        now = self.clock.now()
        view = persistently(lambda: self.store.session_view(digest, self.directory), policy=self.policy)
        if view is None:
            raise SessionRefused
        if not is_live(view.record, view.identity, at=now, policy=self.policy):
            atomically(self.store, lambda work: work.sessions.end(view.record.digest), policy=self.policy)
            raise SessionRefused
        if now - view.record.last_seen_at >= self.policy.session_touch:
            atomically(self.store, lambda work: work.sessions.touch(view.record.digest, at=now), policy=self.policy)
        return view

    def owner(self, digest: str) -> str | None:
        """Return the id of the login whose session this is, too old or not; None if there is none."""
        view = persistently(lambda: self.store.session_view(digest, self.directory), policy=self.policy)
        return view.identity.id if view else None

    def digest(self, session_token: object) -> str:
        """Return how a token is found in the store.

        Raises:
            SessionRefused: it cannot be a token of ours.
        """
        if not isinstance(session_token, str) or not 0 < len(session_token) <= TOKEN_MAX_LENGTH:
            raise SessionRefused
        return self.keyring.digest(session_token)

    def open(
        self,
        work: UnitOfWork,
        identity: Identity,
        *,
        source: Source,
        account_id: str | None = None,
    ) -> SignedIn:
        """Open a session for a login whose owner has just given the password; note that it is in use, and the language.

        The active account is the given one, else the one used last, else the first. The browser is known from now on.
        """
        now = self.clock.now()
        opened = self._store(
            work,
            attrs.evolve(identity, last_login_at=now, warned_at=None, locale=source.locale),
            account_id=account_id or identity.last_account_id,
            handle=self.secrets.token_bytes(8).hex(),
            source_of=(source.address, source.user_agent),
            authenticated_at=now,
            expires_at=now + self.policy.session_lifetime,
        )
        nonce = self.secrets.token_bytes(NONCE_BYTES).hex()
        device_token = self._devices.renewed(source.device_token, identity, nonce=nonce, at=now)
        return attrs.evolve(opened, device_token=device_token)

    def making_room(self, identity: Identity, step: Callable[[UnitOfWork], T]) -> Callable[[UnitOfWork], T]:
        """Return a step that opens one more session of a login, so that it also ends those that are too many with it.

        They are looked up now, before the unit of work: PostgreSQL undoes one that reads them for log-ins of other
        people, whose sessions come onto the same page of the index. So log-ins at the same instant do not see each
        other; what they open too many of ends with the next.
        """
        records = looking(self.store, lambda work: work.sessions.of(identity.id), policy=self.policy)
        too_many = giving_way(records, policy=self.policy)

        def run(work: UnitOfWork) -> T:
            done = step(work)
            for record in too_many:
                work.sessions.end(record.digest)
            return done

        return run

    def device(self, source: Source, email_key: str) -> Device | None:
        """Return the browser that a request comes from, if a login with this e-mail was opened in it before."""
        return self._devices.known(source.device_token, email_key=email_key, at=self.clock.now())

    def rotate(self, work: UnitOfWork, view: SessionView, *, account_id: str | None) -> SignedIn:
        """Replace a session by one with a new token and another active account (ASVS V7.2.4).

        Its age stays, and the handle by which its owner may end it: it is the same browser.

        Raises:
            SessionRefused: it has ended meanwhile.
        """
        record = view.record
        identity = self.end(work, view)
        return self._store(
            work,
            identity,
            account_id=account_id,
            handle=record.handle,
            source_of=(record.address, record.user_agent),
            authenticated_at=record.authenticated_at,
            expires_at=record.expires_at,
        )

    def end(self, work: UnitOfWork, view: SessionView) -> Identity:
        """End a session that is about to be replaced, and return its login as it is now.

        Raises:
            SessionRefused: the session has ended meanwhile, also by a change of its login's stamp.
        """
        identity = work.identities.get(view.identity.id)
        if identity is None or identity.credential_stamp != view.record.credential_stamp:
            raise SessionRefused
        if not work.sessions.end(view.record.digest):
            raise SessionRefused
        return identity

    def change_token(self, identity: Identity) -> str:
        """Return the token that authorises the choice of a new password, and nothing else."""
        return self.keyring.sign_link(Purpose.CHOOSE_PASSWORD, LinkClaims.about(identity), at=self.clock.now())

    @property
    def _devices(self) -> Devices:
        return Devices(keyring=self.keyring, policy=self.policy)

    def _store(
        self,
        work: UnitOfWork,
        identity: Identity,
        *,
        account_id: str | None,
        handle: str,
        source_of: tuple[str, str | None],
        authenticated_at: datetime,
        expires_at: datetime,
    ) -> SignedIn:
        token = new_token(self.secrets.token_bytes)
        contacts = tuple(self.directory.contacts(work.links.contacts_of(identity.id)))
        active = choose_account(accounts_of(contacts), account_id)
        record = SessionRecord(
            digest=self.keyring.digest(token),
            handle=handle,
            identity_id=identity.id,
            credential_stamp=identity.credential_stamp,
            account_id=active.id if active else None,
            authenticated_at=authenticated_at,
            last_seen_at=self.clock.now(),
            expires_at=expires_at,
            address=source_of[0],
            user_agent=source_of[1],
        )
        work.sessions.add(record)
        remembered = attrs.evolve(identity, last_account_id=record.account_id or identity.last_account_id)
        work.identities.save(remembered, expected_stamp=identity.credential_stamp)
        return SignedIn(token=token, session=SessionView(record=record, identity=identity, contacts=contacts).session)
