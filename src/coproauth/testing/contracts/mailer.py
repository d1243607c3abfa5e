"""What every mailer does: each message goes once, to its recipient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import attrs

from coproauth.core.messages import (
    AccountAddedMessage,
    AccountRemovedMessage,
    ActivationNoticeMessage,
    ConfirmEmailMessage,
    EmailChangedMessage,
    EmailChangeRequestedMessage,
    EmailProofMessage,
    LoginAfterFailuresMessage,
    Message,
    NewDeviceMessage,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.policy import LOCALES, Locale
from coproauth.ports import BatchMailer, Mailer
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Departure, Law, Make, Report, expect
from coproauth.testing.contracts.samples import NOW
from coproauth.testing.contracts.threads import together

_URL = "https://app.example.fr/page"
_NAME = "Résidence de l'Écureuil"


@attrs.frozen
class ReadMailer:
    """A mailer that has sent nothing, and the mailboxes at its other end.

    Attributes:
        recipients: tells the addresses that a message has arrived for, one for each message, in the order of arriving.
    """

    mailer: Mailer
    recipients: Callable[[], Sequence[str]]


MAILER = Contract[ReadMailer]("mailer")


def messages(to: str, locale: Locale) -> list[Message]:
    """Return one message of each kind."""
    return [
        EmailProofMessage(to=to, locale=locale, code="123456", condominium_name=_NAME),
        ResetLinkMessage(to=to, locale=locale, url=_URL),
        UnknownAddressMessage(to=to, locale=locale, url=_URL),
        PasswordChangedMessage(to=to, locale=locale, url=_URL),
        TemporaryPasswordSetMessage(to=to, locale=locale, url=_URL),
        ActivationNoticeMessage(to=to, locale=locale, contact_name="Zoé", condominium_name=_NAME),
        AccountAddedMessage(to=to, locale=locale, condominium_name=_NAME),
        AccountRemovedMessage(to=to, locale=locale, condominium_name=_NAME),
        ConfirmEmailMessage(to=to, locale=locale, url=_URL),
        EmailChangeRequestedMessage(to=to, locale=locale, url=_URL),
        EmailChangedMessage(to=to, locale=locale),
        NewDeviceMessage(to=to, locale=locale, url=_URL, opened_at=NOW, browser="Firefox, Linux"),
        LoginAfterFailuresMessage(to=to, locale=locale, url=_URL, opened_at=NOW, browser=""),
    ]


def _letters(count: int) -> list[Message]:
    """Return messages to so many people."""
    return [EmailChangedMessage(id=f"mail-{n}", to=f"p{n}@example.fr", locale="fr") for n in range(count)]


@MAILER.law()
def every_kind_of_message_is_taken(read: ReadMailer) -> None:
    """A message of any kind, in any language, with an id or without one, is sent."""
    kinds = [kind for locale in LOCALES for kind in messages("zoe@example.fr", locale)]

    for message in [*kinds, attrs.evolve(kinds[0], id="mail-1")]:
        read.mailer.send(message)

    expect(len(read.recipients()), len(kinds) + 1)


@MAILER.law()
def each_message_arrives_once_at_its_recipient(read: ReadMailer) -> None:
    """Nobody gets the mail of somebody else, or one mail twice, and the first sent arrives first."""
    letters = _letters(3)

    for letter in letters:
        read.mailer.send(letter)

    expect(list(read.recipients()), [letter.to for letter in letters])


@MAILER.law()
def a_message_may_be_sent_again(read: ReadMailer) -> None:
    """A courier that does not know whether its mail has left sends it again: it arrives, rather twice than never."""
    (letter,) = _letters(1)

    for _ in range(2):
        read.mailer.send(letter)

    expect(list(read.recipients()), [letter.to] * 2)


@MAILER.law(Capability.BATCHES)
def a_batch_is_sent_like_single_messages(read: ReadMailer) -> None:
    """What is sent in a batch has arrived when the block ends, also from a second one; one may be empty, too."""
    letters = _letters(4)
    if not isinstance(read.mailer, BatchMailer):
        raise Departure("it has no batch()")

    for batch in (letters[:3], [], letters[3:]):
        with read.mailer.batch() as mailer:
            for letter in batch:
                mailer.send(letter)

    expect(list(read.recipients()), [letter.to for letter in letters])


@MAILER.race()
def many_are_sent_at_once(read: ReadMailer, threads: int) -> None:
    """One mailer serves every thread, and loses nothing."""
    letters = _letters(threads)

    together(lambda n: read.mailer.send(letters[n]), threads)

    expect(sorted(read.recipients()), sorted(letter.to for letter in letters))


def laws_of_mailer() -> tuple[Law[ReadMailer], ...]:
    """Return what every mailer does."""
    return MAILER.laws


def check_mailer(make: Make[ReadMailer], *, without: Collection[Capability] = (), threads: int = THREADS) -> Report:
    """Check every law of a mailer, each on one whose mailboxes are empty.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return MAILER.check(make, without=without, threads=threads)
