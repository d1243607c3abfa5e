"""The guide of the demonstration: what it says of each situation, while its visitor changes one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from tests.portal.conftest import Browser

from coproauth import Manager, PasswordChangeRequired, Source
from coproauth.portal.demo import Demo
from coproauth.portal.demo.hints import Hint
from coproauth.portal.demo.town import FIRMS
from coproauth.portal.words import load_texts

_SOURCE = Source("192.0.2.1")
_LEMAIRE = Manager(id="claire-lemaire", portfolio_id="lemaire")
_CHOSEN = "quatre nuages violets"
_TITLE = re.compile(r'<dt>([^<]+?)(?: <span class="badge">([^<]+)</span>)?(?: <a class="number"[^>]+>S\d+</a>)*</dt>')


@pytest.fixture
def marks(visitor: Browser) -> Callable[[], dict[str, str]]:
    """What reads the guide: the mark of each situation that has one, by the situation's key."""
    keys = {text: key.removeprefix("demo.show.") for key, text in load_texts("fr").items() if "demo.show." in key}

    def read() -> dict[str, str]:
        found = _TITLE.findall(visitor.get("/demo").text)
        return {keys[unescape(title)]: mark for title, mark in found if mark}

    return read


def _hint(demo: Demo, shows: str) -> Hint:
    return next(hint for hint in demo.hints if hint.shows == shows)


def _contact_id(demo: Demo, shows: str) -> str:
    (contact_id,) = _hint(demo, shows).contact_ids
    return contact_id


def _activate(demo: Demo, shows: str) -> None:
    """Add the account of a hint's code to the login that is hinted at with it."""
    hint = _hint(demo, shows)
    demo.auth.activation.activate(code=hint.code or "", email=hint.email or "", password=demo.password, source=_SOURCE)


def _change_password(demo: Demo, email: str) -> None:
    token = demo.auth.login.log_in(email=email, password=demo.password, source=_SOURCE).token
    demo.auth.login.change_password(token, current_password=demo.password, new_password=_CHOSEN, source=_SOURCE)


def _delete(demo: Demo, name: str) -> None:
    for firm in FIRMS:
        for condominium in demo.directory.condominiums(firm.portfolio_id):
            if condominium.name == name:
                demo.directory.remove_condominium(condominium.id)


def test_nothing_is_marked_at_first(marks: Callable[[], dict[str, str]]) -> None:
    """Everything that is hinted at can be tried."""
    assert marks() == {}


class TestACode:
    """The code of a hint, looked up as the store has it now."""

    def test_one_that_was_used_is_marked(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """And the login that it changed with it: two accounts are no longer one."""
        _activate(demo, "second_property")

        assert marks() == {"second_property": "Déjà utilisé", "one_account": "Modifié depuis"}

    def test_one_that_was_used_stays_so_after_a_dissociation(
        self, demo: Demo, marks: Callable[[], dict[str, str]]
    ) -> None:
        """Its contact has no login any more, and the code works no better for that."""
        _activate(demo, "second_property")

        demo.auth.activation.dissociate(_contact_id(demo, "second_property"), by=_LEMAIRE)

        assert marks() == {"second_property": "Déjà utilisé"}

    @pytest.mark.parametrize("shows", ["onboarding", "undivided", "orphan_returns", "used_code", "expired_code"])
    def test_one_that_another_replaced_is_marked(
        self, demo: Demo, marks: Callable[[], dict[str, str]], shows: str
    ) -> None:
        """The manager issued a new one, and this one reads as unknown, whatever it showed before."""
        demo.auth.activation.issue(_contact_id(demo, shows), by=_LEMAIRE)

        assert marks() == {shows: "Remplacé ou annulé"}

    def test_one_that_a_dissociation_revoked_is_marked(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """The code that shows how a used one is refused is unknown from then on."""
        demo.auth.activation.dissociate(_contact_id(demo, "used_code"), by=_LEMAIRE)

        assert marks() == {"used_code": "Remplacé ou annulé"}


class TestALogin:
    """The login of a hint, with its password and what it opens."""

    def test_a_temporary_password_that_was_replaced_by_its_owner_is_marked(
        self, demo: Demo, marks: Callable[[], dict[str, str]]
    ) -> None:
        """Logging in with it is not yet using it up."""
        odile = _hint(demo, "temporary")
        with pytest.raises(PasswordChangeRequired) as required:
            demo.auth.login.log_in(email=odile.email or "", password=odile.password or "", source=_SOURCE)
        halfway = marks()

        demo.auth.login.choose_password(required.value.token, new_password=_CHOSEN, source=_SOURCE)

        assert halfway == {}
        assert marks() == {"temporary": "Déjà utilisé"}

    def test_a_temporary_password_that_another_replaced_is_marked(
        self, demo: Demo, marks: Callable[[], dict[str, str]]
    ) -> None:
        """The manager handed over a new one."""
        demo.auth.password_reset.set_password(_contact_id(demo, "temporary"), by=_LEMAIRE)

        assert marks() == {"temporary": "Remplacé ou annulé"}

    def test_one_with_another_password_is_marked(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """The password on the page no longer opens it."""
        _change_password(demo, "marc.dubois@example.com")

        assert marks() == {"forgotten": "Modifié depuis"}

    def test_one_that_was_dissociated_is_marked(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """It opens no longer what the page says."""
        demo.auth.activation.dissociate(_contact_id(demo, "couple_two_logins"), by=_LEMAIRE)

        assert marks() == {"couple_two_logins": "Modifié depuis"}

    def test_an_orphan_who_came_back_is_marked(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """She has an account again."""
        _activate(demo, "orphan_returns")

        assert marks() == {"orphan_returns": "Déjà utilisé", "orphan": "Modifié depuis"}

    def test_logging_in_changes_nothing(self, demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
        """What can be tried again is not marked."""
        demo.auth.login.log_in(email="marc.dubois@example.com", password=demo.password, source=_SOURCE)

        assert marks() == {}


def test_the_first_condominium_to_delete_takes_no_situation_along(
    visitor: Browser, marks: Callable[[], dict[str, str]]
) -> None:
    """Whoever presses the button without a choice can go on with every hint."""
    first = re.search(r'<option value="([^"]+)">', visitor.get("/demo").text)
    assert first

    visitor.post("/demo/condominiums/remove", condominium_id=first[1])

    assert load_texts("fr")["notice.condominium_removed"] in visitor.get("/demo").text
    assert load_texts("fr")["demo.state.gone"] not in marks().values()


def test_what_a_deleted_condominium_took_along_is_marked(demo: Demo, marks: Callable[[], dict[str, str]]) -> None:
    """Codes for it, and logins that opened something in it."""
    _delete(demo, "12 rue des Lilas")

    assert marks() == dict.fromkeys(
        ("several_accounts", "forgotten", "undivided", "orphan_returns"), "Copropriété supprimée"
    )


def test_no_code_that_works_is_on_disk(demo: Demo, visitor: Browser, tmp_path: Path) -> None:
    """The guide follows what becomes of a code without anybody's having stored it."""
    visitor.get("/demo")

    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    codes = {hint.shows: (hint.code or "").encode() for hint in demo.hints if hint.code}
    assert {shows for shows, code in codes.items() if code in on_disk} == {"used_code"}


class TestTheSituations:
    """S1 to S12, as the guide numbers them."""

    @pytest.fixture(params=["fr", "en"])
    def page(self, request: pytest.FixtureRequest, visitor: Browser) -> str:
        """The guide in each language."""
        return visitor.get("/demo", **{"accept-language": str(request.param)}).text

    def test_each_number_has_its_title_in_plain_words(self, page: str) -> None:
        """Twelve titles in their order, all different, and each a sentence of its own without numbers."""
        listed = re.findall(r'<li id="s(\d+)"><b>S(\d+)</b> ([^<]+)</li>', page)

        assert [(anchor, number) for anchor, number, _ in listed] == [(str(n), str(n)) for n in range(1, 13)]
        assert len({title for _, _, title in listed}) == 12
        assert not any(re.search(r"S\d", title) for _, _, title in listed)

    def test_each_number_that_is_named_leads_to_its_title(self, page: str) -> None:
        """A reader who meets S9 beside a name is one click from what it means; none is left to be looked up."""
        linked = re.findall(r'<a class="number" href="#s(\d+)">S(\d+)</a>', page)

        assert set(linked) == {(str(n), str(n)) for n in range(1, 13)}
        assert not re.search(r"\bS\d", "".join(re.findall("<(?:dt|h2)>([^<]+)<", page.partition('id="situations"')[0])))


def test_the_option_that_starts_over_is_not_broken_across_lines(visitor: Browser) -> None:
    """It is typed as it stands."""
    assert '<code class="whole">--reset</code>' in visitor.get("/demo").text


def test_the_guide_tells_how_codes_are_printed_and_which_language_mail_is_in(visitor: Browser) -> None:
    """Whoever plays the manager in English is not surprised by French letters, nor by mail in two languages."""
    page = visitor.get("/demo", **{"accept-language": "en"}).text

    assert "in French" in page
    assert "Ctrl + P" in page
    assert "in the language of the page it was asked for on" in page
