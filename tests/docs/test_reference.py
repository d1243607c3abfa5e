"""The reference says what the code says: checked in both directions."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import reduce
from pathlib import Path

import attrs
import pytest

import coproauth
from coproauth import Argon2Parameters, Policy, Refused, ThrottleRule, Unavailable
from coproauth.core.audit import OWASP_REFUSALS, OWASP_SUCCESSES, ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.messages import MailKind, Message
from coproauth.core.password_policy import violations

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_PAGES = [
    *(_ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted(page for page in _DOCS.glob("**/*.md") if "_build" not in page.parts),
]
_INSTALL = "python3 -m venv --without-pip .venv && python3 -m pip --python .venv/bin/python install -q -e"
_COMMANDS = {
    "demo": f"{_INSTALL} '.[portal]' && .venv/bin/coproauth demo",
    "tests": f"{_INSTALL} '.[test]' && .venv/bin/pytest",
    "documentation": "python3 -m pip --python .venv/bin/python install -q -e '.[docs]'"
    " && .venv/bin/sphinx-build -W -b html docs docs/_build/html",
}
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]+)?\)")
_CODE = re.compile(r"`([^`\n]+)`")

each_page = pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.relative_to(_ROOT).as_posix())


def _reference(name: str) -> str:
    return (_DOCS / "reference" / name).read_text("utf-8")


def _section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _rows(text: str) -> dict[str, list[str]]:
    """Return the rows of the tables whose first cell is in backquotes, by that cell."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:3] == "| `"]
    found = {row[0].strip("`| "): row for row in rows}
    assert len(found) == len(rows), "a name has two rows"
    return found


def _refusals(kind: type[Refused] = Refused) -> set[type[Refused]]:
    return {kind}.union(*(_refusals(narrower) for narrower in kind.__subclasses__()))


class TestReasons:
    """``reasons.md`` is the catalogue of ``errors.py``."""

    def test_every_reason_is_listed_with_its_exception_and_no_other(self) -> None:
        """A program may rely on the catalogue."""
        listed = {
            (reason, row[1].strip("`")) for reason, row in _rows(_section(_reference("reasons.md"), "Refusals")).items()
        }

        assert listed == {(reason, kind.__name__) for kind in _refusals() for reason in kind.reasons}

    def test_every_outage_is_listed_and_no_other(self) -> None:
        """A program may rely on these words, too."""
        assert set(_rows(_section(_reference("reasons.md"), "Outages"))) == set(Unavailable.reasons)

    def test_what_is_counted_is_said(self) -> None:
        """The column says what ``is_guess`` says."""
        rows = _rows(_section(_reference("reasons.md"), "Refusals"))
        kinds = {kind for kind in _refusals() if kind.reasons}

        said = {reason: row[2] == "yes" for reason, row in rows.items()}

        assert said == {reason: _is_guess(kind, reason) for kind in kinds for reason in kind.reasons}

    def test_every_violation_is_listed(self) -> None:
        """Passwords that break every rule meet only listed words; the three others are told by the services."""
        policy = Policy(password_max_length=64)
        broken = ["1", "a" * 65, "motdepasse motdepasse", "claire claire claire"]
        met = {word for password in broken for word in violations(password, context=["Claire"], policy=policy)}

        listed = set(_rows(_section(_reference("reasons.md"), "Violations")))

        assert listed == met | {"unchanged", "malformed", "breached"}


def _is_guess(kind: type[Refused], reason: str) -> bool:
    refusal = kind.__new__(kind)
    refusal.reason = reason
    return refusal.is_guess


class TestSettings:
    """``settings.md`` is the table of ``Policy``."""

    def test_every_setting_is_listed_with_its_default_and_no_other(self) -> None:
        """Each default is the one in the code."""
        text = _reference("settings.md").partition("\n## What is not a setting\n")[0]
        policy = Policy()

        listed = {name: row[1] for name, row in _rows(text).items()}

        assert listed == {field.name: _as_written(getattr(policy, field.name)) for field in attrs.fields(Policy)}

    def test_every_number_that_is_no_setting_is_listed_with_its_value_and_no_other(self) -> None:
        """Whoever meets a bound finds how wide it is, and why."""
        rows = _rows(_section(_reference("settings.md"), "What is not a setting"))

        listed = {name: int(row[1].replace(" ", "")) for name, row in rows.items()}

        assert listed == dict(_numbers())


def _numbers() -> Iterator[tuple[str, int]]:
    """Yield the public numbers of the library, each from the module that it stands in."""
    source = _ROOT / "src" / "coproauth"
    for folder in ("", "core", "services", "mail", "adapters", "integrations"):
        for path in sorted((source / folder).glob("*.py")):
            name = ".".join(path.relative_to(source).with_suffix("").parts)
            for constant in re.findall(r"^([A-Z][A-Z_0-9]+)(?:: [^=\n]+)? = ", path.read_text("utf-8"), re.MULTILINE):
                value = getattr(importlib.import_module(f"coproauth.{name}"), constant)
                if isinstance(value, int):
                    yield f"{name}.{constant}", value


def _as_written(value: object) -> str:
    match value:
        case timedelta():
            return _duration(value) if value else "0 seconds"
        case Argon2Parameters():
            return f"{value.memory_cost // 1024} MiB, {value.time_cost} passes, {value.parallelism} lanes"
        case ThrottleRule():
            return ", ".join(_clauses(value))
        case tuple():
            return f"{len(value)} words"
    return str(value)


def _clauses(rule: ThrottleRule) -> Iterator[str]:
    yield f"{rule.free_attempts} free"
    yield f"{_duration(rule.first_delay)} to {_duration(rule.longest_delay)}"
    if rule.one_less_every is not None:
        yield f"one less every {_duration(rule.one_less_every)}"
    elif rule.forget_after != timedelta(days=1):
        yield f"forgotten after {_duration(rule.forget_after)}"
    if rule.limit is not None:
        yield f"{rule.limit} at most"


def _duration(value: timedelta) -> str:
    units = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
    small = {"second": timedelta(seconds=1), "millisecond": timedelta(milliseconds=1)}
    for name, unit in {**units, **small}.items():
        count, rest = divmod(value, unit)
        if count and not rest:
            return f"{count} {name}{'s' if count > 1 else ''}"
    raise AssertionError(value)


class TestMessages:
    """``messages.md`` is the list of what a mailer receives."""

    def test_every_kind_of_mail_is_listed_and_no_other(self) -> None:
        """One row for each kind."""
        assert set(_rows(_section(_reference("messages.md"), "Kinds"))) == set(MailKind)

    def test_every_message_is_listed_and_no_other(self) -> None:
        """One class for each kind, in the table and in the reference of classes."""
        names = {kind.__name__ for kind in Message.__subclasses__()}
        text = _reference("messages.md")

        in_table = {row[1].strip("`") for row in _rows(_section(text, "Kinds")).values()}
        documented = set(re.findall(r"autoclass:: coproauth\.(\w*Message)$", text, re.MULTILINE))

        assert in_table == names
        assert documented == names | {"Message"}


class TestAuditEvents:
    """``audit_events.md`` is the list of what is put on record."""

    @pytest.mark.parametrize(
        ("heading", "names"),
        [
            ("Pathways", set(Pathway)),
            ("Outcomes", set(Outcome)),
            ("Fields", {field.name for field in attrs.fields(AuditEvent)}),
            ("Actors", set(ActorKind)),
        ],
    )
    def test_every_name_is_listed_and_no_other(self, heading: str, names: set[str]) -> None:
        """Whoever reads the trail finds each word explained."""
        assert set(_rows(_section(_reference("audit_events.md"), heading))) == names

    def test_every_name_in_the_vocabulary_is_the_one_of_the_code(self) -> None:
        """Whoever watches by OWASP's words can look each of them up."""
        text = _reference("audit_events.md")

        successes = {name: row[3].strip("`") for name, row in _rows(_section(text, "Pathways")).items()}
        refusals = {
            name: row[1].strip("`") for name, row in _rows(_section(text, "OWASP's Logging Vocabulary")).items()
        }

        assert successes == dict(OWASP_SUCCESSES)
        assert refusals == dict(OWASP_REFUSALS)


class TestApi:
    """The reference of the API names what the package exports."""

    def test_every_public_name_is_documented_and_no_other(self) -> None:
        """``api.md`` is the contract."""
        documented = re.findall(
            r"(?:autoclass|autoexception|autofunction|py:data):: coproauth\.(\w+)$", _reference("api.md"), re.MULTILINE
        )

        assert sorted(documented) == sorted(coproauth.__all__)

    def test_every_port_is_documented(self) -> None:
        """An embedder finds each Protocol."""
        ports = importlib.import_module("coproauth.ports")
        protocols = {name for name, kind in vars(ports).items() if getattr(kind, "_is_protocol", False)}

        documented = set(re.findall(r"autoclass:: coproauth(?:\.ports)?\.(\w+)", _reference("ports.md")))

        assert documented == protocols - {"Protocol"}


class TestPages:
    """What a page points at is there."""

    @each_page
    def test_every_relative_link_leads_somewhere(self, page: Path) -> None:
        """No reader meets a dead end."""
        paths = [found["path"] for found in _LINK.finditer(_FENCE.sub("", page.read_text("utf-8")))]

        assert [path for path in paths if not (page.parent / path).exists()] == []

    @each_page
    def test_every_file_that_is_named_exists(self, page: Path) -> None:
        """A path of this repository is one."""
        named = [
            code.split()[0]
            for code in _CODE.findall(_FENCE.sub("", page.read_text("utf-8")))
            if re.match(r"(src|docs|tests|\.ci)/[\w./-]+$", code)
        ]

        assert [path for path in named if not (_ROOT / path).exists() and "_build" not in path] == []

    @each_page
    def test_every_name_of_the_package_exists(self, page: Path) -> None:
        """A dotted name in the text can be imported, or is that of a logger or of the configuration's file."""
        named = re.findall(r"`(coproauth(?:\.\w+)+)`", page.read_text("utf-8"))
        others = {*_loggers(), "coproauth.toml"}

        assert [name for name in named if not _exists(name) and name not in others] == []

    @each_page
    def test_every_member_of_a_public_class_exists(self, page: Path) -> None:
        """A method or attribute in the text is one of its class."""
        owners = {name: getattr(coproauth, name) for name in coproauth.__all__}
        named = re.findall(r"`(\w+)\.(\w+)[(`]", _FENCE.sub("", page.read_text("utf-8")))

        missing = [f"{owner}.{name}" for owner, name in named if owner in owners and not _has(owners[owner], name)]

        assert missing == []

    @pytest.mark.parametrize("command", _COMMANDS.values(), ids=_COMMANDS)
    def test_readme_has_the_commands(self, command: str) -> None:
        """Each is one line to copy."""
        assert command in (_ROOT / "README.md").read_text("utf-8").splitlines()


def _exists(name: str) -> bool:
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        return _has_all(module, parts[size:])
    return False


def _loggers() -> set[str]:
    sources = (page.read_text("utf-8") for page in (_ROOT / "src").glob("**/*.py"))
    return {name for source in sources for name in re.findall(r'getLogger\("([\w.]+)"\)', source)}


def _has_all(owner: object, names: list[str]) -> bool:
    missing = object()
    return reduce(lambda found, name: getattr(found, name, missing), names, owner) is not missing


def _has(owner: type, name: str) -> bool:
    fields = [field.name for field in attrs.fields(owner)] if attrs.has(owner) else []
    return name in fields or hasattr(owner, name) or name in (owner.__doc__ or "")
