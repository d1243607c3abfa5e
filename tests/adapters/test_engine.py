"""What an engine of ours is made of: settings that bound every wait, beside those of the address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.servers import PostgresServer

from coproauth import ConfigurationError
from coproauth.adapters.sqlalchemy import EngineSettings, sql_engine


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pool_size", 0),
        ("pool_size", -1),
        ("pool_overflow", -1),
        ("pool_timeout", timedelta(0)),
        ("connect_timeout", timedelta(seconds=-1)),
        ("statement_timeout", timedelta(0)),
        ("statement_timeout", timedelta(microseconds=999)),
        ("statement_timeout", timedelta(days=1, microseconds=1)),
    ],
)
def test_a_setting_that_bounds_nothing_is_refused(name: str, value: object) -> None:
    """Nothing and less is "for ever" to one driver or another, and nothing at all to the next."""
    settings: dict[str, Any] = {name: value}

    with pytest.raises(ConfigurationError, match=name):
        EngineSettings(**settings)


def test_an_address_of_another_kind_is_told_how_ours_begin() -> None:
    """Many platforms hand out ``postgres://``: that PostgreSQL is wanted would help nobody."""
    with pytest.raises(ConfigurationError, match=r"postgres://….*postgresql://") as refused:
        sql_engine("postgres://portal:secret@127.0.0.1/portail")

    assert "secret" not in str(refused.value)


def test_options_in_the_address_hold_beside_ours(postgres_server: PostgresServer) -> None:
    """A search path is how a firm keeps our tables in a schema of their own; no wait is lengthened that way."""
    options = "-csearch_path%3Dportail%20-cstatement_timeout%3D0%20-crandom_page_cost%3D2"
    engine = sql_engine(f"{postgres_server.url()}?options={options}")

    with engine.connect() as connection:
        names = ("search_path", "statement_timeout", "random_page_cost")
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    engine.dispose()

    assert shown == ["portail", "10s", "2"]
