"""What the colours of atoms say: their number of neighbours, their rings, or their element."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from carbonize.errors import InputError
from carbonize.report.scene import coordination_of
from carbonize.report.style import (
    BONDING_COLORS,
    BONDING_LABELS,
    OTHER_COLOR,
    RING_COLORS,
    RING_LABELS,
    coordination_color,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["COLORINGS", "Coloring", "check_coloring", "color_atoms"]

COLORINGS = ("hybridisation", "ring", "element")

_LARGEST_RING = 12
_TELLING = (("4", (3, 4)), ("5", (5,)), ("7", (7,)), ("6", (6,)), ("8", (8,)), ("9", (9, 10, 11, 12)))


@dataclasses.dataclass(frozen=True)
class Coloring:
    """The kind of every atom, and what each kind is called.

    Attributes
    ----------
    title
        What is told apart.
    labels, colors
        Name and colour (hex) of each kind.
    kind
        Shape (atom,): the atom's place in ``labels``.
    """

    title: str
    labels: tuple[str, ...]
    colors: tuple[str, ...]
    kind: np.ndarray


def check_coloring(how: str) -> str:
    """The name of a colouring.

    Raises
    ------
    InputError
        For an unknown one.
    """
    if how not in COLORINGS:
        raise InputError(f"unknown colouring {how!r} (known: {', '.join(COLORINGS)})")
    return how


def color_atoms(atoms: Atoms, how: str, bond_cutoff_A: float) -> Coloring:
    """Colour the atoms of a structure.

    Parameters
    ----------
    atoms
        In a periodic cell.
    how
        ``hybridisation``: the number of neighbours. ``ring``: of the shortest-path rings through the
        atom the first of: 3 or 4 atoms, pentagon, heptagon, hexagon, larger ones. Nearly every atom of
        a sheet has a hexagon; so the pentagons and heptagons that bend it stand out. ``element``.
    bond_cutoff_A
        Longest bond (A).

    Raises
    ------
    InputError
        For an unknown colouring.
    """
    check_coloring(how)
    if how == "element":
        return _elements(atoms)
    if how == "ring":
        names = list(RING_COLORS)
        kind = _ring_kinds(atoms, bond_cutoff_A, names)
        return _coloring("Atoms by ring (5 and 7 before 6)", names, RING_LABELS, RING_COLORS, kind)
    names = [*BONDING_COLORS, "other"]
    place = {color: i for i, color in enumerate([*BONDING_COLORS.values(), OTHER_COLOR])}
    neighbours = coordination_of(atoms, bond_cutoff_A)
    kind = np.array([place[coordination_color(int(c))] for c in neighbours], dtype=np.int64)
    labels = {**BONDING_LABELS, "other": "5 or more neighbours"}
    return _coloring(
        "Atoms by number of neighbours", names, labels, {**BONDING_COLORS, "other": OTHER_COLOR}, kind
    )


def _coloring(
    title: str, names: list[str], labels: dict[str, str], colors: dict[str, str], kind: np.ndarray
) -> Coloring:
    return Coloring(title, tuple(labels[n] for n in names), tuple(colors[n] for n in names), kind)


def _elements(atoms: Atoms) -> Coloring:
    from ase.data import chemical_symbols
    from ase.data.colors import jmol_colors
    from matplotlib.colors import to_hex

    numbers, kind = np.unique(atoms.numbers, return_inverse=True)
    labels = tuple(chemical_symbols[n] for n in numbers)
    # white atoms would be lost on white paper
    colors = tuple(to_hex(tuple(np.minimum(jmol_colors[n], 0.86).tolist())) for n in numbers)
    return Coloring("Atoms by element", labels, colors, kind)


def _ring_kinds(atoms: Atoms, bond_cutoff_A: float, names: list[str]) -> np.ndarray:
    """Place in ``names`` of each atom's telling ring."""
    from carbonize.analysis.rings.rings import ring_membership, shortest_path_rings

    rings = shortest_path_rings(atoms, bond_cutoff_A, _LARGEST_RING)
    member = ring_membership(rings, len(atoms), _LARGEST_RING) > 0
    kind = np.full(len(atoms), names.index("none"))
    for name, sizes in reversed(_TELLING):
        kind[member[:, [size - 3 for size in sizes]].any(axis=1)] = names.index(name)
    return kind
