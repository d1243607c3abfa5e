"""The kit for tests of software that embeds the library.

Here is what needs nothing else; ``contracts`` (the laws of the ports), ``strategies``, ``machines`` and ``adversary``
(these three for Hypothesis) are imported by their own names.
"""

from coproauth.testing.fakes import FakeClock, LeakedPasswords
from coproauth.testing.sandbox import Sandbox, cheap_policy

__all__ = ["FakeClock", "LeakedPasswords", "Sandbox", "cheap_policy"]
