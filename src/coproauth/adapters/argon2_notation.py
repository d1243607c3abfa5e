"""Argon2 hashes as they are written down: PHC notation in, values out, and back. Nothing here computes."""

from __future__ import annotations

import base64
import binascii
import re

import attrs
from argon2.low_level import ARGON2_VERSION, Type

from coproauth.policy import Argon2Parameters

SALT_LENGTH = 16  # bytes; RFC 9106 §4
_TAG = 32  # bytes; RFC 9106 §4
_FIRST_VERSION = 0x10  # that of hashes that name none
_BLOCKS_A_LANE = 8  # KiB; RFC 9106 §3.1: the least memory

_KINDS = {"argon2id": Type.ID, "argon2i": Type.I, "argon2d": Type.D}
_NAMES = {kind: name for name, kind in _KINDS.items()}
# Salt of 8 bytes or more, tag of 4 or more: RFC 9106 §3.1. Of either 96 at most, more than any system stores: the RFC
# allows 4 GiB, which no cost tells of.
_NOTATION = re.compile(
    r"\$(?P<kind>argon2(?:id|i|d))(?:\$v=(?P<version>16|19))?"
    r"\$m=(?P<memory_cost>[1-9]\d{0,9}),t=(?P<time_cost>[1-9]\d{0,9}),p=(?P<parallelism>[1-9]\d{0,7})"
    r"\$(?P<salt>[+/A-Za-z0-9]{11,128})\$(?P<tag>[+/A-Za-z0-9]{6,128})",
    re.ASCII,
)


@attrs.frozen(kw_only=True)
class Recipe:
    """What a tag is computed from, besides the password (RFC 9106 §3.1).

    Attributes:
        salt: 8 bytes or more.
        tag_length: bytes, 4 or more.
    """

    kind: Type
    version: int
    cost: Argon2Parameters
    salt: bytes = attrs.field(repr=False)
    tag_length: int

    @classmethod
    def current(cls, cost: Argon2Parameters, *, salt: bytes) -> Recipe:
        """Return that of new hashes: Argon2id of today's version."""
        return cls(kind=Type.ID, version=ARGON2_VERSION, cost=cost, salt=salt, tag_length=_TAG)

    def is_like(self, other: Recipe) -> bool:
        """Whether another differs in nothing but the salt, and not in its length."""
        return len(self.salt) == len(other.salt) and attrs.evolve(other, salt=self.salt) == self


@attrs.frozen(kw_only=True)
class Argon2Hash:
    """A tag, and what it was computed from."""

    recipe: Recipe
    tag: bytes = attrs.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Argon2Hash | None:
        """Return the hash that is written there; None if it is none of Argon2, or not written as the reference does."""
        found = _NOTATION.fullmatch(text)
        if found is None:
            return None
        cost = Argon2Parameters(
            memory_cost=int(found["memory_cost"]),
            time_cost=int(found["time_cost"]),
            parallelism=int(found["parallelism"]),
        )
        salt, tag = _bytes_of(found["salt"]), _bytes_of(found["tag"])
        if salt is None or tag is None or cost.memory_cost < _BLOCKS_A_LANE * cost.parallelism:
            return None
        version = int(found["version"] or _FIRST_VERSION)
        recipe = Recipe(kind=_KINDS[found["kind"]], version=version, cost=cost, salt=salt, tag_length=len(tag))
        return cls(recipe=recipe, tag=tag)

    def __str__(self) -> str:
        recipe, cost = self.recipe, self.recipe.cost
        return (
            f"${_NAMES[recipe.kind]}$v={recipe.version}$m={cost.memory_cost},t={cost.time_cost},p={cost.parallelism}"
            f"${_text_of(recipe.salt)}${_text_of(self.tag)}"
        )


def _text_of(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii").rstrip("=")


def _bytes_of(text: str) -> bytes | None:
    """Return what is written in base64 without padding; None if it is not written in the one way there is."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None
    return octets if _text_of(octets) == text else None
