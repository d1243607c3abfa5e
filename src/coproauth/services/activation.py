"""Activation: the code from the letter, from its issue to the account it opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import attrs

from coproauth.core import activation as core
from coproauth.core.accounts import Contact, Manager, accounts_of, parse_id
from coproauth.core.activation import ActivationPreview, IssuedCode
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.activation_forms import ActivationForm
from coproauth.core.audit import Pathway
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.messages import MailKind
from coproauth.core.sessions import SessionView, SignedIn
from coproauth.core.sources import Source
from coproauth.core.throttling import code_key, mail_key, portal_key, proof_key, requests_key, sender_key, source_key
from coproauth.errors import (
    ActivationRefused,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    PasswordChangeRequired,
    PasswordRejected,
    Refused,
)
from coproauth.ports import UnitOfWork
from coproauth.services.attempts import Attempt
from coproauth.services.managing import managed_contacts
from coproauth.services.service import PasswordService
from coproauth.services.units import Overtaken, until_settled


@attrs.frozen(kw_only=True)
class _Request:
    """A form, and a code that may be tried.

    Attributes:
        indices: how the code may be found.
        code: as printed; it is known to whoever sees the letter, so it is no password (ASVS V6.4.1).
    """

    indices: tuple[str, ...]
    code: str = attrs.field(repr=False)
    form: ActivationForm
    source: Source


@attrs.frozen(kw_only=True)
class ActivationService(PasswordService):
    """Issues activation codes and turns them into logins and accounts."""

    def issue(self, contact_id: str, *, by: Manager) -> IssuedCode:
        """Return a new activation code for a contact; the former one is revoked at once.

        This is the only time the code is readable.

        Raises:
            NotAllowed: no such contact, or not within the manager's portfolio.
            Throttled: the manager does more than people do.
        """
        with self._attempts.by_manager(Pathway.CODE_ISSUED, by) as attempt:
            contact = self._managed(attempt, contact_id, by)
            return self._conclude(attempt, lambda work: self._issue(work, contact))

    def issue_all(self, condominium_id: str, *, by: Manager) -> tuple[IssuedCode, ...]:
        """Return a new code for every contact of a condominium that has no login yet.

        Raises:
            NotAllowed: no such condominium, one without contacts, or not within the manager's portfolio.
            Throttled: the manager does more than people do; a whole condominium counts once.
        """
        with self._attempts.by_manager(Pathway.CODE_ISSUED, by) as attempt:
            attempt.subject = parse_id(condominium_id, field="condominium_id")
            self._admit_manager(attempt, by)
            contacts = managed_contacts(self.directory, condominium_id, by, policy=self.policy)
            return self._conclude(attempt, lambda work: self._issue_missing(work, contacts))

    def activated(self, condominium_id: str, *, by: Manager) -> frozenset[str]:
        """Return the ids of those contacts of a condominium that have a login; it is all a manager sees of it.

        Raises:
            InvalidInput: the condominium's id is none at all.
            NotAllowed: no such condominium, one without contacts, or not within the manager's portfolio.
        """
        with self._attempts.by_manager(Pathway.ACTIVATIONS_LISTED, by) as attempt:
            attempt.subject = parse_id(condominium_id, field="condominium_id")
            contacts = managed_contacts(self.directory, attempt.subject, by, policy=self.policy)
            return self._look(lambda work: work.links.linked([contact.id for contact in contacts]))

    def preview(self, code: str, *, source: Source) -> ActivationPreview:
        """Return what the first onboarding screen shows to the holder of a code.

        Raises:
            ActivationRefused: the code cannot be used.
            Throttled: too many failures from this source, or with this code.
        """
        with self._attempts.by_person(Pathway.CODE_PREVIEWED, source) as attempt:
            indices = self._admit_code(attempt, code, source)
            contact = self._look(lambda work: self._held_code(work, indices)).contact
            attempt.subject = contact.id
            return ActivationPreview(condominium_name=contact.account.condominium_name, contact_name=contact.name)

    def activate(
        self, *, code: str, email: str, password: str, email_code: str | None = None, source: Source
    ) -> SignedIn:
        """Open a login with a code, or add the code's account to the login of that e-mail.

        1. Types. Then the code, before all else: its length, the throttle on the source, the check symbol, the throttle
           on the code. Nothing is looked up for what cannot be a code.
        2. The throttle on the login, before its password is tried (ASVS V6.6.3).
        3. Read, judge the password, and compute one hash of it, without holding anything up.
        4. One atomic unit of work reads again, decides, and writes; whatever was overtaken meanwhile starts at 3.

        Raises:
            InvalidInput: a wrong type, or a code too long to be one; with a usable code, an address that is none.
            ActivationRefused: the code opens nothing, or was used with another e-mail.
            EmailAlreadyRegistered: the e-mail has a login, and this is not its password; or the code opened it.
            PasswordRejected: a new login's password is against the policy; the code is kept.
            EmailProofRequired: six digits went to the address, or those given do not prove it; the code is kept.
            PasswordChangeRequired: the login's password is one that a manager set; the code is kept.
            Throttled: too many failures, mails to this address, or passwords to hash (``busy``); the code is kept.
        """
        with self._attempts.by_person(Pathway.ACTIVATED, source) as attempt:
            form = ActivationForm.parse(email=email, password=password, email_code=email_code, policy=self.policy)
            attempt.subject = self._pseudonym(form.email) if form.email else None
            indices = self._admit_code(attempt, code, source)
            request = _Request(indices=indices, code=str(ActivationCode.parse(code)), form=form, source=source)
            return until_settled(lambda: self._activate(request, attempt))

    def link(self, session_token: str, *, code: str, source: Source) -> SignedIn:
        """Add the account of a code to the login in use, and make it the active one.

        Raises:
            SessionRefused: the session does not hold.
            ActivationRefused: the code cannot be used.
            Throttled: too many failures from this source, or with this code.
        """
        with self._attempts.by_person(Pathway.ACCOUNT_LINKED, source) as attempt:
            view = self._sessions.view(session_token)
            attempt.acts(view.identity.id)
            indices = self._admit_code(attempt, code, source)
            return until_settled(
                lambda: self._conclude(attempt, lambda work: self._link_to_session(work, indices, view))
            )

    def dissociate(self, contact_id: str, *, by: Manager) -> None:
        """Unlink a contact from its login: link, codes and the login's sessions end in one step.

        The login stays, with its other contacts or as an orphan, and is told.

        Raises:
            NotAllowed: no such contact, or not within the manager's portfolio.
            Throttled: the manager does more than people do.
        """
        with self._attempts.by_manager(Pathway.CONTACT_DISSOCIATED, by) as attempt:
            contact = self._managed(attempt, contact_id, by)
            self._conclude(attempt, lambda work: self._dissociate(work, contact))

    # Issuing

    def _issue_missing(self, work: UnitOfWork, contacts: Sequence[Contact]) -> tuple[IssuedCode, ...]:
        linked = work.links.linked([contact.id for contact in contacts])
        return tuple(self._issue(work, contact) for contact in contacts if contact.id not in linked)

    def _issue(self, work: UnitOfWork, contact: Contact) -> IssuedCode:
        issued, record = self._issuer.draw(contact)
        work.codes.revoke_of(contact.id, at=record.issued_at)
        work.codes.add(record)
        return issued

    # Looking behind a code

    def _admit_code(self, attempt: Attempt, typed: object, source: Source) -> tuple[str, ...]:
        own = source_key(source, self.policy)
        attempt.admit(own, portal_key("code", own, self.policy))
        indices = self._issuer.indices(ActivationCode.parse(typed))
        attempt.admit(code_key(indices[0], self.policy))
        return indices

    def _held_code(self, work: UnitOfWork, indices: tuple[str, ...]) -> core.HeldCode:
        code, contact = self._code_and_contact(work, indices)
        held = core.decide_unused_code(code, contact, at=self.clock.now())
        if isinstance(held, core.Refuse):
            raise ActivationRefused(reason=held.reason)
        return held

    def _code_and_contact(
        self, work: UnitOfWork, indices: tuple[str, ...]
    ) -> tuple[core.CodeRecord | None, Contact | None]:
        code = work.codes.by_index(indices)
        return code, self.directory.contact(code.contact_id) if code else None

    # Activating

    def _activate(self, request: _Request, attempt: Attempt) -> SignedIn:
        judgement = self._judge(request, attempt)

        def step(work: UnitOfWork) -> SignedIn | EmailProofRequired:
            outcome = self._settle(work, request, judgement)
            if isinstance(outcome, SignedIn):
                attempt.acts(outcome.session.identity_id)
            return outcome

        opens = judgement.opens
        outcome = self._conclude(attempt, self._sessions.making_room(opens, step) if opens else step)
        if isinstance(outcome, EmailProofRequired):  # raised here, so that the proof it asks for is kept
            raise outcome
        return outcome

    def _settle(self, work: UnitOfWork, request: _Request, judgement: core.Judgement) -> SignedIn | EmailProofRequired:
        candidate = self._candidate(work, request, judgement)
        if not judgement.holds_for(candidate.identity):
            raise Overtaken
        return self._carry_out(work, self._decide(candidate), request, judgement)

    def _judge(self, request: _Request, attempt: Attempt) -> core.Judgement:
        """Judge the password as the decision will need it, with one hash at most.

        The decision is asked what it would be if nothing were wrong with the password: nothing is computed for a code
        that opens nothing.
        """
        untried = core.Judgement(identity=None, password_fits=True)
        candidate = self._look(lambda work: self._candidate(work, request, untried))
        decision = self._decide(candidate)
        match decision:
            case core.LinkToIdentity(_, identity) | core.MustChangePassword(identity) | core.WrongPassword(identity):
                self._admit_password_of(attempt, request.source, identity)
                fits = request.form.password is not None and self._passwords.fit(identity, request.form.password)
                return core.Judgement(identity=identity, password_fits=fits)
            case core.AskProof() | core.WrongProof() | core.CreateIdentity():
                return self._judge_new(decision, candidate, request, attempt)
            case _:
                return core.Judgement(identity=candidate.identity)

    def _judge_new(
        self, decision: core.Decision, candidate: core.Candidate, request: _Request, attempt: Attempt
    ) -> core.Judgement:
        found = self._violations(candidate, request)
        if found:
            return core.Judgement(identity=None, violations=found)
        if isinstance(decision, core.AskProof):
            attempt.admit(
                requests_key(request.source, self.policy),
                sender_key(decision.held.code.id, self.policy),
                mail_key(MailKind.EMAIL_PROOF, decision.email.key, self.policy),
            )
        elif candidate.email is not None and candidate.email_code is not None:
            attempt.admit(proof_key(candidate.email.key, self.policy))  # before it shows whether the digits fit
        if isinstance(decision, core.CreateIdentity) and request.form.password is not None:
            return core.Judgement(identity=None, password_hash=self.hasher.hash(request.form.password))
        return core.Judgement(identity=None)

    def _violations(self, candidate: core.Candidate, request: _Request) -> tuple[str, ...]:
        if request.form.password is None:
            return (request.form.fault or "malformed",)
        email = candidate.email.address if candidate.email else ""
        contacts = [candidate.contact] if candidate.contact else []
        return self._passwords.violations(request.form.password, email=email, contacts=contacts, typed=[request.code])

    def _candidate(self, work: UnitOfWork, request: _Request, judgement: core.Judgement) -> core.Candidate:
        code, contact = self._code_and_contact(work, request.indices)
        email = request.form.email
        nonce = core.pending_nonce(code, email)
        return core.Candidate(
            code=code,
            contact=contact,
            email=email,
            identity=work.identities.by_email(email.key) if email else None,
            password_fits=judgement.password_fits,
            violations=judgement.violations,
            expected_digits=self.keyring.proof_digits(nonce=nonce, email_key=email.key) if nonce and email else (),
            email_code=request.form.email_code,
        )

    def _decide(self, candidate: core.Candidate) -> core.Decision:
        return core.decide_activation(candidate, at=self.clock.now(), policy=self.policy)

    def _carry_out(
        self, work: UnitOfWork, decision: core.Decision, request: _Request, judgement: core.Judgement
    ) -> SignedIn | EmailProofRequired:
        match decision:
            case core.AskProof(held, email):
                return self._ask_proof(work, held, email, request.source)
            case core.LinkToIdentity(held, identity):
                return self._link(work, held, identity, request.source, notice=MailKind.ACCOUNT_ADDED)
            case core.CreateIdentity(held, email):
                identity = self._create(work, email, request.source, judgement)
                return self._link(work, held, identity, request.source, notice=MailKind.ACTIVATION_NOTICE)
            case _:
                raise self._refusal(decision)

    def _refusal(self, decision: core.Refusal) -> Refused:
        match decision:
            case core.Refuse(reason):
                return ActivationRefused(reason=reason)
            case core.Registered() | core.WrongPassword():
                return EmailAlreadyRegistered()
            case core.MalformedEmail():
                return InvalidInput(field="email")
            case core.WeakPassword(found):
                return PasswordRejected(violations=found)
            case core.WrongProof(reason):
                return EmailProofRequired(reason=reason)
            case core.MustChangePassword(identity):
                return PasswordChangeRequired(token=self._sessions.change_token(identity))
            case other:
                assert_never(other)

    def _ask_proof(
        self, work: UnitOfWork, held: core.HeldCode, email: EmailAddress, source: Source
    ) -> EmailProofRequired:
        nonce = self.secrets.token_bytes(16).hex()
        work.codes.ask_proof(held.code.id, email_key=email.key, nonce=nonce, at=self.clock.now())
        self._mail.to_address(
            work, MailKind.EMAIL_PROOF, email.address, locale=source.locale, contact=held.contact, nonce=nonce
        )
        return EmailProofRequired()

    def _create(self, work: UnitOfWork, email: EmailAddress, source: Source, judgement: core.Judgement) -> Identity:
        now = self.clock.now()
        identity = Identity(
            id=self.secrets.token_bytes(16).hex(),
            email=email.address,
            email_key=email.key,
            password_hash=judgement.password_hash,
            credential_stamp=1,
            temporary_until=None,
            last_account_id=None,
            locale=source.locale,
            created_at=now,
            last_login_at=now,
        )
        if judgement.password_hash is None or not work.identities.add(identity):
            raise Overtaken
        return identity

    # Linking

    def _link_to_session(self, work: UnitOfWork, indices: tuple[str, ...], view: SessionView) -> SignedIn:
        held = self._held_code(work, indices)
        self._attach(work, held, view.identity, notice=MailKind.ACCOUNT_ADDED)
        return self._sessions.rotate(work, view, account_id=held.contact.account.id)

    def _dissociate(self, work: UnitOfWork, contact: Contact) -> None:
        work.codes.revoke_of(contact.id, at=self.clock.now())
        identity = work.identities.by_contact(contact.id)
        if identity is not None:
            self._detach(work, contact, identity)

    def _link(
        self, work: UnitOfWork, held: core.HeldCode, identity: Identity, source: Source, *, notice: MailKind
    ) -> SignedIn:
        self._attach(work, held, identity, notice=notice)
        return self._sessions.open(work, identity, source=source, account_id=held.contact.account.id)

    def _attach(self, work: UnitOfWork, held: core.HeldCode, identity: Identity, *, notice: MailKind) -> None:
        now = self.clock.now()
        contact = held.contact
        if not work.codes.consume(held.code.id, identity_id=identity.id, at=now):
            raise Overtaken
        former = work.identities.by_contact(contact.id)
        if former is not None and former.id != identity.id:
            self._detach(work, contact, former)
        work.links.put(contact_id=contact.id, identity_id=identity.id, at=now)
        self._mail.to_identity(work, notice, identity, contact=contact)
        self._mail.to_file(work, MailKind.ACTIVATION_NOTICE, contact, identity=identity)

    def _detach(self, work: UnitOfWork, contact: Contact, identity: Identity) -> None:
        work.links.remove(contact.id)
        work.sessions.end_all(identity.id)
        left = accounts_of(self.directory.contacts(work.links.contacts_of(identity.id)))
        if contact.account.id not in {account.id for account in left}:  # else a spouse on the same login keeps it open
            self._mail.to_identity(work, MailKind.ACCOUNT_REMOVED, identity, contact=contact)
