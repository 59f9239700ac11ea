"""Topology of graphene fragments: rings grown one by one around the first.

A fragment is a planar map of hexagons and, where it shall be curved, pentagons. By Euler's
formula a sheet whose bonds have one length holds one pentagon for every pi/3 of Gaussian
curvature: a closed cage has 12, and a piece of area A of a sphere of radius R has
3 A / (pi R^2).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from carbonize.config.builds import AREA_PER_ATOM_A2
from carbonize.errors import InputError

__all__ = ["SMALLEST_FLAKE", "Flake", "flake_sizes", "grow_flake", "pentagons_expected"]

SMALLEST_FLAKE = 16
"""From here on (pyrene) there is a fragment of hexagons for every number of atoms."""

_ENDGAME_ATOMS = 9


@dataclasses.dataclass(frozen=True)
class Flake:
    """Rings and bonds of one fragment.

    Attributes
    ----------
    rings
        Atoms of each ring, in order around it.
    boundary
        Atoms around the fragment, in order.
    """

    rings: tuple[tuple[int, ...], ...]
    boundary: tuple[int, ...]

    @property
    def atoms(self) -> int:
        """How many."""
        return 1 + max(max(ring) for ring in self.rings)

    @property
    def bonds(self) -> np.ndarray:
        """Bonded pairs, shape (bond, 2), each once, sorted."""
        pairs = {
            (min(a, b), max(a, b))
            for ring in self.rings
            for a, b in zip(ring, ring[1:] + ring[:1], strict=True)
        }
        return np.array(sorted(pairs))

    @property
    def pentagons(self) -> int:
        """Number of rings of five."""
        return sum(len(ring) == 5 for ring in self.rings)


def pentagons_expected(atoms: int, radius_A: float) -> float:
    """Pentagons that a round piece of so many atoms has on a sphere of this radius (A).

    The area is the mean of that of its rings and of that of its atoms, between which the
    edge lies.

    >>> round(pentagons_expected(20, 6.5), 1)  # corannulene, whose bowl has about this radius, has 1
    0.9
    """
    area = AREA_PER_ATOM_A2 * (atoms - np.sqrt(1.5 * atoms) + 1)
    return float(3 * area / (np.pi * radius_A**2))


def flake_sizes(atoms: int, mean: float, spread: float, rng: np.random.Generator) -> list[int]:
    """Numbers of atoms of fragments that are ``atoms`` together.

    Parameters
    ----------
    atoms
        In all.
    mean, spread
        Of a fragment: mean number of atoms, and standard deviation over mean (normal).
    rng
        Where chance comes from.

    Raises
    ------
    InputError
        If a fragment of that size has more atoms than there are.
    """
    if mean > atoms or atoms < SMALLEST_FLAKE:
        raise InputError(
            f"fragments of {mean:.0f} atoms do not fit into {atoms} atoms; use more atoms or smaller fragments"
        )
    mean = max(mean, SMALLEST_FLAKE)
    count = max(1, min(round(atoms / mean), atoms // SMALLEST_FLAKE))
    drawn = np.maximum(mean * (1 + spread * rng.standard_normal(count)), SMALLEST_FLAKE)
    above = drawn - SMALLEST_FLAKE
    spare = atoms - count * SMALLEST_FLAKE
    share = above / above.sum() if above.sum() > 0 else np.full(count, 1 / count)
    ends = np.rint(np.cumsum(share) * spare).astype(int)
    return [SMALLEST_FLAKE + int(n) for n in np.diff(ends, prepend=0)]


def grow_flake(atoms: int, pentagons: int, rng: np.random.Generator) -> Flake:
    """A compact fragment of exactly ``atoms`` atoms.

    Rings are added where they close the deepest notch of the edge, so that the outline stays
    round; among equal notches chance decides. Pentagons are spread over the inner rings, no two side
    by side where that can be avoided.

    Parameters
    ----------
    atoms
        At least :data:`SMALLEST_FLAKE`.
    pentagons
        Rings of five among the rings; there may be fewer in a small fragment.
    rng
        Where chance comes from.
    """
    for _ in range(200):
        rings = max(1, round(atoms / 2 - np.sqrt(1.5 * atoms) + 1))
        inner = max(pentagons, round(0.6 * rings))
        fives = set(rng.permutation(inner)[:pentagons].tolist())
        flake = _grow(atoms, fives, rng)
        if flake is not None:
            return flake
    raise InputError(f"no fragment of {atoms} atoms with {pentagons} pentagons was found; use larger ones")


class _Edge:
    """The growing fragment: its rings, and its edge as a cycle with each atom's number of bonds."""

    def __init__(self, first: int) -> None:
        self.rings: list[tuple[int, ...]] = [tuple(range(first))]
        self.cycle: list[int] = list(range(first))
        self.three: set[int] = set()
        self.atoms = first
        self.fives: set[int] = set(range(first)) if first == 5 else set()

    def copy(self) -> _Edge:
        new = object.__new__(_Edge)
        new.rings, new.cycle, new.three = list(self.rings), list(self.cycle), set(self.three)
        new.atoms, new.fives = self.atoms, set(self.fives)
        return new

    def notches(self, ring: int) -> list[tuple[int, int]]:
        """Places for a ring of this size: (bonds of the edge that it takes, where they start in the cycle)."""
        n = len(self.cycle)
        free = [k for k, atom in enumerate(self.cycle) if atom not in self.three]
        found = []
        for k, start in enumerate(free):
            bonds = (free[(k + 1) % len(free)] - start) % n or n
            if bonds < ring:
                found.append((bonds, start))
        return found

    def touches_five(self, bonds: int, start: int) -> bool:
        n = len(self.cycle)
        return any(self.cycle[(start + k) % n] in self.fives for k in range(bonds + 1))

    def add(self, ring: int, bonds: int, start: int) -> None:
        n = len(self.cycle)
        turned = self.cycle[start:] + self.cycle[:start]
        taken, rest = turned[: bonds + 1], turned[bonds + 1 :]
        fresh = list(range(self.atoms, self.atoms + ring - bonds - 1))
        self.atoms += len(fresh)
        # the new ring runs back from the end of the notch to its start
        self.rings.append(tuple(taken + fresh[::-1]))
        self.cycle = [taken[0], *fresh, taken[-1], *rest]
        self.three |= {taken[0], taken[-1]}
        if ring == 5:
            self.fives |= set(self.rings[-1])
        assert n - (bonds - 1) + len(fresh) == len(self.cycle)


def _grow(atoms: int, fives: set[int], rng: np.random.Generator) -> Flake | None:
    edge = _Edge(5 if 0 in fives else 6)
    while atoms - edge.atoms > _ENDGAME_ATOMS:
        waiting = [k for k in fives if k >= len(edge.rings)]
        ring = 5 if any(k <= len(edge.rings) for k in waiting) else 6
        places = edge.notches(ring)
        if ring == 5:
            apart = [p for p in places if not edge.touches_five(*p)]
            if not apart and len(edge.rings) < 4 * (max(fives) + 1):
                fives = {k + 1 if k >= len(edge.rings) else k for k in fives}
                ring, places = 6, edge.notches(6)
            else:
                places = apart or places
        if not places:
            return None
        deepest = max(bonds for bonds, _ in places)
        best = [p for p in places if p[0] == deepest]
        edge.add(ring, *best[rng.integers(len(best))])
    done = _finish(edge, atoms)
    return None if done is None else Flake(tuple(done.rings), tuple(done.cycle))


def _finish(edge: _Edge, atoms: int) -> _Edge | None:
    """Hexagons that make the number exact, the deepest notches first; None if there are none."""
    if edge.atoms == atoms:
        return edge
    places = sorted(edge.notches(6), reverse=True)
    tried: set[int] = set()
    for bonds, start in places:
        if bonds in tried or edge.atoms + 5 - bonds > atoms:
            continue
        tried.add(bonds)
        longer = edge.copy()
        longer.add(6, bonds, start)
        done = _finish(longer, atoms)
        if done is not None:
            return done
    return None
