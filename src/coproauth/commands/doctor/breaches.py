"""Whether leaked passwords can be asked for."""

from __future__ import annotations

from collections.abc import Iterator

from coproauth.commands.doctor.findings import Finding, bad, good
from coproauth.configuration import Configuration
from coproauth.errors import ConfigurationError, Unavailable

_EVERYBODY_S = "password"  # in every list; its five hex digits tell nothing


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is found, if leaked passwords are asked for at all."""
    try:
        breaches = configuration.breached_passwords()
        if breaches is None:
            yield good("breaches", "not configured: whether a new password has leaked is not asked")
        elif breaches.is_breached(_EVERYBODY_S):
            yield good("breaches", "leaked passwords are known")
        else:
            advice = "see that the list is whole, of SHA-1 in hex digits, and sorted by them"
            yield bad("breaches", "not even the most common password is known to have leaked", advice=advice)
    except ConfigurationError as error:
        yield bad("breaches", str(error), advice="correct the table [breaches] in the configuration")
    except Unavailable as error:
        advice = "see that the file or the address is right, and can be read from here"
        yield bad("breaches", f"no answer: {type(error.__cause__).__name__}", advice=advice)
