"""A login that changes while a reset link is asked for, between the look for it and the mail to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.mailers import waiting
from tests.town import JEANNE, Town

from coproauth.adapters.memory import MemoryStore
from coproauth.core.messages import ConfirmEmailMessage, ResetLinkMessage
from coproauth.ports import UnitOfWork
from coproauth.testing.sandbox import PASSWORD

_NEW = "jeanne.roche@example.fr"


class _BusyStore(MemoryStore):
    """Lets something happen once, after a look."""

    meanwhile: Callable[[], object] | None = None

    def reading(self) -> AbstractContextManager[UnitOfWork]:  # type: ignore[override]
        """Open a view."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[UnitOfWork]:
        with super().reading() as work:
            yield work
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()


def _password_changed(town: Town) -> Callable[[], object]:
    token = town.log_in(JEANNE).token
    return lambda: town.auth.login.change_password(
        token, current_password=PASSWORD, new_password="trois pommes sur un nuage", source=town.source
    )


def _email_changed(town: Town) -> Callable[[], object]:
    token = town.log_in(JEANNE).token
    town.auth.login.change_email(token, new_email=_NEW, current_password=PASSWORD, source=town.source)
    confirmation = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]
    return lambda: town.auth.login.confirm_email(confirmation, source=town.source)


def _login_removed(town: Town) -> Callable[[], object]:
    return lambda: town.auth.personal_data.erase(JEANNE)


@pytest.mark.parametrize("change", [_password_changed, _email_changed, _login_removed])
def test_no_link_is_sent_to_a_login_that_has_changed(change: Callable[[Town], Callable[[], object]]) -> None:
    """Neither to its former address nor to another: the mail is void, and nothing is left of it."""
    store = _BusyStore()
    town = Town.found(store=store)
    town.move_in()
    store.meanwhile = change(town)

    town.auth.password_reset.request(email=JEANNE, source=town.source)

    assert store.meanwhile is None
    assert town.mail(ResetLinkMessage) == []
    assert waiting(town) == []
