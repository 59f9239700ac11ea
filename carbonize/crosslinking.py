"""Packed, cross-linked graphene fragments: geometry, then as many sp3 bridges as asked for, relaxed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from carbonize.config.builds import FragmentsMatrix
from carbonize.errors import InputError
from carbonize.potentials.base import Potential
from carbonize.relaxing import CarbonRelaxer
from carbonize.simulation.minimize import Minimum
from carbonize.structures.cavities import Cavities
from carbonize.structures.cross_links import bonds_within, bridges, choose_links, pull_together
from carbonize.structures.curvature import fitted_radius_A
from carbonize.structures.fragments import draw_fragments, pack_apart
from carbonize.structures.random_packing import cubic_edge_A
from carbonize.structures.springs import minimum_image

__all__ = ["CROSS_LINK_TOLERANCE", "fragment_structure", "measure_fragments"]

CROSS_LINK_TOLERANCE = 0.01
"""A structure whose fraction of bridges is farther from the target than this comes with a warning."""

_MOST_ROUNDS = 14
_LARGEST_BATCH = 0.06  # of the atoms become bridges in one round: others move up meanwhile
_PATIENCE = 4
_NEAR_ENOUGH = 0.002
_ROUND_STEPS = 600
_LAST_STEPS = 3000

Say = Callable[[str, float | None], None]


@dataclasses.dataclass(frozen=True)
class _State:
    minimum: Minimum
    found: int


def fragment_structure(
    potential: Potential,
    settings: FragmentsMatrix,
    atoms: int,
    density_g_cm3: float,
    seed: int,
    force_tolerance_eV_A: float,
    say: Say,
    cavities: Cavities | None = None,
) -> tuple[Any, Minimum, dict[str, Any]]:
    """Fragments in a cube, joined by sp3 bridges, relaxed.

    Links are made a few at a time: two atoms are drawn together by springs, the whole is relaxed with the
    potential, and what held is counted, until the fraction of bridges is the one asked for or
    no more can be made.

    Parameters
    ----------
    potential
        Force law.
    settings
        Fragments, their curvature and their cross-linking.
    atoms, density_g_cm3, seed
        Size and density of the cell, and the seed of all chance.
    force_tolerance_eV_A
        Largest force at the end, eV/A.
    say
        Called with (what happens, fraction done or None).
    cavities
        Space that stays free.

    Returns
    -------
    atoms
        :class:`ase.Atoms`; ``arrays["fragment"]`` is the number of each atom's fragment.
    minimum
        Of the last relaxation.
    extra
        ``fragments`` (:func:`measure_fragments`) and ``warnings``.

    Raises
    ------
    InputError
        If fragments do not fit into the cell or cannot be packed that densely.
    """
    from ase import Atoms

    rng = np.random.default_rng(seed)
    edge = cubic_edge_A(atoms, density_g_cm3)
    shapes = draw_fragments(settings, atoms, edge, rng)
    if settings.cross_linking > 0 and len(shapes) < 2:
        raise InputError(
            f"{atoms} atoms are a single fragment of that size, which has nothing to be linked to; use smaller "
            "fragments, more atoms, or no cross-linking"
        )
    packing = pack_apart(shapes, edge, rng, cavities, lambda done: say("packing fragments", 0.3 * done))
    fragment = packing.fragment
    start = pull_together(packing.positions % edge, edge, np.empty((0, 2), np.int64), cavities)
    relaxer = CarbonRelaxer(potential, start, np.eye(3) * edge)
    wanted = round(settings.cross_linking * atoms)

    def relaxed(positions: np.ndarray, steps: int = _ROUND_STEPS) -> _State:
        minimum = relaxer(positions, force_tolerance_eV_A, steps)
        here = minimum.positions % edge
        found = int(bridges(bonds_within(here, edge), fragment).sum())
        return _State(minimum._replace(positions=here), found)

    say("relaxing", 0.3)
    state = relaxed(start)
    state = _linked(state, relaxed, fragment, edge, wanted, cavities, rng, say)
    say("relaxing", 0.95)
    state = relaxed(state.minimum.positions, _LAST_STEPS)
    made = Atoms(f"C{atoms}", positions=state.minimum.positions, cell=[edge] * 3, pbc=True)
    made.set_array("fragment", fragment.astype(np.int64))
    found = measure_fragments(made, settings)
    warnings = []
    if abs(found["cross_linking"] - settings.cross_linking) > CROSS_LINK_TOLERANCE:
        warnings.append(
            f"cross-linking: {100 * found['cross_linking']:.1f} % of the atoms are sp3 bridges, "
            f"{100 * settings.cross_linking:.1f} % were asked for"
        )
    return made, state.minimum, {"fragments": found, "warnings": warnings}


def measure_fragments(atoms: Any, settings: FragmentsMatrix) -> dict[str, Any]:
    """What packed fragments are like; ``atoms.arrays["fragment"]`` names each atom's fragment.

    Returns
    -------
    dict
        ``count``; ``mean_atoms``, ``smallest_atoms``, ``largest_atoms``; ``cross_linking_target``;
        ``cross_linking`` (fraction of atoms with four neighbours within 1.85 A, one of them in another
        fragment); ``bridge_atoms``; ``links`` (bonds between fragments); ``linked_fragments`` (those that
        have a link); ``curvature_radius_target_A`` (None if flat) and ``curvature_radius_A``, the median over
        fragments of the radius of the best sphere (of the best cylinder, if those were asked for).
    """
    fragment = atoms.arrays["fragment"]
    edge = float(atoms.cell[0, 0])
    bonds = bonds_within(atoms.positions, edge)
    ends = fragment[bonds]
    across = ends[:, 0] != ends[:, 1]
    sizes = np.bincount(fragment)
    bridging = bridges(bonds, fragment)
    radii = [
        fitted_radius_A(_whole(atoms.positions[fragment == k], edge), settings.curvature)
        for k in range(len(sizes))
    ]
    return {
        "count": len(sizes),
        "mean_atoms": float(sizes.mean()),
        "smallest_atoms": int(sizes.min()),
        "largest_atoms": int(sizes.max()),
        "cross_linking_target": float(settings.cross_linking),
        "cross_linking": float(bridging.mean()),
        "bridge_atoms": int(bridging.sum()),
        "links": int(across.sum()),
        "linked_fragments": len(np.unique(ends[across])),
        "curvature": settings.curvature,
        "curvature_radius_target_A": settings.radius_A,
        "curvature_radius_A": float(np.median(radii)),
    }


def _linked(
    state: _State,
    relaxed: Callable[[np.ndarray], _State],
    fragment: np.ndarray,
    edge: float,
    wanted: int,
    free: Cavities | None,
    rng: np.random.Generator,
    say: Say,
) -> _State:
    """The state with the number of bridges nearest to ``wanted`` that was met."""
    best, spent, idle = state, set(), 0
    batch = max(2, round(_LARGEST_BATCH * len(fragment)))
    for turn in range(_MOST_ROUNDS):
        missing = wanted - state.found
        if missing <= _NEAR_ENOUGH * len(fragment) or idle >= _PATIENCE:
            break
        say(f"cross-links: {state.found} of {wanted} bridge atoms", 0.3 + 0.65 * turn / _MOST_ROUNDS)
        here = state.minimum.positions
        links = choose_links(here, edge, fragment, min(missing, batch), spent, rng)
        if len(links) == 0:
            break
        new = relaxed(pull_together(here, edge, links, free))
        apart = minimum_image(new.minimum.positions[links[:, 0]] - new.minimum.positions[links[:, 1]], edge)
        broken = links[np.sqrt((apart**2).sum(1)) > 1.85]
        spent |= {(int(a), int(b)) for a, b in broken}
        if new.found - wanted > max(1, wanted - state.found):
            # more came than were wanted: other pairs closed by themselves; try again with fewer
            batch, idle = max(1, batch // 2), idle + 1
        else:
            idle = 0 if new.found > best.found else idle + 1
            state = new
        if abs(new.found - wanted) < abs(best.found - wanted):
            best = new
    return best


def _whole(positions: np.ndarray, edge: float) -> np.ndarray:
    """A fragment's atoms (atom, 3) beside each other, not wrapped: each next to one that is placed."""
    placed = positions.copy()
    left = list(range(1, len(positions)))
    front = [0]
    while left and front:
        here = front.pop()
        rest = np.array(left)
        away = minimum_image(positions[rest] - placed[here], edge)
        near = (away**2).sum(1) < 2.2**2
        placed[rest[near]] = placed[here] + away[near]
        front += rest[near].tolist()
        left = rest[~near].tolist()
    if left:
        rest = np.array(left)
        placed[rest] = placed[0] + minimum_image(positions[rest] - placed[0], edge)
    return placed
