"""Logins within a unit of work: unique by comparison key, changed only by whoever knows their present stamp."""

from __future__ import annotations

import attrs

from coproauth.ports import Store
from coproauth.testing.contracts.law import Contract, expect, expect_false, expect_true
from coproauth.testing.contracts.samples import JEANNE, LATEST, LOOK_ALIKES, MARC, Link, put, write

IDENTITIES = Contract[Store]("identities")

_OTHER = "another@example.fr"


@IDENTITIES.law()
def a_login_is_found_by_id_key_and_contact(store: Store) -> None:
    """Each look-up finds the login, and nothing where there is none."""
    write(store, JEANNE, MARC, Link("contact-1", MARC.id))

    with store.reading() as work:
        expect((work.identities.get(JEANNE.id), work.identities.get("identity-3")), (JEANNE, None))
        expect((work.identities.by_email(MARC.email_key), work.identities.by_email(_OTHER)), (MARC, None))
        expect((work.identities.by_contact("contact-1"), work.identities.by_contact("contact-2")), (MARC, None))


@IDENTITIES.law()
def email_keys_that_look_alike_are_different(store: Store) -> None:
    """Keys are compared exactly: those that differ in case, accents or spaces belong to different logins."""
    different = [attrs.evolve(JEANNE, id=f"identity-{n}", email_key=key) for n, key in enumerate(LOOK_ALIKES)]
    with store.writing() as work:
        expect([work.identities.add(identity) for identity in different], [True] * len(different))

    with store.reading() as work:
        expect([work.identities.by_email(key) for key in LOOK_ALIKES], different)


@IDENTITIES.law()
def a_look_alike_finds_no_login(store: Store) -> None:
    """Neither id nor key finds a login whose own only looks like it."""
    write(store, attrs.evolve(JEANNE, id=LOOK_ALIKES[0], email_key=LOOK_ALIKES[0]))

    with store.reading() as work:
        found = [(work.identities.get(other), work.identities.by_email(other)) for other in LOOK_ALIKES[1:]]

    expect(found, [(None, None)] * len(found))


@IDENTITIES.law()
def a_taken_key_is_not_added(store: Store) -> None:
    """The first login keeps its e-mail key, the second is told so, and its unit of work goes on."""
    with store.writing() as work:
        added = [work.identities.add(new) for new in (JEANNE, attrs.evolve(MARC, email_key=JEANNE.email_key), MARC)]

    with store.reading() as work:
        kept = [work.identities.by_email(identity.email_key) for identity in (JEANNE, MARC)]
    expect((added, kept), ([True, False, True], [JEANNE, MARC]))


@IDENTITIES.law()
def a_key_taken_in_an_earlier_unit_is_not_added(store: Store) -> None:
    """What an earlier unit of work gave away is taken as well."""
    write(store, JEANNE)

    with store.writing() as work:
        expect_false(work.identities.add(attrs.evolve(MARC, email_key=JEANNE.email_key)))
        expect(work.identities.get(MARC.id), None)


@IDENTITIES.law()
def saving_replaces_every_field(store: Store) -> None:
    """A login that is saved is read back as it was saved, not as it was added."""
    write(store, JEANNE)
    changed = attrs.evolve(MARC, id=JEANNE.id, credential_stamp=2, password_hash="another", last_login_at=LATEST)  # noqa: S106

    with store.writing() as work:
        expect_true(work.identities.save(changed, expected_stamp=1))

    with store.reading() as work:
        expect(work.identities.get(JEANNE.id), changed)


@IDENTITIES.law()
def saving_needs_the_stamp_that_was_read(store: Store) -> None:
    """A login whose stamp moved meanwhile is left as it is."""
    changed = attrs.evolve(JEANNE, credential_stamp=2)
    write(store, JEANNE)

    with store.writing() as work:
        saved = [
            work.identities.save(attrs.evolve(changed, locale=locale), expected_stamp=1) for locale in ("en", "fr")
        ]

    with store.reading() as work:
        expect((saved, work.identities.get(JEANNE.id)), ([True, False], attrs.evolve(changed, locale="en")))


@IDENTITIES.law()
def saving_as_it_is_succeeds(store: Store) -> None:
    """Saving a login without a change is a success, too."""
    write(store, JEANNE)

    with store.writing() as work:
        expect_true(work.identities.save(JEANNE, expected_stamp=1))


@IDENTITIES.law()
def saving_touches_no_other_login(store: Store) -> None:
    """The other logins stay as they are."""
    write(store, JEANNE, MARC)

    with store.writing() as work:
        work.identities.save(attrs.evolve(JEANNE, credential_stamp=2), expected_stamp=1)

    with store.reading() as work:
        expect(work.identities.get(MARC.id), MARC)


@IDENTITIES.law()
def saving_cannot_take_another_s_key(store: Store) -> None:
    """A key that another login has is not given twice, and the unit of work goes on."""
    write(store, JEANNE, MARC)

    with store.writing() as work:
        expect_false(work.identities.save(attrs.evolve(MARC, email_key=JEANNE.email_key), expected_stamp=1))
        put(work, Link("contact-1", MARC.id))

    with store.reading() as work:
        expect([work.identities.get(MARC.id), work.identities.by_contact("contact-1")], [MARC, MARC])


@IDENTITIES.law()
def a_key_that_was_given_up_is_free(store: Store) -> None:
    """Once a login has another key, its former one finds nobody, and may be somebody else's."""
    write(store, JEANNE)

    with store.writing() as work:
        work.identities.save(attrs.evolve(JEANNE, email_key=_OTHER), expected_stamp=1)
        expect(work.identities.by_email(JEANNE.email_key), None)
        expect_true(work.identities.add(attrs.evolve(MARC, email_key=JEANNE.email_key)))


@IDENTITIES.law()
def saving_never_adds(store: Store) -> None:
    """A login that is not there is not saved."""
    with store.writing() as work:
        expect_false(work.identities.save(JEANNE, expected_stamp=1))
        expect(work.identities.get(JEANNE.id), None)


@IDENTITIES.law()
def saving_keeps_links(store: Store) -> None:
    """A login that is saved keeps its contacts."""
    write(store, JEANNE, *(Link(contact_id, JEANNE.id) for contact_id in ("contact-1", "contact-2")))

    with store.writing() as work:
        work.identities.save(attrs.evolve(JEANNE, credential_stamp=2), expected_stamp=1)

    with store.reading() as work:
        expect(sorted(work.links.contacts_of(JEANNE.id)), ["contact-1", "contact-2"])
