"""Chapter V6 of OWASP ASVS 5.0, authentication: what no other test was written for."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
from starlette.routing import Route
from tests.town import JEANNE, SECRET_KEY, Town, refusal_of

from coproauth import (
    AccountSwitcher,
    ActivationService,
    ConfigurationError,
    Coproauth,
    LoginRefused,
    LoginService,
    Maintenance,
    PasswordChangeRequired,
    PasswordRejected,
    PasswordResetService,
    PersonalData,
    Policy,
    ThrottleRule,
    WaitingMail,
)
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.core.activation_codes import ALPHABET, RANDOM_SYMBOLS
from coproauth.core.audit import Pathway
from coproauth.core.password_policy import violations
from coproauth.core.tokens import PROOF_DIGITS
from coproauth.portal import Desk, create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

_ROOT = Path(__file__).parents[2]
_OTHER = "trois pommes sur un nuage"
_SERVICES = (
    AccountSwitcher,
    ActivationService,
    LoginService,
    Maintenance,
    PasswordResetService,
    PersonalData,
    WaitingMail,
)
_CALLS = {
    f"{service.__name__}.{name}"
    for service in _SERVICES
    for name, _ in inspect.getmembers(service, inspect.isfunction)
    if not name.startswith("_")
}
_LOOKS = {  # they change nothing, and what they are given is no secret that a person chose
    "AccountSwitcher.accounts",
    "ActivationService.activated",
    "LoginService.identifier_of",
    "LoginService.inspect_email",
    "LoginService.session",
    "LoginService.sessions",
    "PasswordResetService.inspect",
    "WaitingMail.backlog",
}
_SET_A_PASSWORD = ("activate", "change_password", "choose_password", "redeem", "set_password")
_PARAMETERS = {
    parameter
    for service in _SERVICES
    for name, method in inspect.getmembers(service, inspect.isfunction)
    if not name.startswith("_")
    for parameter in inspect.signature(method).parameters
}


def _ways_to_set(town: Town, password: str) -> dict[str, Callable[[], object]]:
    """Return every pathway by which a password is set, ready to be walked with one."""
    auth, source = town.auth, town.source
    code = town.code_for(town.contact())
    session = town.move_in("one@example.fr").token
    handed = town.contact()
    town.activate(handed, "two@example.fr")
    temporary = auth.password_reset.set_password(handed.id, by=town.manager).password
    with pytest.raises(PasswordChangeRequired) as required:
        town.log_in("two@example.fr", password=temporary)
    town.move_in("three@example.fr")
    link = town.reset_token("three@example.fr")
    return {
        "activate": lambda: auth.activation.activate(code=code, email=JEANNE, password=password, source=source),
        "change_password": lambda: auth.login.change_password(
            session, current_password=PASSWORD, new_password=password, source=source
        ),
        "choose_password": lambda: auth.login.choose_password(
            required.value.token, new_password=password, source=source
        ),
        "redeem": lambda: auth.password_reset.redeem(link, new_password=password, source=source),
        "set_password": lambda: auth.password_reset.set_password(handed.id, by=town.manager, new_password=password),
    }


def test_v6_1_1_the_page_of_throttling_has_a_row_for_each_limit_with_its_number() -> None:
    """What is counted, on what, and how much is free is what the policy says."""
    page = (_ROOT / "docs" / "explanation" / "throttling.md").read_text("utf-8")
    table = page.partition("\n## On what\n")[2].partition("\n\n|")[0]
    rules = {
        field.name.removeprefix("throttle_"): field.default
        for field in attrs.fields(Policy)
        if isinstance(field.default, ThrottleRule)
    }

    told = dict(re.findall(r"^\| (\w+) \|.*?\| (\d+) free, ", table, re.MULTILINE))

    assert {name: int(told.get(name, "0")) for name in rules} == {
        name: rule.free_attempts for name, rule in rules.items()
    }


@pytest.mark.parametrize("password", ["Syndic-Dupont-2026", "Copropriete2026!", "Les Lilas Jeanne Roche"])
@pytest.mark.parametrize("pathway", _SET_A_PASSWORD)
def test_v6_1_2_context_words_are_refused_wherever_a_password_is_set(town: Town, pathway: str, password: str) -> None:
    """The words of the trade, the names of person and condominium, beside common ones and years."""
    policy = attrs.evolve(cheap_policy(), context_words=(*Policy().context_words, "dupont"))
    town = Town.found(policy=policy)

    with pytest.raises(PasswordRejected) as refusal:
        _ways_to_set(town, password)[pathway]()

    assert "context_word" in refusal.value.violations


@pytest.mark.parametrize("pathway", _SET_A_PASSWORD)
def test_v6_1_3_the_password_policy_is_the_same_on_every_pathway(town: Town, pathway: str) -> None:
    """Fourteen code points are too few, and 1 025 too many, whoever sets them and however he came there."""
    short, long = "quatorze signe", "x" * 1025

    assert "too_short" in _violations(_ways_to_set(town, short)[pathway])
    assert "too_long" in _violations(_ways_to_set(Town.found(), long)[pathway])


def _violations(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(PasswordRejected) as refusal:
        call()
    return refusal.value.violations


@pytest.mark.parametrize(
    "script", ["abcdefghijklmno", "ЖЗИКЛМНОПРСТУФХ", "αβγδεζηθικλμνξο", "あいうえおかきくけこさしすせそ"]
)
def test_v6_2_5_any_fifteen_code_points_of_one_script_are_enough(script: str) -> None:
    """No mixture is asked for; the letters of each alphabet stand in an order that nobody types."""
    password = script[::2] + script[1::2]

    assert "too_short" not in violations(password, context=(), policy=Policy())
    assert not set(violations(password, context=(), policy=Policy())) - {"common"}


def test_v6_2_8_the_last_code_point_of_the_longest_password_counts(town: Town) -> None:
    """Nothing is cut off, folded or trimmed before the hash."""
    longest = "".join(chr(0x4E00 + number) for number in range(1023))
    town.move_in(password=f"{longest}x")

    for near in (f"{longest}y", f"{longest}X", longest, f"{longest} "):
        assert refusal_of(partial(town.log_in, JEANNE, password=near))[0] is LoginRefused
    assert town.log_in(JEANNE, password=f"{longest}x").token


def test_v6_2_9_sixty_four_and_the_longest_are_taken_and_one_more_is_told(town: Town) -> None:
    """At login, one too many is the common refusal: it can be nobody's password."""
    for size, email in ((64, "a@example.fr"), (1024, "b@example.fr")):
        password = "".join(chr(0x4E00 + number) for number in range(size))
        town.move_in(email, password=password)
        assert town.log_in(email, password=password).token

    code = town.code_for(town.contact())
    activate = town.auth.activation.activate
    assert _violations(lambda: activate(code=code, email=JEANNE, password="x" * 1025, source=town.source)) == (
        "too_long",
    )
    assert refusal_of(lambda: town.log_in("b@example.fr", password="x" * 1025))[0] is LoginRefused


def test_v6_2_10_a_password_does_not_grow_old(town: Town) -> None:
    """Ten years later it opens its login, and nobody asks for another."""
    town.move_in()
    town.later(days=3653)

    assert town.log_in(JEANNE).session.email == JEANNE


def test_v6_3_2_nothing_is_built_in(town: Town) -> None:
    """A new store has no login, and no key is taken for granted."""
    for name in ("admin", "root", "demo", "test"):
        assert refusal_of(partial(town.log_in, f"{name}@example.fr", password=name))[0] is LoginRefused
    with town.store.reading() as work:
        assert work.outbox.waiting(limit=1) == []
    for key in ("", "changeme", "x" * 64, SECRET_KEY[:31]):
        with pytest.raises(ConfigurationError):
            Coproauth(
                store=MemoryStore(),
                directory=MemoryDirectory(),
                mailer=MemoryMailer(),
                secret_keys=[key],
                portal_url=PORTAL_URL,
                policy=cheap_policy(),
            )


def test_v6_3_3_that_there_is_one_factor_is_said_where_people_look() -> None:
    """Whoever needs a second one learns it before embedding the library, and no name in it promises one."""
    pages = [(_ROOT / page).read_text("utf-8") for page in ("SECURITY.md", "docs/explanation/threat-model.md")]

    assert all("There is no second factor" in page for page in pages)
    assert not {name for name in _PARAMETERS if "factor" in name or "otp" in name}


def test_v6_3_6_that_a_mailbox_alone_resets_is_said_where_people_look(town: Town) -> None:
    """It is so, and it stands among the known limits."""
    town.move_in()
    town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)

    assert town.log_in(JEANNE, password=_OTHER).token
    assert "Reset is by mail alone" in (_ROOT / "SECURITY.md").read_text("utf-8")


def test_v6_3_4_every_way_in_is_on_the_list_of_pathways_and_no_other() -> None:
    """Calls that try or change something, their names on record, and the forms of the portal."""
    page = (_ROOT / "docs" / "explanation" / "standards.md").read_text("utf-8")
    rows = [
        line.split(" | ")
        for line in page.partition("\n## Pathways\n")[2].partition("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    desk = Desk(manager=lambda _: None, condominiums=lambda _: ())
    app = create_portal(Sandbox.build().auth, desk=desk)
    posted = {route.path for route in app.routes if isinstance(route, Route) and "POST" in (route.methods or ())}

    listed, on_record, forms = (set(re.findall(r"`([^`]+)`", " ".join(row[n] for row in rows))) for n in range(3))

    assert listed == _CALLS - _LOOKS
    assert on_record == set(Pathway) - {Pathway.CONTACTS_IMPORTED, Pathway.ACTIVATIONS_LISTED}  # the latter is a look
    assert forms == posted - {"/locale"}


def test_v6_4_1_an_activation_code_is_never_a_password(town: Town) -> None:
    """It opens no login in the place of one, and cannot be chosen as one, however it is typed."""
    town.move_in()
    code = town.code_for(town.contact())
    activate = town.auth.activation.activate

    assert refusal_of(lambda: town.log_in(JEANNE, password=code))[0] is LoginRefused
    for spelling in (code, code.lower(), code.replace("-", ""), f" {code} "):
        found = _violations(partial(activate, code=code, email="x@example.fr", password=spelling, source=town.source))
        assert "context_word" in found


def test_v6_4_2_no_hint_and_no_question_is_kept_or_asked_for() -> None:
    """No public method has a place for one."""
    assert not {name for name in _PARAMETERS if "hint" in name or "question" in name or "answer" in name}


def test_v6_4_3_a_reset_opens_nothing(town: Town) -> None:
    """Whatever stands behind the login page, a second factor of the host's included, is not gone round by a link."""
    town.move_in()

    answer = town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)  # type: ignore[func-returns-value]

    assert answer is None
    assert refusal_of(lambda: town.log_in(JEANNE))[0] is LoginRefused
    assert town.log_in(JEANNE, password=_OTHER).token


def test_v6_5_4_what_is_typed_has_at_least_twenty_bits() -> None:
    """The code has 75 bits, the six digits 20; both are slowed as well."""
    assert RANDOM_SYMBOLS * math.log2(len(ALPHABET)) == 75
    assert PROOF_DIGITS * math.log2(10) > 19.9


def test_v6_5_5_each_secret_has_an_end(town: Town) -> None:
    """No field of the policy that is a lifetime may be without bound, and mailed ones have ASVS's own."""
    policy = town.auth.policy

    assert policy.email_code_lifetime <= timedelta(minutes=10)
    assert max(policy.reset_link_lifetime, policy.email_link_lifetime) <= timedelta(hours=24)
    assert policy.choose_password_lifetime <= timedelta(hours=1)
    assert policy.temporary_password_lifetime <= timedelta(days=7)
    assert policy.code_lifetime <= timedelta(days=30)
