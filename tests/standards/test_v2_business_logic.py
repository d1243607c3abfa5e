"""Chapter V2 of OWASP ASVS 5.0, validation and business logic: what no other test was written for."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import ActivationRefused, NotAllowed, Policy, Source, SwitchRefused, Throttled, ThrottleRule
from coproauth.core.accounts import ID_MAX_LENGTH
from coproauth.core.activation_codes import RANDOM_SYMBOLS, TYPED_MAX_LENGTH
from coproauth.core.identities import EMAIL_MAX_LENGTH
from coproauth.core.tokens import PROOF_DIGITS, TOKEN_MAX_LENGTH
from coproauth.testing.sandbox import PASSWORD, cheap_policy

_PAGES = Path(__file__).parents[2] / "docs" / "reference"
_OTHER = "trois pommes sur un nuage"


def test_v2_1_1_the_page_of_inputs_tells_each_limit() -> None:
    """What is accepted can be looked up, with the numbers of the code."""
    page = (_PAGES / "inputs.md").read_text("utf-8")
    policy = Policy()

    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}

    for what, limit in (
        ("e-mail", EMAIL_MAX_LENGTH),
        ("password", policy.password_min_length),
        ("password", policy.password_max_length),
        ("activation code", RANDOM_SYMBOLS + 1),
        ("activation code", TYPED_MAX_LENGTH),
        ("six digits", PROOF_DIGITS),
        ("token of a link", TOKEN_MAX_LENGTH),
        ("identifier", ID_MAX_LENGTH),
    ):
        assert f"{limit}" in rows[what].replace("\u00a0", ""), (what, limit)


def test_v2_2_3_a_code_is_its_contacts_and_a_contact_its_managers(town: Town) -> None:
    """Neither another manager, nor another contact, nor another session makes anything of it."""
    mine, theirs = town.contact(), town.contact("Marc Dubois", portfolio_id="portfolio-2")
    town.move_in()
    code = town.code_for(theirs)

    assert refusal_of(lambda: town.auth.activation.issue(theirs.id, by=town.manager))[0] is NotAllowed
    assert refusal_of(lambda: town.auth.activation.dissociate(theirs.id, by=town.manager))[0] is NotAllowed
    opened = town.activate_with(code, "marc@example.fr").session

    assert [account.id for account in opened.accounts] == [theirs.account.id]
    assert town.auth.activation.activated(mine.account.condominium_id, by=town.manager) == frozenset()
    session = town.log_in(JEANNE).token
    assert refusal_of(lambda: town.auth.activation.link(session, code=code, source=town.source))[0] is ActivationRefused
    assert refusal_of(lambda: town.auth.accounts.switch(session, account_id=theirs.account.id))[0] is SwitchRefused


def _floods(town: Town) -> dict[str, Callable[[], object]]:
    """Return what may be called again and again by who guesses, or has mail sent."""
    auth, source = town.auth, town.source
    session = town.move_in().token
    code = town.code_for(town.contact())
    unknown = "0000-0000-0000-0000"
    change = auth.login.change_password
    return {
        "log_in": lambda: town.log_in("nobody@example.fr"),
        "reauthenticate": lambda: auth.login.reauthenticate(session, password=_OTHER, source=source),
        "change_password": lambda: change(session, current_password="x", new_password=_OTHER, source=source),
        "change_email": lambda: auth.login.change_email(
            session, new_email="new@example.fr", current_password=PASSWORD, source=source
        ),
        "confirm_email": lambda: auth.login.confirm_email("x", source=source),
        "choose_password": lambda: auth.login.choose_password("x", new_password=_OTHER, source=source),
        "preview": lambda: auth.activation.preview(unknown, source=source),
        "link": lambda: auth.activation.link(session, code=unknown, source=source),
        "activate": lambda: auth.activation.activate(code=code, email=JEANNE, password=_OTHER, source=source),
        "prove": lambda: auth.activation.activate(code=code, email="new@example.fr", password=PASSWORD, source=source),
        "request": lambda: auth.password_reset.request(email=JEANNE, source=source),
        "redeem": lambda: auth.password_reset.redeem("x", new_password=_OTHER, source=source),
    }


@pytest.mark.parametrize("name", list(_floods(Town.found())))
def test_v2_4_1_whoever_floods_a_pathway_must_wait(town: Town, name: str) -> None:
    """Sixty calls at one instant: the last is refused for its number alone, and no mailbox got more than five mails."""
    call = _floods(town)[name]
    town.auth.deliver_mail()
    town.mailer.sent.clear()

    answers = [_reason(call) for _ in range(60)]
    town.auth.deliver_mail()

    assert answers[-1] == Throttled.__name__
    assert max(Counter(mail.to for mail in town.mailer.sent).values(), default=0) <= 5


def _reason(call: Callable[[], object]) -> str:
    try:
        return refusal_of(call)[0].__name__
    except AssertionError:
        return "answered"


_RULES = {field.name for field in attrs.fields(Policy) if isinstance(field.default, ThrottleRule)}


def _only(name: str) -> Policy:
    """Return a policy under which nothing is slowed but what one rule is about."""
    free = attrs.evolve(Policy().throttle_source, free_attempts=100_000)
    others: dict[str, ThrottleRule] = dict.fromkeys(_RULES - {name}, free)
    return attrs.evolve(cheap_policy(), **others)  # type: ignore[arg-type]


def _guesses(town: Town) -> dict[str, Callable[[], object]]:
    """Return, for each rule, what is counted by it."""
    auth, source = town.auth, town.source
    known = attrs.evolve(source, device_token=town.move_in().device_token)
    contact = town.contact()
    code = town.code_for(contact)
    busy = attrs.evolve(town.manager, id="manager-9")
    elsewhere, numbers = Source("198.51.100.7"), itertools.count()
    return {
        "throttle_login": lambda: town.log_in("nobody@example.fr"),
        "throttle_device": lambda: auth.login.log_in(email=JEANNE, password=_OTHER, source=known),
        "throttle_portal": lambda: town.log_in(f"{next(numbers)}@x.fr"),
        "throttle_manager": lambda: auth.password_reset.set_password(contact.id, by=busy),
        "throttle_code": lambda: auth.activation.activate(code=code, email=JEANNE, password=_OTHER, source=source),
        "throttle_source": lambda: auth.login.log_in(email=f"{next(numbers)}@x.fr", password="x", source=source),
        "throttle_requests": lambda: auth.password_reset.request(email=f"{next(numbers)}@x.fr", source=elsewhere),
        "throttle_mail": lambda: auth.activation.activate(
            code=code, email="new@example.fr", password=PASSWORD, source=source
        ),
    }


@pytest.mark.parametrize("name", sorted(_RULES))
def test_v2_1_3_each_limit_holds_at_its_number_and_not_before(name: str) -> None:
    """So many are answered, and one more must wait; the number is that of the settings."""
    town = Town.found(policy=_only(name))
    rule: ThrottleRule = getattr(Policy(), name)
    call = _guesses(town)[name]

    answers = [_reason(call) for _ in range(rule.free_attempts + 1)]

    assert Throttled.__name__ not in answers[:-1]
    assert answers[-1] == Throttled.__name__
