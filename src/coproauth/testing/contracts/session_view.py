"""Everything behind a page: a session, its login and the login's contacts, in one look."""

from __future__ import annotations

import attrs

from coproauth.adapters.memory import MemoryDirectory
from coproauth.core.accounts import Contact
from coproauth.core.sessions import SessionView
from coproauth.ports import Directory, Store
from coproauth.testing.contracts.law import Contract, expect
from coproauth.testing.contracts.samples import JEANNE, LATER, LOOK_ALIKES, MARC, SESSION, Link, write
from coproauth.testing.sandbox import WritableDirectory


@attrs.frozen
class StoreAndDirectory:
    """An empty store, and an empty directory that it can be asked about: in the same database, if it joins one."""

    store: Store
    directory: WritableDirectory

    def view(self, directory: Directory | None = None) -> SessionView | None:
        """Return everything about the session."""
        return self.store.session_view(SESSION.digest, directory or self.directory)

    def people(self, *names: str) -> list[Contact]:
        """Add a condominium with one account for some people."""
        building = self.directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
        account = self.directory.add_account(building.id, label="Lot 1")
        return [self.directory.add_contact(account.id, name=name) for name in names]


SESSION_VIEWS = Contract[StoreAndDirectory]("session view")


@SESSION_VIEWS.law()
def a_view_joins_session_login_and_contacts(both: StoreAndDirectory) -> None:
    """The contacts of the login come in the directory's order, however they were linked."""
    people = both.people("Zoé", "Anne", "Marc")
    write(both.store, JEANNE, SESSION, *(Link(person.id, JEANNE.id) for person in reversed(people)))

    expect(both.view(), SessionView(record=SESSION, identity=JEANNE, contacts=tuple(people)))


@SESSION_VIEWS.law()
def what_is_gone_from_the_directory_is_not_seen(both: StoreAndDirectory) -> None:
    """Contacts that were removed, and all of a condominium that was, are out of the next view."""
    (gone, kept), (elsewhere,) = both.people("Anne", "Zoé"), both.people("Marc")
    write(both.store, JEANNE, SESSION, *(Link(person.id, JEANNE.id) for person in (gone, kept, elsewhere)))

    both.directory.remove_contact(gone.id)
    both.directory.remove_condominium(elsewhere.account.condominium_id)

    expect(both.view(), SessionView(record=SESSION, identity=JEANNE, contacts=(kept,)))


@SESSION_VIEWS.law()
def nobody_sees_another_s_contacts(both: StoreAndDirectory) -> None:
    """Contacts of other logins, or of none, are no part of a view; one that is unlinked is none any more."""
    own, former, another, _ = both.people("Zoé", "Anne", "Marc", "Paul")
    write(both.store, JEANNE, MARC, SESSION, *(Link(person.id, JEANNE.id) for person in (own, former)))
    write(both.store, Link(former.id, MARC.id), Link(another.id, MARC.id))

    expect(both.view(), SessionView(record=SESSION, identity=JEANNE, contacts=(own,)))


@SESSION_VIEWS.law()
def an_orphan_has_a_view_too(both: StoreAndDirectory) -> None:
    """A login without contacts, or with contacts that the directory does not know, is somebody."""
    write(both.store, JEANNE, SESSION)
    alone = both.view()
    write(both.store, Link("nobody", JEANNE.id))

    expect([alone, both.view()], [SessionView(record=SESSION, identity=JEANNE, contacts=())] * 2)


@SESSION_VIEWS.law()
def an_unknown_or_ended_session_has_no_view(both: StoreAndDirectory) -> None:
    """Nobody is behind a token that was never given, or not any more."""
    write(both.store, JEANNE, SESSION)
    others = [both.store.session_view(digest, both.directory) for digest in ("00" * 32, "", *LOOK_ALIKES)]

    with both.store.writing() as work:
        work.sessions.end(SESSION.digest)

    expect([both.view(), *others], [None] * (len(others) + 1))


@SESSION_VIEWS.law()
def a_view_shows_the_present(both: StoreAndDirectory) -> None:
    """What has changed since the session opened is seen in the next view."""
    (person,) = both.people("Zoé")
    write(both.store, JEANNE, SESSION)
    both.view()
    changed = attrs.evolve(JEANNE, credential_stamp=2, last_account_id="account-2")

    with both.store.writing() as work:
        work.identities.save(changed, expected_stamp=1)
        work.sessions.touch(SESSION.digest, at=LATER)
    write(both.store, Link(person.id, JEANNE.id))

    seen = SessionView(record=attrs.evolve(SESSION, last_seen_at=LATER), identity=changed, contacts=(person,))
    expect(both.view(), seen)


@SESSION_VIEWS.law()
def a_directory_elsewhere_is_asked(both: StoreAndDirectory) -> None:
    """A directory that is not in the store's database is asked through its port, beside one that is."""
    apart = StoreAndDirectory(both.store, MemoryDirectory())
    (far,), (near,) = apart.people("Anne"), both.people("Zoé")
    write(both.store, JEANNE, SESSION, *(Link(contact_id, JEANNE.id) for contact_id in {far.id, near.id}))

    expect([view and view.contacts for view in (apart.view(), both.view())], [(far,), (near,)])
