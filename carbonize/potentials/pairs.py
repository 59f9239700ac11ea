"""Pairs of atoms in a row, worked on in portions that stay in a processor's caches."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from carbonize.potentials.base import Pairs

__all__ = ["in_portions", "portion", "to_both"]

_PORTION = 4096
_LEAST = 256


def portion(atoms: int) -> int:
    """Pairs that are worked on at a time.

    It depends on nothing that grows, and a list has at least two portions: so the arithmetic is the
    same whatever room there is.
    """
    return min(_PORTION, max(_LEAST, -(-2 * atoms // _LEAST) * _LEAST))


def in_portions(pairs: Pairs, atoms: int) -> Pairs:
    """All arrays as (portion, pair)."""
    return Pairs(*(values.reshape(-1, portion(atoms)) for values in pairs))


def to_both(
    total: Float[Array, " atom"],
    pairs: Pairs,
    of_first: Float[Array, " pair"],
    of_second: Float[Array, " pair"],
) -> Float[Array, " atom"]:
    """Values added to the entries of the first and of the second atoms."""
    total = total.at[pairs.first].add(of_first, mode="promise_in_bounds")
    return total.at[pairs.second].add(of_second, mode="promise_in_bounds")
