"""By what lists of leaked passwords name a password."""

from __future__ import annotations

import hashlib


def digest_of(password: str) -> str:
    """Return the SHA-1 of a password in 40 capital hex digits: what the lists are made of. It protects nothing here."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
