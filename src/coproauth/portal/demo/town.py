"""Who lives in the demonstration: two firms, five condominiums, some thirty contacts in every situation.

A plain list to read; how it comes into the database is the matter of ``seed``.
"""

from __future__ import annotations

from typing import Literal

import attrs

State = Literal["plain", "fresh_code", "used_code", "expired_code", "temporary"]

PASSWORD = "trois parapluies mauves"  # noqa: S105 - of every login of the demonstration, and printed on its first page


@attrs.frozen(kw_only=True)
class Firm:
    """A manager's firm and the one manager it has here."""

    manager_id: str
    manager_name: str
    name: str
    portfolio_id: str


@attrs.frozen
class Resident:
    """A contact on an account.

    Attributes:
        login: the e-mail of the login it is activated with; None: not activated.
        file_email: on the contact's file, where it differs from the login's.
        state: what becomes of the contact when the town is built, or, of a code, at each start of the demonstration.
        shows: the key of the situation it is pointed out for, in the guide.
        types: the e-mail to type along with its code.
    """

    name: str
    login: str | None = None
    file_email: str | None = attrs.field(default=None, kw_only=True)
    state: State = attrs.field(default="plain", kw_only=True)
    shows: str | None = attrs.field(default=None, kw_only=True)
    types: str | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Household:
    """An account and its contacts."""

    label: str
    residents: tuple[Resident, ...]


@attrs.frozen
class Building:
    """A condominium and its accounts.

    Attributes:
        is_removed: it is taken out of the directory once its people are activated: they are orphans.
    """

    name: str
    portfolio_id: str
    households: tuple[Household, ...]
    is_removed: bool = False


LEMAIRE = Firm(
    manager_id="claire-lemaire", manager_name="Claire Lemaire", name="Cabinet Lemaire", portfolio_id="lemaire"
)
ATLANTIQUE = Firm(
    manager_id="yann-le-goff", manager_name="Yann Le Goff", name="Gestion Atlantique", portfolio_id="atlantique"
)
FIRMS = (LEMAIRE, ATLANTIQUE)

_SOPHIE = "sophie.mercier@example.com"
_PAUL = "paul.fontaine@example.com"
_ROUX = "famille.roux@example.com"
_HELENE = "helene.garnier@example.com"

_TILLEULS = Building(
    "Résidence Les Tilleuls",
    "lemaire",
    (
        Household(
            "Lot 4, M. et Mme Fontaine",
            (
                Resident("Paul Fontaine", _PAUL, file_email="p.fontaine.ancien@example.com", shows="one_account"),
                Resident("Anne Fontaine", "anne.fontaine@example.com", shows="couple_two_logins"),
            ),
        ),
        Household("Lot 7, Mme Mercier", (Resident("Sophie Mercier", _SOPHIE, shows="several_accounts"),)),
        Household(
            "Lot 9, M. et Mme Roux",
            (Resident("Karim Roux", _ROUX, shows="couple_one_login"), Resident("Leïla Roux", _ROUX)),
        ),
        Household("Lot 12, M. Girard", (Resident("Étienne Girard", state="fresh_code", shows="onboarding"),)),
        Household(
            "Lot 15, Mme Benali",
            (Resident("Nadia Benali", "nadia.benali@example.com", state="used_code", shows="used_code"),),
        ),
        Household("Lot 18, M. Petit", (Resident("Lucas Petit", state="expired_code", shows="expired_code"),)),
        Household(
            "Lot 20, Mme Perrin",
            (Resident("Odile Perrin", "odile.perrin@example.com", state="temporary", shows="temporary"),),
        ),
    ),
)
_LILAS = Building(
    "12 rue des Lilas",
    "lemaire",
    (
        Household("Lot 1, Mme Mercier", (Resident("Sophie Mercier", _SOPHIE),)),
        Household("Lot 2, M. Dubois", (Resident("Marc Dubois", "marc.dubois@example.com", shows="forgotten"),)),
        Household("Lot 3, Mme Lambert", (Resident("Julie Lambert", file_email="julie.lambert@example.com"),)),
        Household(
            "Lot 5, indivision Caron",
            (
                Resident("Claire Caron", "claire.caron@example.com"),
                Resident("Denis Caron", state="fresh_code", shows="undivided"),
                Resident("Eva Caron"),
            ),
        ),
        Household(
            "Lot 8, Mme Garnier",
            (Resident("Hélène Garnier", state="fresh_code", shows="orphan_returns", types=_HELENE),),
        ),
    ),
)
_CLOS = Building(
    "Le Clos Saint-Jean",
    "lemaire",
    (
        Household(
            "Maison 1, M. Fontaine",
            (Resident("Paul Fontaine", state="fresh_code", shows="second_property", types=_PAUL),),
        ),
        Household("Maison 2, M. Haddad", (Resident("Ahmed Haddad", "ahmed.haddad@example.com"),)),
        Household("Maison 3, M. Lefèvre", (Resident("Thomas Lefèvre", "thomas.lefevre@example.com"),)),
        Household("Maison 4, Mme Vasseur", (Resident("Ingrid Vasseur", file_email="ingrid@example.com"),)),
        Household("Maison 5, SCI Les Glycines", (Resident("SCI Les Glycines", "gerance.glycines@example.com"),)),
    ),
)
_MARINE = Building(
    "Villa Marine",
    "atlantique",
    (
        Household("Appartement A1, Mme Mercier", (Resident("Sophie Mercier", _SOPHIE),)),
        Household(
            "Appartement A2, M. et Mme Kerbrat",
            (Resident("Gaël Kerbrat", "gael.kerbrat@example.com"), Resident("Rozenn Kerbrat")),
        ),
        Household("Appartement B1, M. Morvan", (Resident("Yves Morvan", "yves.morvan@example.com"),)),
        Household("Appartement B2, Mme Tanguy", (Resident("Soizic Tanguy", file_email="soizic@example.com"),)),
    ),
)
_TERRASSES = Building(
    "Les Terrasses du Port",
    "atlantique",
    (
        Household("Lot 101, M. Nguyen", (Resident("Minh Nguyen", "minh.nguyen@example.com"),)),
        Household("Lot 102, Mme Ferreira", (Resident("Inês Ferreira", "ines.ferreira@example.com"),)),
        Household("Lot 103, M. Barbier", (Resident("Olivier Barbier"),)),
        Household("Lot 104, Mme Traoré", (Resident("Aminata Traoré", "aminata.traore@example.com"),)),
        Household("Lot 105, M. Schmitt", (Resident("Hugo Schmitt"),)),
    ),
)
_PARC = Building(
    "Résidence du Parc",
    "lemaire",
    (Household("Lot 3, Mme Garnier", (Resident("Hélène Garnier", _HELENE),)),),
    is_removed=True,
)

TOWN = (_TILLEULS, _LILAS, _CLOS, _MARINE, _TERRASSES, _PARC)
ORPHAN = _HELENE

# The numbers of the situations that a hint, or a section of the guide, is there for.
SITUATIONS = {
    "one_account": (1, 9),
    "couple_two_logins": (12,),
    "couple_one_login": (12,),
    "several_accounts": (4,),
    "forgotten": (2, 8),
    "temporary": (10,),
    "orphan": (11,),
    "undivided": (12,),
    "second_property": (7,),
    "orphan_returns": (6,),
    "used_code": (5,),
    "managers": (3, 9, 10),
    "remove": (11,),
}
