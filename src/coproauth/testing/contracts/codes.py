"""Activation codes within a unit of work: used once, or revoked."""

from __future__ import annotations

import attrs

from coproauth.core.activation import CodeRecord
from coproauth.ports import Store
from coproauth.testing.contracts.law import Contract, expect, expect_false, expect_true
from coproauth.testing.contracts.samples import CODE, JEANNE, LATER, MARC, NOW, codes, write

CODES = Contract[Store]("codes")

_OTHER = attrs.evolve(CODE, id="code-2", contact_id="contact-2", index="ef" * 32)


def _stored(store: Store, code: CodeRecord) -> CodeRecord | None:
    with store.reading() as work:
        return work.codes.by_index([code.index])


@CODES.law()
def a_code_is_found_by_any_of_its_indices(store: Store) -> None:
    """The code that has one of the indices is found; among none of them, none."""
    write(store, CODE, _OTHER)

    with store.reading() as work:
        found = [work.codes.by_index(indices) for indices in (["00", _OTHER.index], [CODE.index], ["00"], [])]

    expect(found, [_OTHER, CODE, None, None])


@CODES.law()
def an_index_is_compared_exactly(store: Store) -> None:
    """An index in capitals, or with a space behind, is another."""
    write(store, CODE)

    with store.reading() as work:
        expect(work.codes.by_index([CODE.index.upper(), f"{CODE.index[:-1]} ", CODE.index[:-1]]), None)


@CODES.law()
def a_code_is_consumed_once(store: Store) -> None:
    """Whoever comes second is told so, and changes nothing of who used the code and when."""
    write(store, JEANNE, MARC, CODE, _OTHER)
    with store.writing() as work:
        expect_true(work.codes.consume(CODE.id, identity_id=JEANNE.id, at=NOW))
        expect_false(work.codes.consume(CODE.id, identity_id=JEANNE.id, at=LATER), of="in the same unit")

    with store.writing() as work:
        expect_false(work.codes.consume(CODE.id, identity_id=MARC.id, at=LATER), of="in a later unit")

    used = attrs.evolve(CODE, used_at=NOW, used_by=JEANNE.id)
    expect((_stored(store, CODE), _stored(store, _OTHER)), (used, _OTHER))


@CODES.law()
def what_is_not_there_is_not_consumed(store: Store) -> None:
    """A code that does not exist cannot be used."""
    write(store, JEANNE)

    with store.writing() as work:
        expect_false(work.codes.consume(CODE.id, identity_id=JEANNE.id, at=NOW))


@CODES.law()
def a_revoked_code_is_not_consumed(store: Store) -> None:
    """A revoked code opens nothing any more."""
    write(store, JEANNE, CODE)

    with store.writing() as work:
        work.codes.revoke_of(CODE.contact_id, at=NOW)
        expect_false(work.codes.consume(CODE.id, identity_id=JEANNE.id, at=LATER))

    expect(_stored(store, CODE), attrs.evolve(CODE, revoked_at=NOW))


@CODES.law()
def revoking_is_for_every_code_of_one_contact(store: Store) -> None:
    """All codes of the contact are revoked, and no other's."""
    own = codes(3)
    write(store, *own, _OTHER)

    with store.writing() as work:
        work.codes.revoke_of(CODE.contact_id, at=LATER)

    expect([_stored(store, code) for code in own], [attrs.evolve(code, revoked_at=LATER) for code in own])
    expect(_stored(store, _OTHER), _OTHER)


@CODES.law()
def revoking_is_for_good(store: Store) -> None:
    """A code that is revoked again was revoked when it was revoked first."""
    write(store, CODE)

    for at in (NOW, LATER):
        with store.writing() as work:
            work.codes.revoke_of(CODE.contact_id, at=at)

    expect(_stored(store, CODE), attrs.evolve(CODE, revoked_at=NOW))


@CODES.law()
def a_code_added_after_revoking_stands(store: Store) -> None:
    """Revoking is for what there was: a code that is issued in the same unit, after it, can be used."""
    old, new = codes(2)
    write(store, JEANNE, old)

    with store.writing() as work:
        work.codes.revoke_of(old.contact_id, at=NOW)
        work.codes.add(new)

    with store.writing() as work:
        expect_true(work.codes.consume(new.id, identity_id=JEANNE.id, at=LATER))


@CODES.law()
def a_code_has_one_pending_proof(store: Store) -> None:
    """A new proof takes the place of the former one, and of nothing else."""
    write(store, CODE, _OTHER)
    first = {"email_key": JEANNE.email_key, "nonce": "1" * 32}
    second = {"email_key": MARC.email_key, "nonce": "2" * 32}

    with store.writing() as work:
        work.codes.ask_proof(CODE.id, **first, at=NOW)
        work.codes.ask_proof(CODE.id, **second, at=LATER)

    asked = attrs.evolve(CODE, proof_email_key=MARC.email_key, proof_nonce="2" * 32, proof_requested_at=LATER)
    expect((_stored(store, CODE), _stored(store, _OTHER)), (asked, _OTHER))
