"""Passwords that leaked elsewhere: asked of a server by ranges, or looked up in a file."""

from coproauth.adapters.breaches.files import FileBreaches
from coproauth.adapters.breaches.ranges import RangeBreaches

__all__ = ["FileBreaches", "RangeBreaches"]
