"""Carbon EDIP with pairs beyond the core against the same with slots."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bond_lists import random_bonds

from carbonize.potentials.base import PAD_A, Bonds, Pairs
from carbonize.potentials.edip import Edip
from carbonize.potentials.pairs import portion
from carbonize.potentials.slots import compiler_options

CAPACITY = (8, 8, 40, 24, 256, 30)


def paired(bonds: Bonds, slots_to_A: float = 3.0, from_A: float = 1.6) -> Bonds:
    """The same bonds with slots up to ``slots_to_A`` and pairs from ``from_A`` on."""
    index, x, y, z = (np.asarray(a) for a in (bonds.index, bonds.x, bonds.y, bonds.z))
    r = np.sqrt(x * x + y * y + z * z)
    atoms = index.shape[1]
    own = np.broadcast_to(np.arange(atoms), index.shape)
    far = (r >= from_A) & (r < 100.0) & (own < index)
    size = portion(atoms)
    room = max(2, -(-int(far.sum()) // size)) * size
    first, second = np.zeros(room, np.int32), np.zeros(room, np.int32)
    vectors = np.zeros((3, room), x.dtype)
    vectors[0] = PAD_A
    first[: far.sum()], second[: far.sum()] = own[far], index[far]
    vectors[:, : far.sum()] = [c[far] for c in (x, y, z)]
    short = r < slots_to_A
    return Bonds(
        index, np.where(short, x, PAD_A), np.where(short, y, 0), np.where(short, z, 0),
        Pairs(first, second, *vectors),
    )  # type: ignore[arg-type]  # fmt: skip


def evaluate(bonds: Bonds, with_virials: bool | str = True):
    with jax.enable_x64(True):
        function = jax.jit(
            lambda b: Edip().evaluate(b, jnp.zeros(b.x.shape[1], jnp.int32), CAPACITY, with_virials),
            compiler_options=compiler_options(),
        )
        return jax.device_get(function(bonds))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 3e-4)])
def test_pairs_give_what_slots_give(dtype: str, tolerance: float) -> None:
    bonds = random_bonds(120, 5, dtype)
    slots, pairs = evaluate(bonds), evaluate(paired(bonds))
    scale = np.abs(slots.forces).max()
    np.testing.assert_allclose(pairs.energies, slots.energies, atol=tolerance)
    np.testing.assert_allclose(pairs.forces, slots.forces, atol=tolerance * scale)
    np.testing.assert_allclose(pairs.virials.sum(1), slots.virials.sum(1), atol=10 * tolerance * scale)
    trace = evaluate(paired(bonds), "trace").virials
    assert trace.shape == (1, 120)
    np.testing.assert_allclose(trace.sum(), slots.virials[:3].sum(), atol=10 * tolerance * scale)
    assert (pairs.usage[1:3] == 0).all()
    assert (slots.usage[5] == 0).all()
    assert 20 < pairs.usage[5].max() < 30


def test_no_bond_falls_between_slots_and_pairs() -> None:
    # dimers a few units in the last place about where the core ends, in single precision and in
    # directions that round differently: a bond seen twice or never would be off by 0.1 in z
    rng = np.random.default_rng(1)
    dimers = 4000
    direction = rng.normal(size=(3, dimers))
    direction /= np.linalg.norm(direction, axis=0)
    vectors = (direction * (2.0 + rng.uniform(-3e-7, 3e-7, dimers))).astype(np.float32)
    index = np.arange(2 * dimers, dtype=np.int32).reshape(dimers, 2)[:, ::-1].reshape(1, -1)
    both = np.stack([vectors, -vectors], axis=-1).reshape(3, 1, -1)
    bonds = Bonds(index, *both)  # type: ignore[arg-type]
    found = evaluate(paired(bonds), False)
    assert np.ptp(found.energies) < 1e-4
    count = found.usage[0]
    assert 0 < count.sum() < 2 * dimers, "the sample lies on both sides of the limit"
