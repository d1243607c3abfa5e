"""The demonstration: a small town in every situation, on a real SQLite file, with a mailbox to look into."""

from coproauth.portal.demo.app import Demo, open_demo
from coproauth.portal.demo.files import DatabaseRefused

__all__ = ["DatabaseRefused", "Demo", "open_demo"]
