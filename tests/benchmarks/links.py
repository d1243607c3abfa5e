"""What it takes to make a reset link and to check one, without the database, beside the library underneath."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable
from datetime import UTC, datetime

import attrs
from itsdangerous import URLSafeTimedSerializer
from tests.benchmarks.measuring import Deed, interleaved, show

from coproauth import Keyring, Policy
from coproauth.core.tokens import LinkClaims, Purpose

_KEY = "a key of a benchmark, 0123456789 abcdefghij"
_CLAIMS = LinkClaims(identity_id=bytes(range(16)).hex(), credential_stamp=3, email_digest=bytes(range(16, 32)).hex())
_WARM_UP = 200  # rounds


@attrs.frozen(kw_only=True)
class LinkTimes:
    """Medians in microseconds, all taken in the same rounds."""

    make: float
    check: float
    bare_make: float
    bare_check: float


def time_links(*, samples: int) -> LinkTimes:
    """Time a link beside a serializer of itsdangerous with SHA-256 that is kept, over the same claims."""
    ring, policy, now = Keyring(secret_keys=[_KEY], audience="https://app.example.fr"), Policy(), datetime.now(UTC)
    bare = URLSafeTimedSerializer([_KEY], salt="reset", signer_kwargs={"digest_method": hashlib.sha256})
    claims = attrs.astuple(_CLAIMS)
    link, bare_link = ring.sign_link(Purpose.RESET, _CLAIMS, at=now), bare.dumps(claims)
    lifetime = int(policy.reset_link_lifetime.total_seconds())
    deeds: list[Deed] = [
        lambda: ring.sign_link(Purpose.RESET, _CLAIMS, at=now),
        lambda: ring.read_link(Purpose.RESET, link, at=now, policy=policy),
        lambda: bare.dumps(claims),
        lambda: bare.loads(bare_link, max_age=lifetime),
    ]
    timing = interleaved([_kept(deed) for deed in deeds], samples=samples, warm_up=_WARM_UP)
    make, check, bare_make, bare_check = (1e6 * statistics.median(times) for times in timing.elapsed)
    return LinkTimes(make=make, check=check, bare_make=bare_make, bare_check=bare_check)


def _kept(deed: Deed) -> Callable[[], Deed]:
    return lambda: deed


def links(*, samples: int) -> None:
    """Print what a link takes."""
    times = time_links(samples=samples)
    rows = [
        ["make", times.make, times.bare_make, f"{times.make / times.bare_make:.2f}"],
        ["check", times.check, times.bare_check, f"{times.check / times.bare_check:.2f}"],
    ]
    show("A reset link, without the database", ["", "here (µs)", "itsdangerous alone (µs)", "ratio"], rows)
