"""A form sent twice by a double click, where no script holds the second back: done once, answered twice alike."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth.core.messages import EmailProofMessage
from coproauth.portal import create_portal
from coproauth.portal.repeats import Answer, Repeats
from coproauth.portal.visits import Page
from coproauth.testing import FakeClock
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox

JEANNE = "jeanne@example.fr"
CHOSEN = "quatre nuages violets"
Click = Callable[..., tuple[Response, Response]]


@pytest.fixture(params=["that kept the first answer", "that dropped the first answer"])
def click_twice(request: pytest.FixtureRequest, browser: Browser, open_browser: Callable[[], Browser]) -> Click:
    """What sends one form twice: the browser may have taken the cookies of the first answer by the second click."""

    def click(path: str, **fields: str) -> tuple[Response, Response]:
        sent = {"form_token": browser.form_token(), **fields}
        before = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.client.cookies.jar)
        first = browser.send(path, sent)
        if request.param == "that kept the first answer":
            return first, browser.send(path, sent)
        as_before = open_browser()
        as_before.client.headers["cookie"] = before
        return first, as_before.send(path, sent)

    return click


def _is_told_twice(answers: tuple[Response, Response], location: str) -> bool:
    """Whether both lead to a page, with the same cookies."""
    first, second = answers
    return first.headers["location"] == location and first.headers.multi_items() == second.headers.multi_items()


class TestDoubleClick:
    """Nobody is told that his own first click has used the code, the link or the form."""

    def test_of_an_activation(self, sandbox: Sandbox, browser: Browser, click_twice: Click) -> None:
        """The account is opened, and whoever clicked is logged in."""
        code = sandbox.code_for(sandbox.contact(condominium="Les Lilas"))
        page = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD).text
        typed_before = re.findall(r'name="typed_before" value="([^"]+)"', page)[0]
        fields = {"code": code, "email": JEANNE, "new_password": PASSWORD, "typed_before": typed_before}

        answers = click_twice("/activate/proof", **fields, email_code=sandbox.digits_for(JEANNE))

        assert _is_told_twice(answers, "/")
        assert "<h1>Les Lilas</h1>" in browser.get("/").text

    def test_of_the_step_that_asks_for_digits(self, sandbox: Sandbox, click_twice: Click) -> None:
        """One message is sent, so that its digits are the ones that count."""
        code = sandbox.code_for(sandbox.contact())

        click_twice("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)

        assert len([mail for mail in sandbox.mail_to(JEANNE) if isinstance(mail, EmailProofMessage)]) == 1

    def test_of_a_reset(self, sandbox: Sandbox, browser: Browser, click_twice: Click) -> None:
        """The new password is set, and the login page says so."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.post("/forgotten-password", email=JEANNE)
        browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")

        assert _is_told_twice(click_twice("/reset", new_password=CHOSEN), "/login")

    def test_of_the_choice_of_a_password(self, sandbox: Sandbox, browser: Browser, click_twice: Click) -> None:
        """Nobody is asked for the temporary one again."""
        sandbox.activate(contact := sandbox.contact(), JEANNE)
        browser.log_in(JEANNE, sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager).password)

        assert _is_told_twice(click_twice("/choose-password", new_password=CHOSEN), "/")

    def test_of_a_log_in(self, sandbox: Sandbox, browser: Browser, click_twice: Click) -> None:
        """One session is opened, and no page has expired."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.get("/login")

        answers = click_twice("/login", email=JEANNE, password=PASSWORD)

        assert _is_told_twice(answers, "/")
        assert browser.get("/profile/sessions").text.count('class="agent"') == 2  # the sandbox's own, and this one

    def test_of_a_further_account(self, sandbox: Sandbox, browser: Browser, click_twice: Click) -> None:
        """Its code was not used by somebody else."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.log_in(JEANNE, PASSWORD)

        assert _is_told_twice(click_twice("/accounts/add", code=sandbox.code_for(sandbox.contact())), "/")

    def test_of_a_manager(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """The password on the page is the one that opens."""
        sandbox.activate(contact := sandbox.contact(), JEANNE)
        path = f"/desk/contacts/{contact.id}/password"
        form_id = re.findall(r'name="form_id" value="([^"]+)"', manager_browser.get(path).text)[0]

        pages = [manager_browser.post(path, form_id=form_id).text for _ in range(2)]

        temporary = re.findall(r"<code>([^<]+)</code>", pages[1])[0]
        assert pages[0] == pages[1]
        assert "Choisissez votre mot de passe" in manager_browser.log_in(JEANNE, temporary).text


def test_another_browser_is_not_let_into_the_session(
    sandbox: Sandbox, browser: Browser, open_browser: Callable[[], Browser]
) -> None:
    """Nobody is logged in as somebody else by a form that a page elsewhere sends again."""
    sandbox.activate(sandbox.contact(), JEANNE)
    sent = {"form_token": browser.form_token(), "email": JEANNE, "password": PASSWORD}
    browser.send("/login", sent)

    answer = open_browser().send("/login", sent)

    assert answer.status_code == 403
    assert "__Host-coproauth_session" not in answer.headers.get("set-cookie", "")


def test_a_form_of_the_host_is_sent_as_often_as_it_comes(sandbox: Sandbox) -> None:
    """Only the host knows whether two equal ones are meant."""
    taken: list[str] = []

    def take(_: object) -> PlainTextResponse:
        taken.append("a payment")
        return PlainTextResponse("taken")

    app = create_portal(sandbox.auth, extra_pages=[Page(path="/payments", post=take)])
    browser = Browser(TestClient(app, base_url=PORTAL_URL))

    for _ in range(2):
        browser.post("/payments", cents="100")

    assert taken == ["a payment"] * 2


class TestRepeats:
    """What is kept of the forms of a moment."""

    def _kept(self, clock: FakeClock) -> tuple[Repeats, list[int], Callable[[int], Answer]]:
        done: list[int] = []

        def do(status: int) -> Answer:
            done.append(status)
            return Answer(PlainTextResponse(str(len(done)), status_code=status))

        return Repeats(clock=clock), done, do

    def test_a_second_one_waits_for_the_first(self) -> None:
        """It came while the first was being done."""
        repeats, done, do = self._kept(FakeClock())
        name, answers = repeats.name("/login", {"email": JEANNE}), []
        second = threading.Thread(target=lambda: answers.append(repeats.once(name, lambda: do(303))))

        def do_slowly() -> Answer:
            second.start()
            return do(303)

        answers.append(repeats.once(name, do_slowly))
        second.join()

        assert answers[0] is answers[1]
        assert done == [303]

    def test_a_moment_later_it_is_another(self) -> None:
        """Whoever comes back to the page means it."""
        clock = FakeClock()
        repeats, done, do = self._kept(clock)
        name = repeats.name("/login", {})
        repeats.once(name, lambda: do(303))
        clock.advance(timedelta(seconds=5))

        repeats.once(name, lambda: do(303))

        assert len(done) == 2

    def test_what_was_refused_may_be_sent_again_at_once(self) -> None:
        """Also where it went wrong without any answer."""
        repeats, done, do = self._kept(FakeClock())
        name = repeats.name("/login", {})
        repeats.once(name, lambda: do(422))
        with pytest.raises(ZeroDivisionError):
            repeats.once(name, lambda: do(1 // 0))

        repeats.once(name, lambda: do(303))

        assert done == [422, 303]

    def test_forms_differ_by_page_and_by_each_field(self) -> None:
        """No two of these are one."""
        repeats, _, _ = self._kept(FakeClock())
        forms = [("/a", {}), ("/b", {}), ("/a", {"x": ""}), ("/a", {"x": "\ud800"}), ("/a", {"x": "', 'y': '"})]

        assert len({repeats.name(path, form) for path, form in forms}) == len(forms)

    def test_no_more_than_a_thousand_are_kept(self) -> None:
        """A flood of forms fills no memory: the oldest is done again."""
        repeats, done, do = self._kept(FakeClock())
        names = [repeats.name("/login", {"email": str(number)}) for number in range(1001)]
        for name in names:
            repeats.once(name, lambda: do(303))

        for name in (names[-1], names[0]):
            repeats.once(name, lambda: do(303))

        assert len(done) == 1002
