"""The portal and its browsers, for attacks over HTTP."""

from __future__ import annotations

from tests.portal.conftest import browser, directory, manager_browser, open_browser, sandbox

__all__ = ["browser", "directory", "manager_browser", "open_browser", "sandbox"]
