"""An event is pseudonymous, aware, and has a name in OWASP's Logging Vocabulary however it ended."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import AuditEvent, Keyring, Outcome, Pathway, Refused
from coproauth.core.audit import OWASP_REFUSALS, OWASP_SUCCESSES, clip_correlation_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_EVENT = AuditEvent(at=NOON, pathway=Pathway.LOGGED_IN, outcome=Outcome.SUCCEEDED)
_KEY, _NEW_KEY = "an old key for tests and nothing else, 0123456789", "a new key for tests and nothing else, 0123456789"


def _reasons(kind: type[Refused] = Refused) -> set[str]:
    return {*kind.reasons}.union(*(_reasons(narrower) for narrower in kind.__subclasses__()))


def _refused(pathway: Pathway, reason: str) -> str:
    return attrs.evolve(_EVENT, pathway=pathway, outcome=Outcome.REFUSED, reason=reason).owasp_name


class TestVocabulary:
    """Names of OWASP's Logging Vocabulary, so that one rule watches several programs."""

    def test_every_pathway_has_a_name(self) -> None:
        """A new one fails here until it is given one."""
        assert set(OWASP_SUCCESSES) == set(Pathway)

    def test_every_reason_has_a_name(self) -> None:
        """A new refusal fails here until it is given one."""
        assert set(OWASP_REFUSALS) == _reasons()

    @pytest.mark.parametrize(
        ("pathway", "reason", "name"),
        [
            (Pathway.LOGGED_IN, "login_refused", "authn_login_fail"),
            (Pathway.LOGGED_IN, "throttled", "authn_login_fail_max"),
            (Pathway.LOGGED_IN, "busy", "excess_rate_limit_exceeded"),
            (Pathway.REAUTHENTICATED, "throttled", "authn_login_fail_max"),
            (Pathway.CODE_PREVIEWED, "throttled", "excess_rate_limit_exceeded"),
            (Pathway.PASSWORD_CHANGED, "wrong_password", "authn_password_change_fail"),
            (Pathway.PASSWORD_RESET, "link_expired", "authn_password_change_fail"),
            (Pathway.EMAIL_CHANGED, "link_expired", "authn_token_reuse"),
            (Pathway.PASSWORD_RESET, "password_rejected", "input_validation_fail"),
            (Pathway.RESET_LINK_SENT, "not_allowed", "authz_fail"),
        ],
    )
    def test_a_refusal_is_named_by_reason_and_pathway(self, pathway: Pathway, reason: str, name: str) -> None:
        """What failed decides; where a password is replaced, its replacement did."""
        assert _refused(pathway, reason) == name

    def test_a_refusal_of_the_hosts_own_has_a_name_too(self) -> None:
        """A directory of the host's may refuse in words of its own; its event is not lost by that."""
        assert _refused(Pathway.CODE_ISSUED, "not_on_sundays") == "authz_fail"

    def test_an_unexpected_error_is_a_crash(self) -> None:
        """Whatever the pathway."""
        names = {attrs.evolve(_EVENT, pathway=pathway, outcome=Outcome.FAILED).owasp_name for pathway in Pathway}

        assert names == {"sys_crash"}


def test_a_naive_instant_is_refused() -> None:
    """ASVS V16.2.2: nobody has to guess a time zone."""
    with pytest.raises(ValueError, match="aware"):
        attrs.evolve(_EVENT, at=NOON.replace(tzinfo=None))


class TestCorrelationIds:
    """From the host, or from a proxy: kept as far as it is a bounded word."""

    @given(st.text())
    def test_what_is_kept_is_a_bounded_word_of_ascii(self, text: str) -> None:
        """Whatever a proxy lets through."""
        kept = clip_correlation_id(text)

        assert kept is None if not text else kept is not None and len(kept) == min(len(text), 64)
        assert kept is None or (kept.isascii() and kept.isprintable() and " " not in kept)

    @pytest.mark.parametrize(
        ("given_id", "kept"),
        [
            ("4bf92f3577b34da6", "4bf92f3577b34da6"),
            ("a b\r\né", "a?b???"),
            ("x" * 99, "x" * 64),
            (4711, "4711"),
            ("", None),
        ],
    )
    def test_a_good_id_is_kept_as_it_is(self, given_id: object, kept: str | None) -> None:
        """Also a number or another object that has a text; nothing is none."""
        assert clip_correlation_id(given_id) == kept
        assert clip_correlation_id(None) is None


class TestPseudonyms:
    """An address that is known to have no login is on record without being readable."""

    def test_one_address_has_one_pseudonym(self) -> None:
        """Attempts on it can be counted; it does not show."""
        ring = Keyring(secret_keys=[_KEY], audience="https://a.example")

        (pseudonym,) = ring.pseudonyms("jeanne@example.fr")

        assert pseudonym == ring.pseudonyms("jeanne@example.fr")[0]
        assert pseudonym != ring.pseudonyms("jeanne@example.com")[0]
        assert "jeanne" not in pseudonym

    def test_another_key_or_portal_makes_another(self) -> None:
        """Nobody without the key finds out by trying addresses; trails of two portals cannot be joined."""
        old = Keyring(secret_keys=[_KEY], audience="https://a.example").pseudonyms("jeanne@example.fr")
        elsewhere = Keyring(secret_keys=[_KEY], audience="https://b.example").pseudonyms("jeanne@example.fr")
        rotated = Keyring(secret_keys=[_KEY, _NEW_KEY], audience="https://a.example").pseudonyms("jeanne@example.fr")

        assert old != elsewhere
        assert rotated[1:] == old
        assert rotated[0] not in old
