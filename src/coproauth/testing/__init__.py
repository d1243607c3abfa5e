"""The kit for tests of software that embeds the library."""

from coproauth.testing.fakes import FakeClock

__all__ = ["FakeClock"]
