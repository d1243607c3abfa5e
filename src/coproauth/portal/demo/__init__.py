"""The demonstration: a small town in every situation, on a real SQLite file, with a mailbox to look into."""

from coproauth.portal.demo.app import Demo, open_demo

__all__ = ["Demo", "open_demo"]
