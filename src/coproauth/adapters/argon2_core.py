"""Argon2 by argon2-cffi, in memory that is lent to it or in its own. Nothing here is kept."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from functools import cache
from typing import Any

from argon2 import low_level
from argon2.exceptions import HashingError
from argon2.low_level import error_to_str, ffi, hash_secret_raw

from coproauth.adapters.argon2_notation import Recipe
from coproauth.adapters.hashing_memory import HashingMemory
from coproauth.policy import Argon2Parameters

_OK = 0  # ARGON2_OK
_NO_MEMORY = -22  # ARGON2_MEMORY_ALLOCATION_ERROR
_NO_THREAD = -33  # ARGON2_THREAD_FAIL


def compute_in(
    lent: mmap.mmap, recipe: Recipe, password: bytes, *, secret: bytes = b"", associated_data: bytes = b""
) -> bytes:
    """Return the tag of a password, computed in zeros that are lent; zeros are left there.

    The library wipes them itself (``clear_internal_memory``) before it calls ``free_cbk``; ``can_lend`` makes sure.

    Args:
        lent: ``memory_cost`` KiB or more.
        recipe: what else the tag follows from.
        password: the message of RFC 9106 §3.1.
        secret: K of RFC 9106 §3.1; passwords have none, a pepper is mixed into them before.
        associated_data: X of the same; passwords have none.

    Raises:
        MemoryError: too little was lent, or no thread was to be had for a lane.
        HashingError: there is no such recipe.
    """
    tag = ffi.new("uint8_t[]", recipe.tag_length)
    interruptions: list[BaseException] = []  # Ctrl-C is told in whatever Python runs next: if in a callback, C drops it
    with ffi.from_buffer("uint8_t[]", lent, require_writable=True) as room:
        fields = {  # held until C is done: it frees nothing of theirs
            "out": tag,
            **_texts(pwd=password, salt=recipe.salt, secret=secret, ad=associated_data),
            **_numbers(recipe),
            **_callbacks(room, onerror=lambda _, error, __: interruptions.append(error)),
        }
        code = low_level.core(ffi.new("argon2_context *", fields), recipe.kind.value)
    for interruption in interruptions:
        raise interruption
    if code != _OK:
        raise _failure(error_to_str(code))
    return bytes(ffi.buffer(tag))


def _texts(**octets: bytes) -> dict[str, object]:
    pointers = {name: ffi.from_buffer("uint8_t[]", text) for name, text in octets.items()}
    return {**pointers, **{f"{name}len": len(text) for name, text in octets.items()}}


def _numbers(recipe: Recipe) -> dict[str, int]:
    return {
        "outlen": recipe.tag_length,
        "t_cost": recipe.cost.time_cost,
        "m_cost": recipe.cost.memory_cost,
        "lanes": recipe.cost.parallelism,
        "threads": recipe.cost.parallelism,
        "version": recipe.version,
    }


def _callbacks(room: Any, *, onerror: Callable[..., None]) -> dict[str, object]:
    """Return what hands out the room, and what takes nothing back: it belongs to whoever lent it."""

    def allocate(memory: list[object], size: int) -> int:
        if size > len(room):
            return _NO_MEMORY  # and the pointer that is asked for stays NULL, which is what the library looks at
        memory[0] = room
        return _OK

    return {
        "allocate_cbk": ffi.callback("int(uint8_t **, size_t)", allocate, _NO_MEMORY, onerror),
        "free_cbk": ffi.callback("void(uint8_t *, size_t)", lambda _, __: None, None, onerror),
    }


def compute(recipe: Recipe, password: bytes) -> bytes:
    """Return the tag of a password, computed in memory that the library takes and frees.

    Raises:
        MemoryError: the system has none, or no thread for a lane.
        HashingError: there is no such recipe.
    """
    cost = recipe.cost
    try:
        return hash_secret_raw(
            password,
            recipe.salt,
            time_cost=cost.time_cost,
            memory_cost=cost.memory_cost,
            parallelism=cost.parallelism,
            hash_len=recipe.tag_length,
            type=recipe.kind,
            version=recipe.version,
        )
    except HashingError as error:
        raise _failure(str(error)) from error


def _failure(text: str) -> MemoryError | HashingError:
    is_shortage = text in {error_to_str(code) for code in (_NO_MEMORY, _NO_THREAD)}
    return MemoryError(text) if is_shortage else HashingError(text)


@cache
def can_lend() -> bool:
    """Whether these bindings compute in memory that is lent to them, come to the same tag, and wipe it.

    Both ways are tried once, at the least cost there is. On whatever goes wrong they are left to memory of their own.
    """
    cost = Argon2Parameters.unsafe_only_for_tests()
    recipe = Recipe.current(cost, salt=b"coproauth's salt")
    try:
        with HashingMemory().lend(cost.memory_cost * 1024, keep=False) as lent:
            return compute_in(lent, recipe, b"lent") == compute(recipe, b"lent") and not any(lent[:])
    except Exception:  # noqa: BLE001 - other bindings: a field, a callback or a buffer that is not there
        return False
