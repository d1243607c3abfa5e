"""What every source of secrets does. That nobody can predict it cannot be checked; that somebody could, may show."""

from __future__ import annotations

from collections.abc import Collection

from coproauth.ports import SecretSource
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Law, Make, Report, expect
from coproauth.testing.contracts.threads import together

SECRETS = Contract[SecretSource]("source of secrets")

_BYTES = 16
_DRAWS = 200


@SECRETS.law()
def as_many_bytes_come_as_were_asked_for(source: SecretSource) -> None:
    """No secret is shorter than the library thinks."""
    sizes = (0, 1, 5, 16, 32, 1000)

    expect([(type(drawn), len(drawn)) for drawn in map(source.token_bytes, sizes)], [(bytes, size) for size in sizes])


@SECRETS.law()
def no_secret_comes_twice(source: SecretSource) -> None:
    """Two draws of 128 bits that are equal are no chance."""
    expect(len({source.token_bytes(_BYTES) for _ in range(_DRAWS)}), _DRAWS)


@SECRETS.law()
def every_bit_varies(source: SecretSource) -> None:
    """Over two hundred draws each bit is sometimes set and sometimes not, but once in 2^191 runs."""
    draws = [int.from_bytes(source.token_bytes(_BYTES)) for _ in range(_DRAWS)]

    stuck = [bit for bit in range(8 * _BYTES) if len({draw >> bit & 1 for draw in draws}) == 1]

    expect(stuck, [])


@SECRETS.race()
def no_two_threads_draw_one_secret(source: SecretSource, threads: int) -> None:
    """What several draw at once is different, too."""
    draws = together(lambda _: [source.token_bytes(_BYTES) for _ in range(_DRAWS)], threads)

    expect(len({drawn for one in draws for drawn in one}), threads * _DRAWS)


def laws_of_secret_source() -> tuple[Law[SecretSource], ...]:
    """Return what every source of secrets does."""
    return SECRETS.laws


def check_secret_source(
    make: Make[SecretSource], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of a source of secrets.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return SECRETS.check(make, without=without, threads=threads)
