"""The audit trail as lines of JSON in Python's own logging."""

from __future__ import annotations

import json
import logging
from datetime import UTC

import attrs

from coproauth.core.audit import AuditEvent, Outcome


class LoggingAudit:
    """Writes each event as one line of JSON to the logger ``coproauth.audit``, with its name in OWASP's vocabulary."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        """Write to the given logger, or to ``coproauth.audit``."""
        self._logger = logger or logging.getLogger("coproauth.audit")

    def record(self, event: AuditEvent) -> None:
        """Keep one event; what is not ASCII is escaped, so that a line stays a line (ASVS V16.4.1)."""
        level = logging.ERROR if event.outcome is Outcome.FAILED else logging.INFO
        line = {"event": event.owasp_name, **attrs.asdict(event), "at": event.at.astimezone(UTC).isoformat()}
        self._logger.log(level, "%s", json.dumps(line))
