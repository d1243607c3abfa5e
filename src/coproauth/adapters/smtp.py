"""Mail over SMTP, by the standard library."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Literal, get_args

import attrs

from coproauth.adapters.system import SystemClock
from coproauth.core.messages import Message
from coproauth.core.portal_urls import is_loopback
from coproauth.errors import ConfigurationError, InvalidInput
from coproauth.mail import mailbox, to_email_message
from coproauth.ports import Clock

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Security = Literal["starttls", "tls", "none"]

_LAST_PORT = 2**16 - 1
_DONE = 250  # RFC 5321 §4.2.3
_CLOSING = 421  # RFC 5321 §3.8: the server hangs up after this, and has taken nothing of the mail it answers


def _or_default(given: ssl.SSLContext | None) -> ssl.SSLContext:
    return given or ssl.create_default_context()


@attrs.frozen(kw_only=True)
class SmtpMailer:
    """Sends each message to one recipient, in a connection of its own or of its batch; thread-safe.

    Certificates are verified, and the server's name with them. What this class holds may be shown: the password is
    left out of ``repr``, and of every exception that ``send`` raises.

    Raises:
        ConfigurationError: the sender is no plain address; ``security`` is unknown, or ``"none"`` outside loopback;
            only one of user name and password is given, or one that is not printable ASCII; port or timeout is out
            of range.

    Attributes:
        host: of the mail server.
        port: 587 for submission with STARTTLS, 465 where TLS comes first (RFC 8314 §3.3).
        sender: the plain address in ``From`` and in the envelope.
        sender_name: the name shown beside it.
        security: ``"starttls"`` (the server must offer it), ``"tls"`` from the first byte, or ``"none"`` on loopback.
        timeout: how long any one answer of the server may take, to its last byte.
        ssl_context: which certificates are trusted; those of the operating system if not given.
    """

    host: str = attrs.field(kw_only=False)
    port: int = 587
    sender: str
    sender_name: str = ""
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    security: Security = "starttls"
    timeout: timedelta = timedelta(seconds=10)
    ssl_context: ssl.SSLContext = attrs.field(default=None, repr=False, converter=_or_default)
    clock: Clock = attrs.field(factory=SystemClock, repr=False)

    def __attrs_post_init__(self) -> None:
        _refuse_unless(self.host.isprintable() and self.host.strip() == self.host != "", "host must be a plain name")
        _refuse_unless(0 < self.port <= _LAST_PORT, f"port must be 1 to {_LAST_PORT}")
        _refuse_unless(self.timeout > timedelta(0), "timeout must be longer than nothing")
        _refuse_unless(self.security in get_args(Security), "security must be 'starttls', 'tls' or 'none'")
        _refuse_unless(
            self.security != "none" or is_loopback(self.host), "security='none' is for a server on loopback only"
        )
        _refuse_unless((self.username is None) == (self.password is None), "username and password go together")
        _refuse_unless(
            all(_is_printable_ascii(given) for given in (self.username, self.password)),
            "username and password must be printable ASCII",  # smtplib quotes any other in its error
        )
        try:
            self._from()
        except InvalidInput as error:
            raise ConfigurationError(f"{error.field} is not usable in a header: {error.reason}") from None

    def send(self, message: Message) -> None:
        """Hand one message over to the server.

        1. Address, link and headers are checked before anything is said to the server.
        2. TLS, if it is configured, before user name or message: a server without it gets neither.
        3. One sender, one recipient, one message.

        Raises:
            InvalidInput: the message cannot be addressed or rendered.
            smtplib.SMTPException: the server does not offer STARTTLS, refuses the login, the recipient or the mail.
            OSError: the server cannot be reached or does not answer in time; ``ssl.SSLError`` among them: its
                certificate is not trusted.
        """
        with self.batch() as batch:
            batch.send(message)

    @contextmanager
    def batch(self) -> Iterator[SmtpBatch]:
        """Return a mailer for one thread, whose messages go over one connection, as in ``send``.

        It is opened at the first message, opened again if the server closed it in the meantime, and closed when the
        block ends. A message that is refused does not keep the next from being sent.
        """
        batch = SmtpBatch(self)
        try:
            yield batch
        finally:
            batch.end()

    def _from(self) -> Address:
        return mailbox(self.sender, field="sender", name=self.sender_name)

    def _finished(self, message: Message) -> EmailMessage:
        mail = to_email_message(message, sender=self.sender, sender_name=self.sender_name)
        mail["Date"] = self.clock.now()
        if message.id is None:
            mail["Message-ID"] = make_msgid(domain=self._from().domain)
        return mail

    def _connect(self) -> smtplib.SMTP:
        """Return a connection on which mail can be sent."""
        smtp = self._dial()
        try:
            if self.security == "starttls":
                smtp.starttls(context=self.ssl_context)
            if self.username is not None and self.password is not None:
                smtp.login(self.username, self.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _dial(self) -> smtplib.SMTP:
        seconds = self.timeout.total_seconds()
        if self.security == "tls":
            return _PunctualTls(self.host, self.port, timeout=seconds, context=self.ssl_context)
        return _Punctual(self.host, self.port, timeout=seconds)


class _Answers(RawIOBase):
    """What a server says, to be read until a given moment; a timeout of the socket alone begins anew at each byte."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp
        self.end_at = 0.0  # of the monotonic clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        left = self.end_at - time.monotonic()
        if left <= 0 or self._smtp.sock is None:
            raise TimeoutError("the answer was not complete in time")
        self._smtp.sock.settimeout(left)
        return self._smtp.sock.recv_into(buffer)


class _Punctual(smtplib.SMTP):
    """A dialogue in which each answer, however many lines it has, is complete within the timeout."""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:  # of the first answer, in clear or over TLS
            self._answers = _Answers(self)
            self.file = BufferedReader(self._answers)
        self._answers.end_at = time.monotonic() + self.timeout
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)  # for what is sent next


class _PunctualTls(_Punctual, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""


@attrs.define(eq=False)
class SmtpBatch:
    """Several messages over one connection; made by ``SmtpMailer.batch``, for one thread."""

    mailer: SmtpMailer
    _smtp: smtplib.SMTP | None = attrs.field(default=None, init=False)

    def send(self, message: Message) -> None:
        """Hand one message over to the server; raises what ``SmtpMailer.send`` does.

        A connection that the server has closed since the message before is opened again, once: nothing of this
        message was taken over it. One that breaks in the middle of a message is not: it may have been taken.
        """
        mail = self.mailer._finished(message)  # noqa: SLF001 - two halves of one thing
        if self._is_open():
            try:
                self._hand_over(mail)
            except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as refused:
                if _status(refused) != _CLOSING:
                    raise
            else:
                return
        self._hand_over(mail)

    def end(self) -> None:
        """Take leave of the server, and close the connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(smtplib.SMTPException, OSError):  # all mail is taken; an error now would send it again
                smtp.quit()
            smtp.close()

    def _is_open(self) -> bool:
        """Whether the server is still there, and has forgotten the message before (RFC 5321 §4.1.1.5)."""
        if self._smtp is None:
            return False
        with suppress(smtplib.SMTPException, OSError):
            if self._smtp.rset()[0] == _DONE:
                return True
        self._drop()
        return False

    def _hand_over(self, mail: EmailMessage) -> None:
        """Send a mail; whatever breaks the dialogue ends the connection, a refusal does not."""
        if self._smtp is None:
            self._smtp = self.mailer._connect()  # noqa: SLF001
        try:
            self._smtp.send_message(mail, from_addr=self._sender, to_addrs=[str(mail["To"])])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as refused:
            if _status(refused) == _CLOSING:
                self._drop()
            vars(refused).update(smtp_code=_status(refused))  # where smtplib leaves it for most refusals
            raise
        except BaseException:
            self._drop()
            raise

    @property
    def _sender(self) -> str:
        return self.mailer._from().addr_spec  # noqa: SLF001

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _status(refused: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> int:
    """Return what the server answered to the one sender or the one recipient."""
    if isinstance(refused, smtplib.SMTPRecipientsRefused):
        return next(code for code, _ in refused.recipients.values())
    return refused.smtp_code


def _refuse_unless(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        raise ConfigurationError(message)


def _is_printable_ascii(given: str | None) -> bool:
    return given is None or (given != "" and given.isascii() and given.isprintable())
