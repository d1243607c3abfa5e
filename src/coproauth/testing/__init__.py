"""The kit for tests of software that embeds the library."""

from coproauth.testing.fakes import FakeClock
from coproauth.testing.sandbox import Sandbox, cheap_policy

__all__ = ["FakeClock", "Sandbox", "cheap_policy"]
