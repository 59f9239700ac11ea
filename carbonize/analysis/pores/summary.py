"""All pore results of one structure, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.analysis.pores.classify import class_totals, find_pores
from carbonize.analysis.pores.embedding import embed, in_convex_hull
from carbonize.analysis.pores.merging import merge_tree
from carbonize.analysis.pores.network import build_network
from carbonize.analysis.pores.tessellation import tessellate
from carbonize.analysis.pores.volumes import void_measures
from carbonize.config.models import ClassLimits

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["HELIUM_DIAMETER_A", "pore_summary"]

HELIUM_DIAMETER_A = 2.6
"""Kinetic diameter of helium, whose void is split into pores unless ``probes`` has another He."""


def pore_summary(
    atoms: Atoms,
    atom_radius_A: float,
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    limits: ClassLimits | None = None,
) -> dict[str, Any]:
    """Pore network, void volumes and classified pores of one structure.

    Diameters are those of free hard spheres: twice the distance to the nearest atom's
    centre minus twice the atom's radius. Open directions get vacuum (see
    :mod:`carbonize.analysis.pores.embedding`), which then is the outside and part of the void.

    Parameters
    ----------
    atoms
        At least one atom; cell and boundary conditions of any kind.
    atom_radius_A
        Hard-sphere radius of every atom.
    probes_A
        Probe diameters by name.
    persistence_A
        Smallest rise (A) of a peak of the distance field above its saddle to be a pore.
    limits
        Entrance diameters that part the classes.

    Returns
    -------
    dict
        ``largest_included_sphere_A`` (0 if nothing fits); ``largest_free_sphere_A`` and
        ``largest_free_sphere_along_A`` (None where no void winds: no outside, or, along an
        axis, no way through); ``probes``; ``classes``; ``items``.

    Raises
    ------
    InputError
        If no certified tessellation is found.
    """
    limits = limits or ClassLimits()
    embedding = embed(atoms)
    tessellation = tessellate(atoms.positions - embedding.corner, embedding.cell)
    network = build_network(tessellation)
    helium = probes_A.get("He", HELIUM_DIAMETER_A) / 2
    tree = merge_tree(network, atom_radius_A, helium, persistence_A)

    diameters = np.array([*probes_A.values(), 2 * helium], dtype=float)
    levels = atom_radius_A + diameters / 2
    volumes, areas = void_measures(tessellation, network, levels)
    fractional = tessellation.center @ np.linalg.inv(tessellation.vectors) - tessellation.origin
    positions = embedding.wrap(fractional @ tessellation.change @ embedding.cell + embedding.corner)
    pores = find_pores(network, tree, positions, volumes[-1], atom_radius_A, limits)

    probes = {}
    for name, level, volume, area in zip(probes_A, levels, volumes, areas, strict=False):
        winds = tree.access > level
        probes[name] = {
            "diameter_A": float(probes_A[name]),
            "accessible_volume_A3": max(0.0, float(volume[winds].sum())),  # not -1e-15
            "inaccessible_volume_A3": max(0.0, float(volume[~winds].sum())),
            "accessible_area_A2": max(0.0, float(area[winds].sum())),
            "inaccessible_area_A2": max(0.0, float(area[~winds].sum())),
        }

    def free_sphere(level: float) -> float | None:
        width = 2 * (float(level) - atom_radius_A)
        return width if width > 0 else None

    along = [
        free_sphere(level) if periodic else None
        for level, periodic in zip(tree.axis_level, embedding.periodic, strict=True)
    ]
    counted = network.radius
    if not embedding.periodic.any():
        counted = counted[in_convex_hull(positions, atoms.positions)]
    largest = float(counted.max(initial=atom_radius_A))
    return {
        "largest_included_sphere_A": 2 * (largest - atom_radius_A),
        "largest_free_sphere_A": free_sphere(tree.winding_level) if embedding.periodic.any() else None,
        "largest_free_sphere_along_A": along,
        "probes": probes,
        "classes": class_totals(pores, float(atoms.get_masses().sum())),
        "items": [pore.as_item(number) for number, pore in enumerate(pores)],
    }
