"""Sample documents, payments and balances: invented, but the same for an account each time it is looked at."""

# ruff: noqa: RUF001 - French needs its apostrophe

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from zlib import crc32

from coproauth.core.accounts import Account
from coproauth.portal.overviews import Document, Overview, Payment

_QUARTERS = ("1er trimestre 2026", "2e trimestre 2026", "3e trimestre 2026", "4e trimestre 2026")
_OTHERS = (
    ("Procès-verbal de l’assemblée générale", date(2026, 5, 12)),
    ("Règlement de copropriété", date(2019, 3, 4)),
    ("Contrat d’assurance de l’immeuble", date(2026, 1, 5)),
    ("Carnet d’entretien", date(2026, 2, 17)),
    ("Devis de ravalement", date(2026, 9, 22)),
    ("Diagnostic de performance énergétique", date(2025, 11, 3)),
)


def sample_overview(account: Account, *, url: Callable[[str], str]) -> Overview:
    """Return what the home page shows of an account; ``url`` gives the address of a path."""
    number = crc32(f"{account.condominium_name}/{account.label}".encode())
    charge = 18_000 + number % 47_000  # cents a quarter
    quarters = list(zip(_QUARTERS, (1, 4, 7, 10), strict=True))
    names = [(f"Appel de fonds, {_QUARTERS[3]}", date(2026, 10, 1))]
    names += [_OTHERS[(number + step) % len(_OTHERS)] for step in range(2 + number % 3)]
    return Overview(
        due_cents=0 if number % 3 == 0 else charge,
        due_on=date(2026, 12, 1 + number % 20),
        documents=tuple(
            Document(name=name, dated=dated, url=url(f"/demo/documents/{account.id}/{place}"))
            for place, (name, dated) in enumerate(names)
        ),
        payments=tuple(
            Payment(label=f"Charges, {quarter}", dated=date(2026, month, 3 + number % 25), cents=charge)
            for quarter, month in reversed(quarters[: 2 + number % 2])
        ),
    )
