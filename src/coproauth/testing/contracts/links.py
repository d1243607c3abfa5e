"""Which contact belongs to which login: a contact has one login, a login has any number of contacts."""

from __future__ import annotations

from coproauth.core.accounts import ID_MAX_LENGTH
from coproauth.ports import Store
from coproauth.testing.contracts.law import Contract, expect
from coproauth.testing.contracts.samples import JEANNE, LOOK_ALIKES, MARC, Link, write

LINKS = Contract[Store]("links")

_LONG = "é" * (ID_MAX_LENGTH - 1)


def _owned(store: Store) -> tuple[list[str], list[str]]:
    with store.reading() as work:
        return sorted(work.links.contacts_of(JEANNE.id)), sorted(work.links.contacts_of(MARC.id))


@LINKS.law()
def a_login_has_any_number_of_contacts(store: Store) -> None:
    """The contacts of a login are those linked to it, each once; a login without any has none."""
    write(store, JEANNE, MARC, Link("contact-1", JEANNE.id), Link("contact-2", JEANNE.id))

    expect(_owned(store), (["contact-1", "contact-2"], []))


@LINKS.law()
def a_contact_is_moved_not_shared(store: Store) -> None:
    """Linking a contact again takes it off its former login."""
    write(store, JEANNE, MARC, Link("contact-1", JEANNE.id), Link("contact-2", JEANNE.id))

    write(store, Link("contact-1", MARC.id))

    expect(_owned(store), (["contact-2"], ["contact-1"]))


@LINKS.law()
def linking_twice_is_linking(store: Store) -> None:
    """A contact that is linked to the login it has already is linked to it once."""
    write(store, JEANNE, MARC, Link("contact-1", JEANNE.id))

    write(store, Link("contact-1", JEANNE.id), Link("contact-1", JEANNE.id))

    expect(_owned(store), (["contact-1"], []))


@LINKS.law()
def removing_is_for_one_contact_only(store: Store) -> None:
    """The other contacts stay, and a contact without a login may be unlinked without ado."""
    write(store, JEANNE, MARC, *(Link(f"contact-{n}", JEANNE.id) for n in (1, 2)), Link("contact-3", MARC.id))

    with store.writing() as work:
        work.links.remove("contact-1")
        work.links.remove("contact-4")

    expect(_owned(store), (["contact-2"], ["contact-3"]))


@LINKS.law()
def linked_tells_who_has_a_login(store: Store) -> None:
    """Of the contacts that are asked for, those with any login are named; of none, none."""
    write(store, JEANNE, MARC, Link("contact-1", JEANNE.id), Link("contact-2", MARC.id), Link("contact-3", MARC.id))

    with store.reading() as work:
        expect(work.links.linked(["contact-1", "contact-2", "contact-4"]), frozenset({"contact-1", "contact-2"}))
        expect(work.links.linked([]), frozenset())


@LINKS.law()
def contacts_that_look_alike_are_different(store: Store) -> None:
    """Ids are compared exactly: a contact does not get the login of another whose id only looks like its own."""
    write(store, JEANNE, MARC, Link(LOOK_ALIKES[0], JEANNE.id))

    with store.reading() as work:
        expect([work.identities.by_contact(other) for other in LOOK_ALIKES[1:]], [None] * (len(LOOK_ALIKES) - 1))
        expect(work.links.linked(LOOK_ALIKES), frozenset(LOOK_ALIKES[:1]))


@LINKS.law()
def only_the_very_contact_is_moved(store: Store) -> None:
    """Linking or unlinking a contact leaves those whose ids look alike where they are."""
    write(store, JEANNE, MARC, *(Link(contact_id, JEANNE.id) for contact_id in LOOK_ALIKES))

    write(store, Link(LOOK_ALIKES[0], MARC.id))
    with store.writing() as work:
        work.links.remove(LOOK_ALIKES[1])

    expect(_owned(store), (sorted(LOOK_ALIKES[2:]), [LOOK_ALIKES[0]]))


@LINKS.law()
def the_longest_ids_are_told_apart(store: Store) -> None:
    """Two ids of the greatest length that differ in their last symbol are two."""
    write(store, JEANNE, MARC, Link(_LONG + "1", JEANNE.id), Link(_LONG + "2", MARC.id))

    expect(_owned(store), ([_LONG + "1"], [_LONG + "2"]))
