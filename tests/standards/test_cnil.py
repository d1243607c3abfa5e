"""CNIL 2022-100, the recommendation on passwords: what no other test was written for."""

from __future__ import annotations

import math

from coproauth import Policy
from coproauth.core.password_policy import violations


def test_cnil_the_weakest_shape_of_a_password_has_more_than_fifty_bits() -> None:
    """Of every alphabet that one may draw from alone, the shortest that is taken has the entropy of case 2."""
    policy = Policy()
    shapes = {10: "31415926535897932384", 26: "qzvkxwjphybgmfd"}

    for size, shortest in shapes.items():
        assert violations(shortest, context=(), policy=policy) == ()
        assert violations(shortest[:-1], context=(), policy=policy) != ()
        assert len(shortest) * math.log2(size) > 50
