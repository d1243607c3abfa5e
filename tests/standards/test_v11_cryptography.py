"""Chapters V1.5, V6.5 and V11 of OWASP ASVS 5.0, cryptography, read from the source: what no call can show."""

from __future__ import annotations

import ast
import random
import sys
from functools import cache
from pathlib import Path

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import LoginRefused
from coproauth.adapters.system import SystemSecrets
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.tokens import TOKEN_BYTES, new_token

_SOURCE = Path(__file__).parents[2] / "src" / "coproauth"
_SECRETS = {"digest", "mac", "signature", "password_hash", "typed", "expected", "expected_digits"}


@cache
def _trees() -> tuple[tuple[str, ast.Module], ...]:
    """Return every file of the source, parsed."""
    paths = sorted(_SOURCE.glob("**/*.py"))
    return tuple((path.relative_to(_SOURCE).as_posix(), ast.parse(path.read_text("utf-8"))) for path in paths)


def _imported() -> dict[str, set[str]]:
    """Return every module that is imported, by the file that does."""
    found: dict[str, set[str]] = {}
    for path, tree in _trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(path)
    return found


def _named() -> set[str]:
    """Return every name and attribute of the source."""
    nodes = [node for _, tree in _trees() for node in ast.walk(tree)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_v1_5_2_nothing_that_is_stored_or_signed_can_become_code() -> None:
    """No pickle, no marshal, no shelve, no YAML, no eval: JSON with a shape that is checked."""
    assert not {"pickle", "marshal", "shelve", "yaml", "dill", "jsonpickle"} & set(_imported())
    assert not {"eval", "exec", "__import__"} & {
        node.func.id
        for _, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_v6_5_3_randomness_is_that_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``random`` would say changes no secret; it is asked only how long to wait before trying again."""
    monkeypatch.setattr(random, "random", lambda: 0.5)
    random.seed(1)
    first = [str(ActivationCode.draw(SystemSecrets().token_bytes)) for _ in range(1000)]
    random.seed(1)
    second = [str(ActivationCode.draw(SystemSecrets().token_bytes)) for _ in range(1000)]

    assert len({*first, *second}) == 2000
    assert _imported()["random"] == {"services/units.py"}


def test_v7_2_3_a_hundred_thousand_tokens_are_as_many(town: Town) -> None:
    """Each of 256 bits, and stored as a digest alone."""
    tokens = {new_token(SystemSecrets().token_bytes) for _ in range(100_000)}
    signed_in = town.move_in()
    with town.store.reading() as work:
        (record,) = work.sessions.of(signed_in.session.identity_id)

    assert len(tokens) == 100_000
    assert TOKEN_BYTES * 8 == 256
    assert signed_in.token not in str(attrs.asdict(record))


def test_v11_2_1_cryptography_is_that_of_known_libraries() -> None:
    """Of what is not Python's own, three: one for hashes, one for links, one for hashes of other systems."""
    foreign = set(_imported()) - sys.stdlib_module_names - {"coproauth", ""}
    elsewhere = {"attrs", "email_validator", "jinja2", "markupsafe", "redis", "sqlalchemy", "starlette", "uvicorn"}
    elsewhere |= {"_typeshed", "alembic", "hypothesis", "psycopg", "pymysql", "tqdm", "typing_extensions"}

    assert foreign - elsewhere == {"argon2", "bcrypt", "itsdangerous"}


def test_v11_2_4_secrets_are_compared_in_constant_time() -> None:
    """No ``==`` stands beside a value that a guesser would measure; two that were both stored nobody guesses at."""
    compared = [
        ({ast.unparse(side).rpartition(".")[2] for side in (node.left, *node.comparators)}, ast.unparse(node))
        for path, tree in _trees()
        if not path.startswith(("testing/", "adapters/"))  # there a digest is a key that is looked up
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(isinstance(sign, ast.Eq | ast.NotEq) for sign in node.ops)
    ]

    assert [found for sides, found in compared if sides & _SECRETS and sides != {"digest"}] == []


@pytest.mark.parametrize(
    "stored", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "$2b$12$x", "\x00", "é" * 40]
)
def test_v11_2_5_a_hash_that_cannot_be_read_is_a_wrong_password(town: Town, stored: str) -> None:
    """One hash, the common refusal, and no error that would tell the two apart."""
    town.move_in()
    with town.store.writing() as work:
        identity = work.identities.by_email(JEANNE)
        assert identity is not None
        work.identities.save(attrs.evolve(identity, password_hash=stored), expected_stamp=identity.credential_stamp)
    town.hasher.seen.clear()

    assert refusal_of(lambda: town.log_in(JEANNE)) == (LoginRefused, "login_refused")
    assert len(town.hasher.seen) == 1


def test_v11_4_1_no_broken_hash_guards_anything() -> None:
    """Neither MD5 nor SHA-1: where lists of leaked passwords need SHA-1, the call says that it guards nothing."""
    named = [
        (path, node)
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].lower() in {"md5", "sha1"}
    ]

    assert {path for path, _ in named} == {"adapters/breaches/digests.py"}
    assert all("usedforsecurity=False" in ast.unparse(call) for _, call in named)
    assert {name.lower() for name in _named()} & {"md5", "sha1"} == {"sha1"}
