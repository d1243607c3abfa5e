"""What every implementation of every port does, as laws that any test runner can check.

``check_…`` checks all laws of a port and tells which were kept; ``laws_of_…`` hands them out one by one. Each takes a
callable that opens a context with a new adapter, and with what it takes to look behind it.
"""

from coproauth.testing.contracts.audit_sink import ReadSink, check_audit_sink, laws_of_audit_sink
from coproauth.testing.contracts.breached_passwords import (
    KnownLeaks,
    check_breached_passwords,
    laws_of_breached_passwords,
)
from coproauth.testing.contracts.clock import check_clock, laws_of_clock
from coproauth.testing.contracts.directory import (
    FilledDirectory,
    check_directory,
    check_writable_directory,
    laws_of_directory,
    laws_of_writable_directory,
)
from coproauth.testing.contracts.joining import (
    StoreAndSink,
    StoreAndThrottle,
    check_joining_audit,
    check_joining_throttle,
    laws_of_joining_audit,
    laws_of_joining_throttle,
)
from coproauth.testing.contracts.law import Capability, Law, LawBroken, Make, Report
from coproauth.testing.contracts.mailer import ReadMailer, check_mailer, laws_of_mailer
from coproauth.testing.contracts.password_hasher import check_password_hasher, laws_of_password_hasher
from coproauth.testing.contracts.secret_source import check_secret_source, laws_of_secret_source
from coproauth.testing.contracts.session_view import StoreAndDirectory
from coproauth.testing.contracts.store import (
    check_session_view,
    check_shared_store,
    check_store,
    laws_of_session_view,
    laws_of_shared_store,
    laws_of_store,
)
from coproauth.testing.contracts.throttle import check_throttle, laws_of_throttle

__all__ = [
    "Capability",
    "FilledDirectory",
    "KnownLeaks",
    "Law",
    "LawBroken",
    "Make",
    "ReadMailer",
    "ReadSink",
    "Report",
    "StoreAndDirectory",
    "StoreAndSink",
    "StoreAndThrottle",
    "check_audit_sink",
    "check_breached_passwords",
    "check_clock",
    "check_directory",
    "check_joining_audit",
    "check_joining_throttle",
    "check_mailer",
    "check_password_hasher",
    "check_secret_source",
    "check_session_view",
    "check_shared_store",
    "check_store",
    "check_throttle",
    "check_writable_directory",
    "laws_of_audit_sink",
    "laws_of_breached_passwords",
    "laws_of_clock",
    "laws_of_directory",
    "laws_of_joining_audit",
    "laws_of_joining_throttle",
    "laws_of_mailer",
    "laws_of_password_hasher",
    "laws_of_secret_source",
    "laws_of_session_view",
    "laws_of_shared_store",
    "laws_of_store",
    "laws_of_throttle",
    "laws_of_writable_directory",
]
