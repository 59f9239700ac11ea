"""Energies, forces and virials of all atoms: the three rounds, for one core or between several."""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.coordination import (
    backwards,
    coordination,
    repulsion,
    total_coordination,
)
from carbonize.potentials.edip_loops.layout import BLOCK, N_PARAMETERS
from carbonize.potentials.edip_loops.neighbours import neighbours, say_unsound
from carbonize.potentials.edip_loops.numbers import exponentials_of
from carbonize.potentials.edip_loops.triples import edges, exponentials, functions_of_Z, pairs_and_triples
from carbonize.potentials.foreign import compiled

__all__ = ["forces", "second_round"]


@compiled
def second_round(
    given: Any, parameters: Any, energies: Any, total: Any, angular: Any, stress: Any, reach: Any,
    atom: Any, slope: Any, partner: Any, reaction: Any, starts: Any, near_who: Any, near: Any, far_who: Any, far: Any,
    block: Any, edge_starts: Any, edge_who: Any, edge: Any, triple: Any, lanes: Any,
) -> None:  # fmt: skip
    """Everything up to dE/dZ, and what it means for z and M of all; arguments as those of :func:`forces`."""
    total[:] = 0.0
    angular[:] = 0.0
    stress[:] = 0.0
    slope[:] = 0.0
    reaction[:] = 0.0
    n_atoms = given[1].shape[1]
    for begin in range(0, n_atoms, BLOCK):
        size = min(BLOCK, n_atoms - begin)
        total_coordination(
            parameters, begin, size, atom, partner, starts, near_who, near, far_who, far, block, lanes
        )
        edges(
            given, parameters, parameters[N_PARAMETERS - 2], begin, size, reach, starts,
            near_who, near, far_who, far, block, edge_starts, edge_who, edge,
        )  # fmt: skip
        functions_of_Z(parameters, size, block)
        n_triples = exponentials(parameters, size, block, edge_starts, edge, triple)
        exponentials_of(triple[1, :n_triples])
        pairs_and_triples(
            parameters, begin, size, energies, total, stress, block, edge_starts, edge_who, edge, triple
        )
        repulsion(
            parameters, begin, size, angular, stress, atom, slope, partner, reaction,
            starts, near_who, near, far_who, far, block, lanes,
        )  # fmt: skip


@compiled
def forces(
    given: Any,
    parameters: Any,
    energies: Any,
    force: Any,
    stress: Any,
    reach: Any,
    atom: Any,
    slope: Any,
    partner: Any,
    reaction: Any,
    total: Any,
    angular: Any,
    starts: Any,
    near_who: Any,
    near: Any,
    far_who: Any,
    far: Any,
    vectors: Any,
    block: Any,
    edge_starts: Any,
    edge_who: Any,
    edge: Any,
    triple: Any,
    lanes: Any,
) -> None:
    """Energies, forces and virials of all atoms.

    Parameters
    ----------
    given
        Whether bond vectors are to be made from lists and positions, or are given; index, x, y, z as in
        :class:`carbonize.potentials.base.Bonds`, (slot, atom); shift, positions and cells as in
        :class:`carbonize.potentials.base.Lists`, (3, slot, atom), (all, 3), (replica, 3, 3).
    parameters
        Values of :data:`PARAMETERS`; how far (A) before a + a'Z U2 and U3 end, where they are below 1e-12 eV; and
        whether there are lists, as a number.
    energies, force, stress, reach
        Results: (atom,) eV, (3, atom) eV/A, (1 or 6, atom) eV, (atom,) A; with one row of
        ``stress`` the trace of the virials.
    atom, slope, partner, reaction, total, angular, starts
        Working space: twice (atom, BY_ATOM), (atom,) pi(z), (atom,) dE/dpi, (atom, 3) forces of U2 and U3 and
        of the coordination, (2, atom + 1). The two are apart so that no sum depends on where blocks begin.
    near_who, near, far_who, far
        (slot * atom,), (BY_NEAR, slot * atom + ROW_GAP), (slot * atom,), (BY_FAR, slot * atom + ROW_GAP).
    vectors, block, edge_starts, edge_who, edge, triple
        (4, slot + 1, ROW_GAP), (BY_ATOM_OF_BLOCK, BLOCK), (BLOCK + 1,), (BLOCK * slot,),
        (BY_EDGE, BLOCK * slot + ROW_GAP), (2, BLOCK * slot * (slot - 1) / 2 + ROW_GAP).
    lanes
        (slot * BY_CHUNK * LANES,), see :mod:`carbonize.potentials.edip_loops.dihedral`.
    """
    sound = neighbours(given, parameters, starts, near_who, near, far_who, far, vectors, edge_who)
    coordination(parameters, atom, partner, starts, near, far, edge)
    second_round(
        given, parameters, energies, total, angular, stress, reach, atom, slope, partner, reaction, starts,
        near_who, near, far_who, far, block, edge_starts, edge_who, edge, triple, lanes,
    )  # fmt: skip
    backwards(angular, stress, atom, slope, reaction, starts, near_who, near)
    for i in range(force.shape[1]):
        for c in range(3):
            force[c, i] = total[i, c] + angular[i, c]
    if not sound:
        say_unsound(given, energies, force)
