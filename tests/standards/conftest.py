"""A portal over a sandbox, as the tests of the portal have it."""

from __future__ import annotations

from tests.portal.conftest import browser, directory, open_browser, sandbox

__all__ = ["browser", "directory", "open_browser", "sandbox"]
