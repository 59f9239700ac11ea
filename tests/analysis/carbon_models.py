"""Carbons whose rings, sheets and layers are known, and an independent count of rings."""

from __future__ import annotations

from collections import deque

import numpy as np
from ase import Atoms
from ase.build import graphene, nanotube

from carbonize.analysis.bonds import BondNetwork

BOND_A = 1.42


def graphene_sheet(nx: int, ny: int, vacuum: float | None = None) -> Atoms:
    """A sheet of 2 nx ny atoms."""
    return graphene(a=BOND_A * 3**0.5, vacuum=vacuum, size=(nx, ny, 1))


def stone_wales(nx: int = 6, ny: int = 6) -> Atoms:
    """Graphene with one bond turned by 90 degrees, relaxed by springs on its bonds."""
    sheet = graphene_sheet(nx, ny, vacuum=8.0)
    sheet.pbc = (True, True, False)
    middle = sheet.cell.array[:2].sum(axis=0) / 2
    first = int(np.argmin(np.linalg.norm(sheet.positions[:, :2] - middle[:2], axis=1)))
    apart = sheet.get_distances(first, range(len(sheet)), mic=True)
    second = int(np.argsort(apart)[1])
    center = (sheet.positions[first] + sheet.positions[second]) / 2
    for atom in (first, second):
        x, y, z = sheet.positions[atom] - center
        sheet.positions[atom] = center + [-y, x, z]
    return sheet


def graphite_slab(layers: int, spacing: float = 3.354, repeat: int = 5) -> Atoms:
    """AB graphite between vacua."""
    sheet = graphene_sheet(repeat, repeat)
    slab = None
    for k in range(layers):
        layer = sheet.copy()
        layer.positions[:, 1] += (k % 2) * BOND_A
        layer.positions[:, 2] = k * spacing
        slab = layer if slab is None else slab + layer
    assert slab is not None
    cell = sheet.cell.array.copy()
    cell[2] = [0, 0, layers * spacing + 12.0]
    slab.set_cell(cell)
    slab.pbc = True
    return slab


def tubes(*indices: int, length: int = 5) -> Atoms:
    """Armchair tubes (n, n) within each other, periodic along their axis."""
    whole = None
    for n in indices:
        tube = nanotube(n, n, length=length, bond=BOND_A)
        tube.positions[:, :2] -= tube.positions[:, :2].mean(axis=0)
        whole = tube if whole is None else whole + tube
    assert whole is not None
    whole.pbc = (False, False, True)
    return whole


def rings_by_walking(network: BondNetwork, largest: int) -> np.ndarray:
    """Shortest-path rings of each size: every closed walk from every atom, each pair of its atoms checked.

    Slow, and nothing in common with the search but the bonds.
    """
    counts = np.zeros(largest + 1)

    def ahead(node):
        atom, image = node
        for bond in range(network.start[atom], network.start[atom + 1]):
            shift = tuple(int(a + b) for a, b in zip(image, network.shift[bond], strict=True))
            yield int(network.second[bond]), shift

    def distances(node):
        found, queue = {node: 0}, deque([node])
        while queue:
            one = queue.popleft()
            if found[one] < largest // 2:
                for other in ahead(one):
                    if other not in found:
                        found[other] = found[one] + 1
                        queue.append(other)
        return found

    home = {}
    for atom in range(network.n_atoms):
        home[atom] = distances((atom, (0, 0, 0)))

    def apart(one, other):
        shift = tuple(b - a for a, b in zip(one[1], other[1], strict=True))
        return home[one[0]].get((other[0], shift), largest)

    def walk(path):
        for other in ahead(path[-1]):
            size = len(path)
            if other == path[0] and size > 2:
                if all(
                    apart(path[i], path[j]) == min(j - i, size - j + i)
                    for i in range(size)
                    for j in range(i + 1, size)
                ):
                    counts[size] += 1 / (2 * size)  # from each atom, both ways around
            elif other not in path and size < largest and apart(path[0], other) <= largest - size:
                walk([*path, other])

    for atom in range(network.n_atoms):
        walk([(atom, (0, 0, 0))])
    return np.rint(counts).astype(int)
