"""What every password hasher does: the password that was hashed fits, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection

from coproauth.errors import Throttled
from coproauth.ports import PasswordHasher
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Law, Make, Report, expect, expect_false
from coproauth.testing.contracts.threads import together

HASHER = Contract[PasswordHasher]("password hasher")

_PASSWORD = "une girafe sous la pluie"  # noqa: S105 - everybody's
_LONG = "é" * 512
_OTHERS = (
    "",
    " ",
    _PASSWORD.upper(),
    f"{_PASSWORD} ",
    f" {_PASSWORD}",
    f"{_PASSWORD}\0",
    _PASSWORD[:-1],
    _PASSWORD.replace("i", "\u0131"),
)
_PHC = re.compile(r"\$[a-z0-9-]{1,32}(\$[^$]+)+")  # the PHC string format, without the rules for each part
_UNREADABLE = (
    "",
    " ",
    "$",
    "x",
    "$argon2id$",
    "$argon2id$v=19$m=8,t=1,p=1$",
    "$2b$12$",
    "plain",
    "é",
    "\0",
    "$unknown$1$2",
)
_OF_OTHER_PARAMETERS = "$argon2id$v=19$m=24,t=7,p=1$c29tZXNhbHQ$" + "A" * 43


@HASHER.law()
def only_the_password_that_was_hashed_fits(hasher: PasswordHasher) -> None:
    """Any other is refused, however alike: by case, by spaces around, by one symbol more or less."""
    password_hash = hasher.hash(_PASSWORD)

    fits = [hasher.verify(password_hash=password_hash, password=password) for password in (_PASSWORD, *_OTHERS)]

    expect(fits, [True] + [False] * len(_OTHERS))


@HASHER.law()
def every_symbol_of_a_long_password_counts(hasher: PasswordHasher) -> None:
    """Passwords of a kilobyte that differ in the last symbol are two, and so are those that differ after a NUL."""
    for begun in (_LONG, "a\0"):
        password_hash = hasher.hash(begun + "1")

        fits = [hasher.verify(password_hash=password_hash, password=begun + last) for last in ("1", "2", "")]
        expect(fits, [True, False, False])


@HASHER.law()
def a_hash_is_salted(hasher: PasswordHasher) -> None:
    """Whoever sees two hashes cannot tell that two people have one password."""
    first, second = (hasher.hash(_PASSWORD) for _ in range(2))

    expect_false(first == second)


@HASHER.law()
def a_hash_is_in_phc_notation_and_shows_no_password(hasher: PasswordHasher) -> None:
    """It names its function and parameters, fits the column it is kept in, and the password is not in it."""
    password_hash = hasher.hash(_PASSWORD)

    seen = (bool(_PHC.fullmatch(password_hash)), len(password_hash) <= 255, _PASSWORD in password_hash)  # noqa: PLR2004
    expect(seen, (True, True, False))


@HASHER.law()
def a_hash_that_cannot_be_read_fits_none(hasher: PasswordHasher) -> None:
    """It is no error, and no way in."""
    tried = [(given, password) for given in _UNREADABLE for password in ("", _PASSWORD, given)]

    fits = [hasher.verify(password_hash=given, password=password) for given, password in tried]

    expect([pair for pair, one_fits in zip(tried, fits, strict=True) if one_fits], [])


@HASHER.law()
def only_a_hash_of_other_parameters_needs_another(hasher: PasswordHasher) -> None:
    """What was hashed just now is current, and so is the decoy; what was made otherwise is not."""
    hashes = (hasher.hash(_PASSWORD), hasher.decoy, _OF_OTHER_PARAMETERS)

    expect([hasher.needs_rehash(password_hash) for password_hash in hashes], [False, False, True])


@HASHER.law()
def no_password_fits_the_decoy(hasher: PasswordHasher) -> None:
    """A login that does not exist cannot be opened, whatever is typed."""
    typed = ("", " ", _PASSWORD, hasher.decoy, "decoy", "password", "None")

    expect([word for word in typed if hasher.verify(password_hash=hasher.decoy, password=word)], [])


@HASHER.race()
def many_hash_at_once(hasher: PasswordHasher, threads: int) -> None:
    """One hasher serves every thread or turns it away (``busy``), and mixes nobody's password with another's."""

    def hash_and_verify(number: int) -> list[bool] | None:
        typed = [f"{_PASSWORD} {other}" for other in (number, number + 1)]
        try:
            password_hash = hasher.hash(typed[0])
            return [hasher.verify(password_hash=password_hash, password=word) for word in typed]
        except Throttled:
            return None

    served = [answer for answer in together(hash_and_verify, threads) if answer is not None]
    expect(served, [[True, False]] * max(len(served), 1))


def laws_of_password_hasher() -> tuple[Law[PasswordHasher], ...]:
    """Return what every password hasher does."""
    return HASHER.laws


def check_password_hasher(
    make: Make[PasswordHasher], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of a password hasher; make it as cheap as it can be.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return HASHER.check(make, without=without, threads=threads)
