"""``coproauth doctor``: one line for each check, and what to do about what is not well."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from tests.commands.conftest import HOST, PASSWORD, Post, Submission
from tests.engines import SERVERS
from tests.installation import KEY, Installation, install, mail
from tests.servers import RedisServer, skipped_if_missing

from coproauth import Policy
from coproauth.commands import doctor
from coproauth.testing.fakes import FakeClock

LAST = Policy().mail_tries

Examine = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Run the doctor; return the status, and the lines that tell of something to be done."""

    def examine(installation: Installation, *, clock: FakeClock | None = None) -> tuple[int, list[str]]:
        capsys.readouterr()
        if clock is None:
            status = installation.run("doctor")
        else:
            status = doctor.report(argparse.Namespace(config=installation.file), clock)
        lines = capsys.readouterr().out.splitlines()
        assert all(line.startswith(("ok   ", "FAIL ")) for line in lines)
        return status, [line for line in lines if not line.startswith("ok   ")]

    return examine


@pytest.fixture
def healthy(installation: Installation, post: Post) -> Installation:
    """An installation that lacks nothing."""
    return _make_healthy(installation, post)


@pytest.fixture(params=SERVERS)
def healthy_on_server(request: pytest.FixtureRequest, tmp_path: Path, post: Post) -> Installation:
    """An installation that lacks nothing, on a database server of each kind in turn."""
    return _make_healthy(install(request.param, request, tmp_path), post)


def _make_healthy(installation: Installation, post: Post) -> Installation:
    installation.configure(post.settings)
    installation.run("schema", "create")
    return installation


def _execute(installation: Installation, statement: str) -> None:
    with installation.open() as configuration, configuration.engine().begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_healthy_installation_has_no_findings(
    each_installation: Installation, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every part is told, and the status is 0."""
    healthy = _make_healthy(each_installation, post)
    capsys.readouterr()

    status = healthy.run("doctor")

    lines = capsys.readouterr().out.splitlines()
    parts = {line.removeprefix("ok   ").partition(": ")[0] for line in lines}
    assert status == 0
    assert all(line.startswith("ok   ") for line in lines)
    assert parts - {"database clock"} == {
        "configuration",
        "portal_url",
        "secret_keys",
        "hashing",
        "breaches",
        "database",
        "database schema",
        "redis",
        "smtp",
        "outbox",
    }


@pytest.mark.parametrize(
    ("settings", "can_lend", "told"),
    [
        ("hashes_at_once = 2", True, "2 at once in a process, 64 MiB each, kept for 60 s after the last"),
        ("hashes_at_once = 2\nhash_memory_kept = 0", True, "64 MiB each, given back after each (hash_memory_kept)"),
        ("hashes_at_once = 3", False, "3 at once in a process, 64 MiB each, taken anew for each: these bindings"),
    ],
    ids=["kept", "switched off", "other bindings"],
)
def test_what_memory_hashes_take_is_told(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    settings: str,
    can_lend: bool,
    told: str,
) -> None:
    """How much at once, and whether it is kept."""
    installation.configure(f"[policy]\n{settings}\n")
    monkeypatch.setattr("coproauth.commands.doctor.settings.can_lend", lambda: can_lend)

    installation.run("doctor")

    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ok   hashing: ")]
    assert told in line


def test_without_a_configuration_nothing_else_is_looked_at(installation: Installation, examine: Examine) -> None:
    """The one line says what is wrong with the file."""
    installation.file.write_text("database = 3", "utf-8")

    status, findings = examine(installation)

    assert status == 1
    assert findings == [
        (
            f"FAIL configuration: {installation.file}: portal_url is missing; it must be a string"
            " → correct the file, or name another by --config"
        )
    ]


class TestSettings:
    """What can be seen without asking anybody."""

    def test_a_short_key_is_found(self, healthy: Installation, examine: Examine) -> None:
        """The key itself is not shown."""
        healthy.file.write_text(healthy.file.read_text("utf-8").replace(KEY, "courte"), "utf-8")

        status, findings = examine(healthy)

        assert status == 1
        assert [line.partition(":")[0] for line in findings] == ["FAIL secret_keys"]
        assert "courte" not in findings[0]

    def test_a_key_that_stands_there_twice_is_found(self, healthy: Installation, examine: Examine) -> None:
        """A rotation that changed nothing."""
        healthy.file.write_text(healthy.file.read_text("utf-8").replace(f'"{KEY}"', f'"{KEY}", "{KEY}"'), "utf-8")

        _, findings = examine(healthy)

        assert findings == ["FAIL secret_keys: the same key stands there twice → leave one of the two out"]

    @pytest.mark.parametrize(
        ("peppers", "finding"),
        [
            (["un-poivre-long-et-tire-au-hasard"], ""),
            (["trop court"], "each pepper must be at least 32 random bytes"),
            ([KEY], "a secret key stands there, too"),
            (["un-poivre-long-et-tire-au-hasard"] * 2, "the same key stands there twice"),
        ],
    )
    def test_peppers_are_looked_at_like_keys(
        self, healthy: Installation, examine: Examine, peppers: list[str], finding: str
    ) -> None:
        """And a secret key must not be one."""
        healthy.file.write_text(f"peppers = {json.dumps(peppers)}\n" + healthy.file.read_text("utf-8"), "utf-8")

        _, findings = examine(healthy)

        assert [line.partition(" → ")[0] for line in findings] == ([f"FAIL peppers: {finding}"] if finding else [])

    def test_an_address_without_tls_is_found(self, healthy: Installation, examine: Examine) -> None:
        """Links must not be carried in the clear."""
        healthy.file.write_text(healthy.file.read_text("utf-8").replace("https://", "http://"), "utf-8")

        status, findings = examine(healthy)

        assert status == 1
        assert any(line.startswith("FAIL portal_url: ") for line in findings)


class TestDatabase:
    """Whether it is there, and keeps what it is given."""

    @pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
    def test_a_server_that_is_away_is_found(
        self, installation: Installation, post: Post, examine: Examine, scheme: str
    ) -> None:
        """What depends on it is not looked at, and no password is shown."""
        away = Installation(installation.folder, f"{scheme}://marie:{PASSWORD}@127.0.0.1:1/portail")
        away.configure(post.settings)

        status, findings = examine(away)

        assert status == 1
        assert findings[0].startswith("FAIL database: it cannot be reached: ")
        assert findings[1:] == ["FAIL outbox: it cannot be read → repair the database first"]
        assert PASSWORD not in findings[0]

    @pytest.mark.parametrize("url", ["oracle://127.0.0.1/portail", "portail"])
    def test_what_is_no_database_of_ours_is_found(
        self, installation: Installation, post: Post, examine: Examine, url: str
    ) -> None:
        """Nothing is connected to."""
        other = Installation(installation.folder, url)
        other.configure(post.settings)

        _, findings = examine(other)

        assert findings[0].endswith("→ correct database in the configuration")

    def test_what_is_no_prefix_is_found(self, installation: Installation, post: Post, examine: Examine) -> None:
        """The other parts are looked at all the same."""
        installation.configure(f'table_prefix = "Portail-"\n{post.settings}')
        _execute(installation, "SELECT 1")  # which creates the file

        status, findings = examine(installation)

        prefix = "a prefix is made of lower-case letters, digits and underscores"
        assert status == 1
        assert findings == [
            f"FAIL database: {prefix} → correct it in the configuration",
            "FAIL outbox: it cannot be read → repair the database first",
        ]

    def test_a_missing_driver_is_found(
        self, installation: Installation, post: Post, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The extra that brings it is named."""
        monkeypatch.setitem(sys.modules, "pymysql", None)
        other = Installation(installation.folder, "mariadb://127.0.0.1:1/portail")
        other.configure(post.settings)

        _, findings = examine(other)

        assert findings[0] == "FAIL database: pymysql is not installed → pip install 'coproauth[postgres,mariadb]'"

    def test_missing_tables_are_found(self, each_installation: Installation, post: Post, examine: Examine) -> None:
        """The advice is the command."""
        each_installation.configure(post.settings)
        _execute(each_installation, "SELECT 1")  # which creates a SQLite file

        _, findings = examine(each_installation)

        assert findings == [
            "FAIL database schema: the database has no tables of ours yet → run 'coproauth schema create'",
            "FAIL outbox: it cannot be read → repair the database first",
        ]

    def test_what_takes_no_writes_is_found(
        self, request: pytest.FixtureRequest, tmp_path: Path, post: Post, examine: Examine
    ) -> None:
        """A stand-by answers every question, and keeps nothing."""
        stand_by = _make_healthy(install("postgresql", request, tmp_path), post)
        name = stand_by.database.rpartition("/")[2]
        _execute(stand_by, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

        status, findings = examine(stand_by)

        assert status == 1
        assert [line.partition(" → ")[2] for line in findings] == [
            "see that it is no read-only copy, that the disk is not full, and that the user may write"
        ]

    def test_a_table_without_transactions_is_found(
        self, request: pytest.FixtureRequest, tmp_path: Path, post: Post, examine: Examine
    ) -> None:
        """A dump that was read into another engine looks the same until something is to be undone."""
        moved = _make_healthy(install("mariadb", request, tmp_path), post)
        _execute(moved, "ALTER TABLE coproauth_audit ENGINE=Aria")

        status, findings = examine(moved)

        assert status == 1
        assert [line.partition(" → ")[0] for line in findings] == ["FAIL database: not on InnoDB: coproauth_audit"]

    @pytest.mark.parametrize("ahead", [timedelta(minutes=-5), timedelta(minutes=5)])
    def test_a_clock_that_is_wrong_is_found(
        self, healthy_on_server: Installation, examine: Examine, ahead: timedelta
    ) -> None:
        """Sessions and links would end too early, or too late."""
        status, findings = examine(healthy_on_server, clock=FakeClock(datetime.now(UTC) + ahead))

        assert status == 1
        assert [line.partition(":")[0] for line in findings] == ["FAIL database clock"]
        assert findings[0].endswith("more than the 60 s of clock_leeway → set both by NTP")


class TestRedis:
    """Whether it is there, and keeps what it is given."""

    @staticmethod
    def _use(installation: Installation, post: Post, url: str) -> Installation:
        installation.configure(f'{post.settings}\n[redis]\nurl = "{url}"')
        return installation

    def test_a_server_that_keeps_everything_is_well(
        self, healthy: Installation, post: Post, examine: Examine, redis_server: RedisServer
    ) -> None:
        """It answers, can be written, and drops nothing."""
        assert examine(self._use(healthy, post, redis_server.url)) == (0, [])

    def test_a_user_who_may_write_our_keys_alone_is_well(
        self, healthy: Installation, post: Post, examine: Examine, redis_server: RedisServer
    ) -> None:
        """What is written to see whether it can be is among the keys of the installation."""
        user = f"user portail on >{PASSWORD} ~portail:* +@connection +@read +@write +@scripting -@dangerous +info +time"
        with redis.Redis.from_url(redis_server.url) as client:
            client.execute_command("ACL SETUSER", *user.split()[1:])
        url = redis_server.url.replace("//", f"//portail:{PASSWORD}@")

        assert examine(self._use(healthy, post, f'{url}"\nnamespace = "portail:')) == (0, [])

    def test_a_server_that_drops_counters_is_found(self, healthy: Installation, post: Post, examine: Examine) -> None:
        """Whoever fills its memory would have as many attempts as he likes."""
        with skipped_if_missing(), RedisServer(options=["--maxmemory-policy", "allkeys-lru"]) as server:
            _, findings = examine(self._use(healthy, post, server.url))

        assert [line.partition(" → ")[0] for line in findings] == ["FAIL redis: maxmemory-policy is allkeys-lru"]

    def test_a_replica_is_found(self, healthy: Installation, post: Post, examine: Examine) -> None:
        """It answers every question, and counts nothing."""
        with skipped_if_missing(), RedisServer(options=["--replicaof", HOST, "1"]) as server:
            _, findings = examine(self._use(healthy, post, server.url))

        assert [line.partition(" → ")[0] for line in findings] == ["FAIL redis: nothing can be written: ReadOnlyError"]

    def test_a_server_that_is_away_is_found(self, healthy: Installation, post: Post, examine: Examine) -> None:
        """Its address may hold a password, and is not shown."""
        status, findings = examine(self._use(healthy, post, f"redis://:{PASSWORD}@127.0.0.1:1/0"))

        assert status == 1
        assert [line.partition(" → ")[0] for line in findings] == [
            "FAIL redis: it does not do its part: ConnectionError"
        ]
        assert PASSWORD not in findings[0]

    @pytest.mark.parametrize("url", ["portail", "redis://redis.example.fr/0"])
    def test_an_address_that_cannot_be_safe_is_found(
        self, healthy: Installation, post: Post, examine: Examine, url: str
    ) -> None:
        """Nothing is connected to."""
        status, findings = examine(self._use(healthy, post, url))

        assert status == 1
        assert findings[0].endswith(" → correct redis.url in the configuration")

    def test_a_clock_that_is_wrong_is_found(
        self, healthy: Installation, post: Post, examine: Examine, redis_server: RedisServer
    ) -> None:
        """As that of the database."""
        clock = FakeClock(datetime.now(UTC) + timedelta(minutes=5))

        _, findings = examine(self._use(healthy, post, redis_server.url), clock=clock)

        assert [line.partition(":")[0] for line in findings] == ["FAIL redis clock"]


class TestMail:
    """Whether mail can be sent, and is."""

    def test_no_mail_server_is_found(self, healthy: Installation, examine: Examine) -> None:
        """Codes and links would never arrive."""
        healthy.configure()

        _, findings = examine(healthy)

        assert findings == ['FAIL smtp: not configured → add a table [smtp], or say mail = "host" if the host sends it']

    def test_a_host_that_sends_mail_itself_needs_no_mail_server(self, healthy: Installation, examine: Examine) -> None:
        """It has said so."""
        healthy.configure('mail = "host"')

        assert examine(healthy) == (0, [])

    def test_mail_that_the_host_does_not_deliver_is_found(self, healthy: Installation, examine: Examine) -> None:
        """The outbox tells whether a courier of the host's own is at work."""
        healthy.configure('mail = "host"')
        healthy.queue(mail("old", due_in=timedelta(hours=-1)))

        status, findings = examine(healthy)

        assert status == 1
        assert findings == ["FAIL outbox: 1 mails wait for a courier → have the host run a courier of its own"]

    def test_a_mail_server_that_is_away_is_found(self, healthy: Installation, examine: Examine) -> None:
        """With the address that was tried."""
        healthy.configure(Post(1).settings)

        _, findings = examine(healthy)

        assert [line.partition(" → ")[0] for line in findings] == ["FAIL smtp: 127.0.0.1:1 Connection refused"]

    def test_a_mail_server_without_tls_is_found(self, healthy: Installation, post: Post, examine: Examine) -> None:
        """Nothing is sent to it in the clear."""
        healthy.configure(post.settings.replace('"none"', '"starttls"'))

        _, findings = examine(healthy)

        assert [line.partition(" → ")[0] for line in findings] == [
            f"FAIL smtp: 127.0.0.1:{post.port} SMTPNotSupportedError"
        ]

    @pytest.mark.parametrize(("password", "status"), [(PASSWORD, 0), ("autre", 1)])
    def test_the_login_is_tried_and_no_mail_is_sent(
        self, healthy: Installation, submission: Submission, examine: Examine, password: str, status: int
    ) -> None:
        """STARTTLS with a certificate that is checked, then user name and password."""
        healthy.configure(submission.settings(password))
        healthy.queue(mail("now"))

        answered, findings = examine(healthy)

        refused = ["FAIL smtp: the login is refused (535) → correct username and password"]
        assert (answered, findings) == (status, refused if status else [])
        assert submission.taken == []

    def test_a_certificate_of_nobody_is_found(
        self, healthy: Installation, submission: Submission, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The password is not sent to a server that cannot show who it is."""
        monkeypatch.delenv("SSL_CERT_FILE")
        healthy.configure(submission.settings(PASSWORD))

        _, findings = examine(healthy)

        assert len(findings) == 1
        assert "certificate verify failed" in findings[0]

    def test_mail_that_nobody_delivers_is_found(self, healthy: Installation, examine: Examine) -> None:
        """No courier runs, or none gets through."""
        healthy.queue(mail("old", due_in=timedelta(hours=-1)), mail("now"))

        _, findings = examine(healthy)

        assert findings == ["FAIL outbox: 1 mails wait for a courier → run 'coproauth deliver' as a service"]

    def test_mail_that_was_given_up_is_found(self, healthy: Installation, examine: Examine) -> None:
        """Somebody waits for it."""
        healthy.queue(mail("lost", tries=LAST))

        _, findings = examine(healthy)

        assert findings == [
            "FAIL outbox: 1 mails were given up → see why by 'coproauth outbox', then retry or drop them"
        ]
