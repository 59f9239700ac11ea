"""Arithmetic with cells in standard form: rows are vectors, lower triangular, positive diagonal.

Written out component by component: no matrix products, whose order of additions may
depend on the size of a batch, and no general inverse.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["fractional", "heights_A", "inverse", "shifted", "volume_A3", "wrapped"]


def inverse(cell: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """The inverse (1/A) of one cell (traceable)."""
    (a, _, _), (b, c, _), (d, e, f) = cell
    zero = jnp.zeros_like(a)
    return jnp.stack(
        [
            jnp.stack([1.0 / a, zero, zero]),
            jnp.stack([-b / (a * c), 1.0 / c, zero]),
            jnp.stack([(b * e - c * d) / (a * c * f), -e / (c * f), 1.0 / f]),
        ]
    )


def volume_A3(cell: Float[Array, "3 3"]) -> Float[Array, ""]:
    """Volume of one cell (traceable)."""
    return cell[0, 0] * cell[1, 1] * cell[2, 2]


def heights_A(cell: Float[Array, "3 3"]) -> Float[Array, "3"]:
    """Distances between opposite faces of one cell (traceable)."""
    inv = inverse(cell)
    return 1.0 / jnp.sqrt(jnp.sum(inv * inv, axis=0))


def fractional(positions: Float[Array, "*shape 3"], cell: Float[Array, "3 3"]) -> Float[Array, "*shape 3"]:
    """Positions in units of the cell vectors (traceable)."""
    return _times(positions, inverse(cell))


def shifted(
    positions: Float[Array, "*shape 3"], images: Float[Array, "*shape 3"], cell: Float[Array, "3 3"]
) -> Float[Array, "*shape 3"]:
    """Positions moved by whole cell vectors (traceable)."""
    return positions + _times(images, cell)


def wrapped(positions: Float[Array, "atom 3"], cell: Float[Array, "3 3"]) -> Float[Array, "atom 3"]:
    """Positions moved into the cell (traceable); one that is inside stays as it is to the last bit."""
    return shifted(positions, -jnp.floor(fractional(positions, cell)), cell)


def _times(vectors: Array, matrix: Array) -> Array:
    """``vectors @ matrix`` for a lower triangular matrix."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return jnp.stack(
        [
            x * matrix[0, 0] + y * matrix[1, 0] + z * matrix[2, 0],
            y * matrix[1, 1] + z * matrix[2, 1],
            z * matrix[2, 2],
        ],
        axis=-1,
    )
