"""One file describes an installation, and the library is wired from it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from tests.installation import KEY, Installation, install
from tests.servers import RedisServer

from coproauth import (
    ConfigurationError,
    LoginRefused,
    Manager,
    PasswordRejected,
    Policy,
    Source,
    ThrottleRule,
    Unavailable,
    cli,
)
from coproauth.adapters.breaches import FileBreaches, RangeBreaches
from coproauth.adapters.sqlalchemy import EngineSettings
from coproauth.configuration import AuditSettings, BreachSettings, Configuration, RedisSettings

PEPPER = "a pepper of 32 bytes at least, no -password"

EVERYTHING = """
table_prefix = "cles_"
peppers = ["file:pepper"]

[database_settings]
pool_size = 2
statement_timeout = 1.5

[smtp]
host = "smtp.example.fr"
port = 465
security = "tls"
sender = "ne-pas-repondre@example.fr"
sender_name = "Cabinet Martin"
username = "mailer"
password = "file:password"
timeout = 20

[redis]
url = "env:REDIS_URL"
sessions = true

[breaches]
file = "leaked.txt"

[policy]
code_lifetime = 5_184_000
context_words = ["martin"]
throttle_outage = "local"

[policy.throttle_login]
free_attempts = 5
first_delay = 60
longest_delay = 3600

[policy.argon2]
memory_cost = 47_104
time_cost = 1
parallelism = 1

[audit]
table = true
"""

_UNDO_EVERY_ROW = """
CREATE SEQUENCE tries;
CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('tries');
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
END $$;
CREATE TRIGGER undo BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION undo();
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An installation on a SQLite file beside its configuration."""
    installation = Installation(tmp_path, "sqlite:///portal.sqlite3")
    installation.configure()
    return installation


def test_every_table_is_read(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each becomes the value that the library itself takes."""
    monkeypatch.setenv("REDIS_URL", "redis://:redis-password@127.0.0.1:6379/0")
    (installation.folder / "password").write_text("smtp-password\n", "utf-8")
    (installation.folder / "pepper").write_text(PEPPER, "utf-8")
    installation.configure(EVERYTHING)

    read = installation.open()

    assert read.smtp is not None
    assert (read.smtp.port, read.smtp.password, read.smtp.timeout) == (465, "smtp-password", timedelta(seconds=20))
    assert read.database_settings == EngineSettings(pool_size=2, statement_timeout=timedelta(seconds=1.5))
    assert read.redis == RedisSettings(url="redis://:redis-password@127.0.0.1:6379/0", sessions=True)
    assert read.audit == AuditSettings(table=True)
    assert read.breaches == BreachSettings(file="leaked.txt")
    assert read.table_prefix == "cles_"
    assert read.peppers == (PEPPER,)
    assert read.policy.code_lifetime == timedelta(days=60)
    assert read.policy.context_words == ("martin",)
    assert read.policy.throttle_login == ThrottleRule(
        free_attempts=5, first_delay=timedelta(minutes=1), longest_delay=timedelta(hours=1)
    )
    assert read.policy.argon2.memory_cost == 46 * 1024
    assert read.policy.session_idle == Policy().session_idle


def test_mail_is_sent_by_one_of_two(installation: Installation) -> None:
    """A mail server that would never be asked is a mistake."""
    installation.configure('mail = "host"\n[smtp]\nhost = "smtp.example.fr"\nsender = "portail@example.fr"')

    with pytest.raises(ConfigurationError, match="mail is the host's, so there must be no table smtp"):
        installation.open()


def test_no_secret_is_shown(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration may be logged."""
    monkeypatch.setenv("REDIS_URL", "redis://:redis-password@127.0.0.1:6379/0")
    (installation.folder / "password").write_text("smtp-password\n", "utf-8")
    (installation.folder / "pepper").write_text(PEPPER, "utf-8")
    away = Installation(installation.folder, "postgresql://marie:database-password@127.0.0.1/portail")
    away.configure(EVERYTHING)

    shown = repr(away.open())

    assert not [secret for secret in ("-password", KEY) if secret in shown]


def test_a_library_is_wired(installation: Installation) -> None:
    """Store, directory and keys are those of the file."""
    assert installation.run("schema", "create") == 0
    with installation.open() as configuration:
        auth = configuration.wire()
        directory = configuration.directory()
        condominium = directory.add_condominium(name="Les Tilleuls", portfolio_id="martin")
        account = directory.add_account(condominium.id, label="Lot 1")
        contact = directory.add_contact(account.id, name="Jeanne")

        with pytest.raises(LoginRefused):
            auth.login.log_in(email="jeanne@example.fr", password="une girafe bleue", source=Source("192.0.2.7"))

        assert auth.directory.contact(contact.id) == contact
        assert auth.portal_url == "https://portail.example.fr"
        assert auth.policy == configuration.policy


def test_a_pepper_of_the_file_is_mixed_into_passwords(installation: Installation) -> None:
    """And what is too short to be one is told, without being shown."""
    installation.run("schema", "create")
    installation.configure(f'peppers = ["{PEPPER}"]')
    with installation.open() as configuration:
        assert configuration.wire().login.hasher.decoy.startswith("$pepper$")

    installation.configure('peppers = ["too short"]')
    with installation.open() as configuration, pytest.raises(ConfigurationError, match="each pepper") as error:
        configuration.wire()
    assert "too short" not in str(error.value)


@pytest.mark.parametrize(("more", "rows"), [("", 0), ("[audit]\ntable = true", 1)])
def test_the_audit_trail_goes_where_it_is_told(installation: Installation, more: str, rows: int) -> None:
    """Into Python's logging, or into the table."""
    installation.configure(more)
    installation.run("schema", "create")
    with installation.open() as configuration:
        with pytest.raises(LoginRefused):
            configuration.wire().login.log_in(email="j@example.fr", password="une girafe", source=Source("192.0.2.7"))

        with configuration.engine().connect() as connection:
            counted = connection.exec_driver_sql("SELECT count(*) FROM coproauth_audit").scalar()

    assert counted == rows


def test_an_audit_event_is_tried_as_often_as_the_file_says(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The limits of the file are those of the trail, too; a sequence counts what is undone."""
    installation = install("postgresql", request, tmp_path)
    installation.configure("[policy]\nstore_tries = 3\n[audit]\ntable = true")
    installation.run("schema", "create")
    with installation.open() as configuration:
        with configuration.engine().begin() as connection:
            connection.exec_driver_sql(_UNDO_EVERY_ROW.format(table="coproauth_audit"))

        with pytest.raises(Unavailable):
            configuration.wire().login.log_in(email="j@example.fr", password="une girafe", source=Source("192.0.2.7"))

        with configuration.engine().connect() as connection:
            tries = connection.exec_driver_sql("SELECT last_value FROM tries").scalar()

    assert tries == 3


def test_what_the_directory_writes_is_tried_as_often_as_the_file_says(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The stand-alone directory is of the same installation as the store."""
    installation = install("postgresql", request, tmp_path)
    installation.configure("[policy]\nstore_tries = 3")
    installation.run("schema", "create")
    with installation.open() as configuration:
        with configuration.engine().begin() as connection:
            connection.exec_driver_sql(_UNDO_EVERY_ROW.format(table="coproauth_condominiums"))

        with pytest.raises(Unavailable):
            configuration.directory().add_condominium(name="Les Tilleuls", portfolio_id="north")

        with configuration.engine().connect() as connection:
            tries = connection.exec_driver_sql("SELECT last_value FROM tries").scalar()

    assert tries == 3


def test_attempts_and_sessions_are_kept_in_redis(installation: Installation, redis_server: RedisServer) -> None:
    """If it is configured, nothing of them is in the database."""
    installation.configure(f'[redis]\nurl = "{redis_server.url}"\nsessions = true')
    installation.run("schema", "create")
    with installation.open() as configuration:
        with pytest.raises(LoginRefused):
            configuration.wire().login.log_in(email="j@example.fr", password="une girafe", source=Source("192.0.2.7"))

        with configuration.engine().connect() as connection:
            counted = connection.exec_driver_sql("SELECT count(*) FROM coproauth_throttle").scalar()
        client = configuration.redis_client()
        assert client is not None
        assert client.dbsize() != 0

    assert counted == 0


def test_relative_paths_start_at_the_file(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command is run: a scheduler runs it in the root folder."""
    monkeypatch.chdir("/")

    installation.run("schema", "create")

    assert (installation.folder / "portal.sqlite3").is_file()


def test_a_database_in_memory_is_no_file(installation: Installation) -> None:
    """Its name is no path."""
    Installation(installation.folder, "sqlite://").configure()
    with installation.open() as configuration:
        assert configuration.schema().version() == 0

    assert [file.name for file in installation.folder.iterdir()] == ["coproauth.toml"]


def test_what_is_wrong_is_told_with_file_and_key(installation: Installation) -> None:
    """The operator knows where to look."""
    installation.configure("[policy]\nemail_code_lifetime = 3600")

    with pytest.raises(ConfigurationError) as refused:
        Configuration.load(installation.file)

    assert str(refused.value) == f"{installation.file}: policy: the six digits must not work for more than 10 minutes"


def test_the_configuration_is_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the option, by the environment, or in the present folder."""
    installation.run("schema", "create")
    capsys.readouterr()
    monkeypatch.chdir("/")
    by_option = cli.main(["schema", "check", "--config", str(installation.file)])
    before_the_action = cli.main(["schema", "--config", str(installation.file), "check"])
    nowhere = cli.main(["schema", "check"])
    monkeypatch.setenv("COPROAUTH_CONFIG", str(installation.file))
    by_environment = cli.main(["schema", "check"])
    monkeypatch.delenv("COPROAUTH_CONFIG")
    monkeypatch.chdir(installation.folder)
    by_folder = cli.main(["schema", "check"])

    assert (by_option, before_the_action, nowhere, by_environment, by_folder) == (0, 0, 1, 0, 0)
    assert capsys.readouterr().err == "coproauth.toml: cannot be read: No such file or directory\n"


class TestBreaches:
    """Who knows the passwords that leaked elsewhere."""

    def test_nobody_is_asked_unless_it_is_configured(self, installation: Installation) -> None:
        """The check is the operator's choice."""
        assert installation.open().breached_passwords() is None

    def test_a_file_is_looked_for_beside_the_configuration(self, installation: Installation) -> None:
        """As every relative path."""
        installation.configure('[breaches]\nfile = "leaked.txt"')

        assert installation.open().breached_passwords() == FileBreaches(installation.folder / "leaked.txt")

    def test_a_server_is_asked_at_its_address(self, installation: Installation) -> None:
        """With the time that it is given."""
        installation.configure('[breaches]\nrange_url = "https://ranges.example.fr/range/"\ntimeout = 0.5')

        breaches = installation.open().breached_passwords()

        assert isinstance(breaches, RangeBreaches)
        assert (breaches.url, breaches.timeout) == ("https://ranges.example.fr/range", timedelta(seconds=0.5))

    def test_a_leaked_password_is_refused_by_what_is_wired(self, installation: Installation) -> None:
        """The file reaches the services."""
        installation.configure('[breaches]\nfile = "leaked.txt"\n[policy]\nrequire_email_proof = false')
        digest = hashlib.sha1(b"un chameau dans le placard", usedforsecurity=False).hexdigest()
        (installation.folder / "leaked.txt").write_text(f"{digest}:3\n", "ascii")
        installation.run("schema", "create")
        with installation.open() as configuration:
            auth = configuration.wire()
            directory = configuration.directory()
            condominium = directory.add_condominium(name="Les Tilleuls", portfolio_id="martin")
            account = directory.add_account(condominium.id, label="Lot 1")
            contact = directory.add_contact(account.id, name="Jeanne")
            code = auth.activation.issue(contact.id, by=Manager(id="m", portfolio_id="martin")).code

            with pytest.raises(PasswordRejected) as refusal:
                auth.activation.activate(
                    code=code,
                    email="jeanne@example.fr",
                    password="un chameau dans le placard",
                    source=Source("192.0.2.7"),
                )

        assert refusal.value.violations == ("breached",)

    @pytest.mark.parametrize(
        "table",
        ["[breaches]", '[breaches]\nfile = "a"\nrange_url = "https://ranges.example.fr"'],
    )
    def test_there_is_one_of_the_two(self, installation: Installation, table: str) -> None:
        """Neither none nor both."""
        installation.configure(table)

        with pytest.raises(ConfigurationError, match="either file or range_url"):
            installation.open()
