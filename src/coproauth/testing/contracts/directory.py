"""What every directory does, and what one does that can be filled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import attrs

from coproauth.core.accounts import Account, Condominium, Contact
from coproauth.ports import Directory
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Departure, Law, Make, Report, expect
from coproauth.testing.contracts.samples import LOOK_ALIKES, TEXT
from coproauth.testing.contracts.threads import together
from coproauth.testing.sandbox import WritableDirectory


@attrs.frozen
class FilledDirectory:
    """A directory, and everybody who is in it.

    Attributes:
        contacts: all of them in the host's order; at least three, on two condominiums or more.
    """

    directory: Directory
    contacts: Sequence[Contact]

    @property
    def ids(self) -> list[str]:
        """Whom to ask for."""
        return [contact.id for contact in self.contacts]

    def of(self, condominium_id: str) -> list[Contact]:
        """Return everybody of one condominium, in the host's order."""
        return [contact for contact in self.contacts if contact.account.condominium_id == condominium_id]


DIRECTORY = Contract[FilledDirectory]("directory")
WRITABLE = Contract[WritableDirectory]("directory that can be filled")


@DIRECTORY.law()
def a_contact_comes_with_its_account(filled: FilledDirectory) -> None:
    """Everybody is found by id, whole; an unknown id finds nobody."""
    found = [filled.directory.contact(contact_id) for contact_id in [*filled.ids, "nobody", ""]]

    expect(found, [*filled.contacts, None, None])


@DIRECTORY.law()
def contacts_come_in_the_host_s_order(filled: FilledDirectory) -> None:
    """However they are asked for, they come in one order."""
    asked: list[Collection[str]] = [filled.ids, filled.ids[::-1], frozenset(filled.ids), tuple(sorted(filled.ids))]

    expect([list(filled.directory.contacts(ids)) for ids in asked], [list(filled.contacts)] * len(asked))


@DIRECTORY.law()
def only_those_asked_for_come(filled: FilledDirectory) -> None:
    """Nobody comes who was not asked for; those that are not there are left out; none are asked for in vain."""
    first, last = filled.contacts[0], filled.contacts[-1]

    found = [list(filled.directory.contacts(ids)) for ids in ([last.id, "nobody", first.id], ["nobody"], [])]

    expect(found, [[first, last], [], []])


@DIRECTORY.law()
def who_is_asked_for_twice_comes_once(filled: FilledDirectory) -> None:
    """A contact is one person, however often it is named."""
    expect(list(filled.directory.contacts([*filled.ids, *filled.ids])), list(filled.contacts))


@DIRECTORY.law()
def a_condominium_has_its_own_contacts(filled: FilledDirectory) -> None:
    """All its contacts come, in the host's order, and no other's; an unknown condominium has none."""
    condominiums = {contact.account.condominium_id for contact in filled.contacts}

    for condominium_id in [*condominiums, "nowhere"]:
        expect(list(filled.directory.contacts_of(condominium_id)), filled.of(condominium_id))


@DIRECTORY.law()
def ids_are_compared_exactly(filled: FilledDirectory) -> None:
    """An id that only looks like that of a contact or a condominium finds nobody."""
    own = {contact.account.condominium_id for contact in filled.contacts}
    people, buildings = _look_alikes(filled.ids), _look_alikes(own)

    found = [*filled.directory.contacts(people), *map(filled.directory.contact, people)]
    living = [contact for building in buildings for contact in filled.directory.contacts_of(building)]

    expect(([contact for contact in found if contact], living), ([], []))


@DIRECTORY.law()
def a_great_many_may_be_asked_for(filled: FilledDirectory) -> None:
    """Several thousand ids at once are answered like one."""
    expect(list(filled.directory.contacts([*map(str, range(-5000, 0)), *filled.ids])), list(filled.contacts))


@DIRECTORY.race()
def many_are_answered_at_once(filled: FilledDirectory, threads: int) -> None:
    """One directory serves every thread."""
    answers = together(lambda _: list(filled.directory.contacts(filled.ids)), threads)

    expect(answers, [list(filled.contacts)] * threads)


def _look_alikes(ids: Collection[str]) -> list[str]:
    """Return spellings of some ids that are none of them."""
    spelt = {
        f(one) for one in ids for f in (str.upper, str.lower, str.swapcase, "{} ".format, " {}".format, "0{}".format)
    }
    return sorted(spelt - set(ids))


@WRITABLE.law()
def what_was_added_is_found_whole(directory: WritableDirectory) -> None:
    """A contact is found with all that was told of it, its account and its condominium."""
    building = directory.add_condominium(name=TEXT, portfolio_id=LOOK_ALIKES[0])
    account = directory.add_account(building.id, label=TEXT)
    contacts = [directory.add_contact(account.id, name=TEXT, email=email) for email in ("jeanne@example.fr", None)]

    whole = Account(
        id=account.id,
        label=TEXT,
        condominium_id=building.id,
        condominium_name=TEXT,
        portfolio_id=LOOK_ALIKES[0],
    )
    expect(building, Condominium(id=building.id, name=TEXT, portfolio_id=LOOK_ALIKES[0]))
    expect(account, whole)
    expect(
        [(one.name, one.email, one.account) for one in contacts],
        [(TEXT, "jeanne@example.fr", whole), (TEXT, None, whole)],
    )
    expect([directory.contact(one.id) for one in contacts], contacts)


@WRITABLE.law()
def removing_a_contact_leaves_the_account_s_others(directory: WritableDirectory) -> None:
    """A couple's other half stays; removing again changes nothing."""
    gone, stays, building_id = _couple(directory)

    for _ in range(2):
        directory.remove_contact(gone.id)

    found = (directory.contact(gone.id), list(directory.contacts([gone.id, stays.id])))
    expect((*found, list(directory.contacts_of(building_id))), (None, [stays], [stays]))


@WRITABLE.law()
def removing_a_condominium_removes_its_contacts_only(directory: WritableDirectory) -> None:
    """Its accounts and contacts go with it, the neighbours stay; removing again changes nothing."""
    gone, too, building_id = _couple(directory)
    kept, stays, neighbour_id = _couple(directory)

    for _ in range(2):
        directory.remove_condominium(building_id)

    left = [
        directory.contacts([gone.id, too.id, kept.id, stays.id]),
        *map(directory.contacts_of, (building_id, neighbour_id)),
    ]
    expect([list(found) for found in left], [[kept, stays], [], [kept, stays]])


@WRITABLE.law()
def nothing_is_added_to_what_is_gone(directory: WritableDirectory) -> None:
    """An account needs its condominium and a contact its account: anything else is a ``LookupError``."""
    gone, _, building_id = _couple(directory)

    directory.remove_condominium(building_id)

    _expect_lookup_error(lambda: directory.add_account(building_id, label="Lot 2"))
    _expect_lookup_error(lambda: directory.add_contact(gone.account.id, name="Marc"))


@WRITABLE.law()
def no_id_is_given_twice(directory: WritableDirectory) -> None:
    """Whoever is added after another was removed is somebody else: an old link leads to nobody new."""
    before, other, building_id = _couple(directory)

    directory.remove_contact(other.id)
    directory.remove_condominium(building_id)
    anne, zoe, new_building_id = _couple(directory)

    old = {before.id, other.id, before.account.id, building_id}
    expect(old & {anne.id, zoe.id, anne.account.id, new_building_id}, set())


def _couple(directory: WritableDirectory) -> tuple[Contact, Contact, str]:
    """Add two people on one account of a condominium of their own; return its id, too."""
    building = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    account = directory.add_account(building.id, label="Lot 12")
    zoe, anne = (directory.add_contact(account.id, name=name) for name in ("Zoé", "Anne"))
    return zoe, anne, building.id


def _expect_lookup_error(call: Callable[[], object]) -> None:
    try:
        added = call()
    except LookupError:
        return
    raise Departure(f"{added!r} was added")


def filled(directory: WritableDirectory) -> FilledDirectory:
    """Fill a directory, in an order that is not that of the names, the labels or the condominiums."""
    lilas, acacias = (directory.add_condominium(name=name, portfolio_id="portfolio-1") for name in ("Lilas", "Acacias"))
    lots = [
        directory.add_account(building.id, label=label) for building, label in ((lilas, "Lot 2"), (acacias, "Lot 1"))
    ]
    people = [("Zoé", "zoe@example.fr", 0), ("Anne", None, 1), ("Marc", None, 0), ("Zoé", "zoe@example.fr", 1)]
    contacts = [directory.add_contact(lots[lot].id, name=name, email=email) for name, email, lot in people]
    return FilledDirectory(directory, contacts)


_FILLABLE = Contract[WritableDirectory]("directory that can be filled", [*DIRECTORY.through(filled), *WRITABLE.laws])


def laws_of_directory() -> tuple[Law[FilledDirectory], ...]:
    """Return what every directory does."""
    return DIRECTORY.laws


def check_directory(
    make: Make[FilledDirectory], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of a directory, on one that somebody is in.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return DIRECTORY.check(make, without=without, threads=threads)


def laws_of_writable_directory() -> tuple[Law[WritableDirectory], ...]:
    """Return what every directory does, and one that can be filled, beginning with an empty one."""
    return _FILLABLE.laws


def check_writable_directory(
    make: Make[WritableDirectory], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of a directory that can be filled, each on an empty one.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return _FILLABLE.check(make, without=without, threads=threads)
