"""What a code from a letter may do: every row of the contract, and the order of the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from coproauth import Account, Contact, Policy
from coproauth.core.activation import (
    AskProof,
    Candidate,
    CodeRecord,
    CreateIdentity,
    Decision,
    HeldCode,
    Judgement,
    LinkToIdentity,
    MalformedEmail,
    MustChangePassword,
    Refuse,
    Registered,
    WeakPassword,
    WrongPassword,
    WrongProof,
    decide_activation,
    decide_code,
    decide_unused_code,
)
from coproauth.core.identities import EmailAddress, Identity

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_POLICY = Policy()
_EMAIL = EmailAddress.parse("jeanne@example.fr")
_CONTACT = Contact(
    id="contact-1",
    name="Jeanne Martin",
    account=Account(
        id="account-1",
        label="Lot 12",
        condominium_id="condominium-1",
        condominium_name="Les Lilas",
        portfolio_id="north",
    ),
)
_CODE = CodeRecord(
    id="code-1",
    contact_id="contact-1",
    portfolio_id="north",
    index="0" * 64,
    issued_at=_AT - timedelta(days=1),
    expires_at=_AT + timedelta(days=29),
    proof_email_key=_EMAIL.key,
    proof_nonce="secret-nonce",
    proof_requested_at=_AT,
)
_UNASKED = attrs.evolve(_CODE, proof_email_key=None, proof_nonce=None, proof_requested_at=None)
_USED = attrs.evolve(_CODE, used_at=_AT, used_by="identity-1")
_EXPIRED = attrs.evolve(_CODE, expires_at=_AT)
_REVOKED = attrs.evolve(_CODE, revoked_at=_AT)
_IDENTITY = Identity(
    id="identity-1",
    email=_EMAIL.address,
    email_key=_EMAIL.key,
    password_hash="$argon2id$...",
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
)
_TEMPORARY = attrs.evolve(_IDENTITY, temporary_until=_AT + timedelta(days=1))
_HELD = HeldCode(_CODE, _CONTACT)
_NEW = Candidate(
    code=_CODE,
    contact=_CONTACT,
    email=_EMAIL,
    identity=None,
    password_fits=False,
    violations=(),
    expected_digits=("123456",),
    email_code="123456",
)
_KNOWN = attrs.evolve(_NEW, identity=_IDENTITY, password_fits=True)


def _decide(candidate: Candidate, *, policy: Policy = _POLICY, at: datetime = _AT) -> Decision:
    return decide_activation(candidate, at=at, policy=policy)


class TestCodeThatOpensNothing:
    """A code that is malformed, unknown, revoked or expired is refused, whatever else was typed."""

    @pytest.mark.parametrize(
        "rest", [_NEW, _KNOWN, attrs.evolve(_NEW, email=None), attrs.evolve(_NEW, violations=("x",))]
    )
    @pytest.mark.parametrize(
        ("code", "contact", "reason"),
        [
            (None, None, "unknown_code"),
            (_REVOKED, _CONTACT, "unknown_code"),
            (attrs.evolve(_REVOKED, expires_at=_AT), _CONTACT, "unknown_code"),
            (attrs.evolve(_USED, revoked_at=_AT), _CONTACT, "unknown_code"),
            (_CODE, None, "unknown_code"),
            (attrs.evolve(_CODE, portfolio_id="south"), _CONTACT, "unknown_code"),
            (attrs.evolve(_USED, portfolio_id="south"), _CONTACT, "unknown_code"),
            (_EXPIRED, _CONTACT, "code_expired"),
        ],
    )
    def test_d34_d23_the_code_is_looked_at_first(
        self, rest: Candidate, code: CodeRecord | None, contact: Contact | None, reason: str
    ) -> None:
        """D-34, D-23: gone contacts and former managers' codes read as unknown; nothing is told about e-mails."""
        decision = _decide(attrs.evolve(rest, code=code, contact=contact))

        assert decision == Refuse(reason)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("at", "decision"),
        [
            (_CODE.expires_at - timedelta(seconds=1), _HELD),
            (_CODE.expires_at, Refuse("code_expired")),
            (_CODE.expires_at + timedelta(seconds=1), Refuse("code_expired")),
        ],
    )
    def test_a46_expiry_is_decided_at_use(self, at: datetime, decision: HeldCode | Refuse) -> None:
        """A-46: usable until the last second, and refused from the end on without any cleaner."""
        assert decide_code(_CODE, _CONTACT, at=at) == decision


class TestUsedCode:
    """A used code leads its own login to the login page, and everyone else nowhere."""

    @pytest.mark.parametrize("password_fits", [True, False])
    @pytest.mark.parametrize("code", [_USED, attrs.evolve(_USED, expires_at=_AT)])
    def test_its_own_login_is_registered(self, code: CodeRecord, password_fits: bool) -> None:  # noqa: FBT001
        """S5: the e-mail of the login that used it, with any password, also long after."""
        candidate = attrs.evolve(_KNOWN, code=code, password_fits=password_fits)

        assert _decide(candidate) == Registered()

    @pytest.mark.parametrize(
        "candidate",
        [
            _NEW,
            attrs.evolve(_NEW, email=None),
            attrs.evolve(_KNOWN, identity=attrs.evolve(_IDENTITY, id="identity-2")),
        ],
    )
    def test_d09_every_other_e_mail_is_told_that_it_was_used(self, candidate: Candidate) -> None:
        """D-09: another login's e-mail, a new one and none at all."""
        assert _decide(attrs.evolve(candidate, code=_USED)) == Refuse("code_already_used")

    def test_elsewhere_a_used_code_is_refused(self) -> None:
        """For the preview and for linking, a used code is a refusal like any other."""
        assert decide_unused_code(_USED, _CONTACT, at=_AT) == Refuse("code_already_used")
        assert decide_unused_code(_CODE, _CONTACT, at=_AT) == _HELD
        assert decide_unused_code(None, None, at=_AT) == Refuse("unknown_code")
        assert decide_unused_code(_EXPIRED, _CONTACT, at=_AT) == Refuse("code_expired")


class TestEmail:
    """With a usable code, the e-mail comes next."""

    def test_no_address_is_told(self) -> None:
        """What is no address is told before the password is looked at."""
        assert _decide(attrs.evolve(_NEW, email=None, violations=("too_short",))) == MalformedEmail()


class TestExistingLogin:
    """The e-mail of an existing login: its own password decides, and nothing else."""

    @pytest.mark.parametrize("candidate", [_KNOWN, attrs.evolve(_KNOWN, violations=("too_short",), email_code=None)])
    def test_the_right_password_links(self, candidate: Candidate) -> None:
        """S7: the policy for new passwords and the proof by mail have no say."""
        assert _decide(candidate) == LinkToIdentity(_HELD, _IDENTITY)

    def test_a24_the_wrong_password_is_told_as_registered(self) -> None:
        """A-24: neither a new password nor a proof by mail takes over a login."""
        assert _decide(attrs.evolve(_KNOWN, password_fits=False)) == WrongPassword(_IDENTITY)

    def test_d01_a_temporary_password_must_be_changed_first(self) -> None:
        """D-01: nothing is linked under a password that a manager set."""
        assert _decide(attrs.evolve(_KNOWN, identity=_TEMPORARY)) == MustChangePassword(_TEMPORARY)

    def test_an_expired_temporary_password_is_wrong(self) -> None:
        """A temporary password that is too old is no password."""
        expired = attrs.evolve(_TEMPORARY, temporary_until=_AT)

        assert _decide(attrs.evolve(_KNOWN, identity=expired)) == WrongPassword(expired)


class TestNewLogin:
    """A new e-mail: the policy for passwords, then the proof of the address, then the login."""

    @pytest.mark.parametrize("email_code", [None, "123456", "000000"])
    def test_a_weak_password_is_told_first(self, email_code: str | None) -> None:
        """Every violation is told, before any mail goes out."""
        candidate = attrs.evolve(_NEW, violations=("too_short", "common"), email_code=email_code)

        assert _decide(candidate) == WeakPassword(("too_short", "common"))

    @pytest.mark.parametrize("code", [_UNASKED, _CODE])
    def test_without_digits_a_proof_is_asked_for(self, code: CodeRecord) -> None:
        """Also when one is pending: the person may have lost it."""
        assert _decide(attrs.evolve(_NEW, email_code=None, code=code)) == AskProof(HeldCode(code, _CONTACT), _EMAIL)

    def test_the_right_digits_open_a_login(self) -> None:
        """The address is proven."""
        assert _decide(_NEW) == CreateIdentity(_HELD, _EMAIL)

    def test_d26_digits_under_an_older_key_open_a_login(self) -> None:
        """D-26: a rotation between mail and answer does no harm."""
        assert _decide(attrs.evolve(_NEW, expected_digits=("654321", "123456"))) == CreateIdentity(_HELD, _EMAIL)

    @pytest.mark.parametrize(
        "email_code",
        ["123457", "", "12345", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "abcdef", "\x00", "\ud800"],
    )
    def test_wrong_digits_are_refused(self, email_code: str) -> None:
        """Whatever else was typed, also in other scripts or without an encoding."""
        assert _decide(attrs.evolve(_NEW, email_code=email_code)) == WrongProof("email_code_wrong")

    @pytest.mark.parametrize(
        "code",
        [
            _UNASKED,
            attrs.evolve(_CODE, proof_email_key="other@example.fr"),
            attrs.evolve(_CODE, proof_requested_at=_AT - timedelta(minutes=10)),
            attrs.evolve(_CODE, proof_requested_at=_AT - timedelta(days=3650)),
        ],
    )
    def test_a40_an_old_or_foreign_proof_is_expired(self, code: CodeRecord) -> None:
        """A-40: no proof, one for another address, or one of ten minutes ago."""
        assert _decide(attrs.evolve(_NEW, code=code)) == WrongProof("email_code_expired")

    def test_a_proof_holds_until_its_last_second(self) -> None:
        """Nine minutes and 59 seconds are still in time."""
        code = attrs.evolve(_CODE, proof_requested_at=_AT - timedelta(minutes=10, seconds=-1))

        assert _decide(attrs.evolve(_NEW, code=code)) == CreateIdentity(HeldCode(code, _CONTACT), _EMAIL)

    def test_the_proof_can_be_switched_off(self) -> None:
        """Policy(require_email_proof=False) opens the login at once."""
        unproven = attrs.evolve(_NEW, email_code=None, code=_UNASKED, expected_digits=())

        decision = _decide(unproven, policy=Policy(require_email_proof=False))

        assert decision == CreateIdentity(HeldCode(_UNASKED, _CONTACT), _EMAIL)


class TestSecrets:
    """A-74: nothing that is stored or decided on shows a secret."""

    def test_a74_records_do_not_show_theirs(self) -> None:
        """The index of a code, the nonce of a proof and the typed digits are in no repr."""
        shown = repr((_CODE, _NEW))

        assert not any(secret in shown for secret in ("0" * 64, "secret-nonce", "123456"))


class TestJudgement:
    """What was found of a password is worth something only for the login of which it was found."""

    @pytest.mark.parametrize(
        ("judged", "found", "holds"),
        [
            (None, None, True),
            (_IDENTITY, attrs.evolve(_IDENTITY, last_login_at=_AT + timedelta(minutes=1)), True),
            (None, _IDENTITY, False),
            (_IDENTITY, None, False),
            (_IDENTITY, attrs.evolve(_IDENTITY, credential_stamp=2), False),
            (_IDENTITY, attrs.evolve(_IDENTITY, id="identity-2"), False),
        ],
        ids=["no login", "used since", "opened since", "gone", "changed", "another's e-mail now"],
    )
    def test_it_holds_for_the_login_as_it_was(
        self, judged: Identity | None, found: Identity | None, *, holds: bool
    ) -> None:
        """The same login under the same stamp; or none, then and now."""
        assert Judgement(identity=judged).holds_for(found) is holds
