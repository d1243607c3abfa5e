"""What the home page shows of the selected account; it comes from the host software."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs

from coproauth.core.accounts import Account


@attrs.frozen(kw_only=True)
class Document:
    """A file of the account.

    Attributes:
        url: where it is downloaded, under the host's own authorisation; None shows its name only.
    """

    name: str
    dated: date
    url: str | None = None


@attrs.frozen(kw_only=True)
class Payment:
    """A sum that was paid, in cents of a euro."""

    label: str
    dated: date
    cents: int


@attrs.frozen(kw_only=True)
class Overview:
    """The selected account at a glance.

    Attributes:
        due_cents: what is to be paid, in cents of a euro; 0 or less: nothing.
        due_on: until when.
    """

    due_cents: int
    due_on: date | None = None
    documents: tuple[Document, ...] = ()
    payments: tuple[Payment, ...] = ()


OverviewOf = Callable[[Account], Overview]
