"""Pores and their classes.

A pore is a peak of the clearance field in the void that helium's centre can occupy; the
merge tree gives each void node to one pore (its basin), so pore volumes add up to
helium's accessible plus inaccessible volume. The class of a pore follows from its
entrance: the largest probe that reaches its peak from outside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.pores.merging import MergeTree
from carbonize.analysis.pores.network import Network
from carbonize.config.models import ClassLimits
from carbonize.units import cm3_per_g

__all__ = [
    "CLASS_NAMES",
    "SMALLEST_VOLUME_A3",
    "WINDING_NAMES",
    "Pore",
    "class_of",
    "class_totals",
    "find_pores",
]

SMALLEST_VOLUME_A3 = 1e-9
"""Less than this is rounding: a void into which helium fits exactly, without room to move."""

CLASS_NAMES = ("open", "quasi-closed", "closed", "fully-closed")

WINDING_NAMES = ("through", "dead-end", "isolated")


@dataclasses.dataclass(frozen=True)
class Pore:
    """One pore.

    Attributes
    ----------
    class_name
        One of :data:`CLASS_NAMES`.
    entrance_A
        Diameter of the largest probe that reaches the pore from outside; None if none does.
    diameter_A
        Diameter of the largest sphere in the pore.
    volume_A3
        The pore's share of the void of helium's centre.
    center_A
        Cartesian position of the largest sphere, in the given cell.
    margin_A
        Distance of the entrance to the nearest class limit; None without an entrance.

    What follows is found by :func:`carbonize.analysis.pores.describe.describe_pores`.

    necks_A
        Diameters of the necks on the widest way to the outside, from the pore outward; the
        smallest is the entrance. Empty where nothing reaches the pore.
    area_A2
        Area of its wall, on which helium's centre touches it.
    window_area_A2
        Area of its openings to other pores, or to periodic images of itself.
    sphericity
        Of its whole surface, wall and openings; None where that is not positive.
    gyration_eigenvalues_A2
        Of the void in which helium's centre can go from its largest sphere without leaving it, the
        largest first.
    volume_margin
        Share of its volume, 0 to 1, that is expected to keep the pore's class where the radius of the
        atoms is uncertain by 0.1 A (standard deviation).
    probes
        Names of the probes that reach its largest sphere from outside.
    winding
        One of :data:`WINDING_NAMES`: on the network on which helium gets from one period to
        another, on a branch of it, or out of helium's reach.
    """

    class_name: str
    entrance_A: float | None
    diameter_A: float
    volume_A3: float
    center_A: tuple[float, float, float]
    margin_A: float | None
    necks_A: tuple[float, ...] = ()
    area_A2: float = 0.0
    window_area_A2: float = 0.0
    sphericity: float | None = None
    gyration_eigenvalues_A2: tuple[float, float, float] = (0.0, 0.0, 0.0)
    volume_margin: float = 1.0
    probes: tuple[str, ...] = ()
    winding: str = "isolated"

    def as_item(self, number: int) -> dict[str, Any]:
        """The entry of this pore in the results' ``items``."""
        return {
            "id": number,
            "class": self.class_name,
            "entrance_A": self.entrance_A,
            "diameter_A": self.diameter_A,
            "volume_A3": self.volume_A3,
            "center_A": list(self.center_A),
            "margin_A": self.margin_A,
            "necks_A": list(self.necks_A),
            "area_A2": self.area_A2,
            "window_area_A2": self.window_area_A2,
            "sphericity": self.sphericity,
            "gyration_eigenvalues_A2": list(self.gyration_eigenvalues_A2),
            "volume_margin": self.volume_margin,
            "probes": list(self.probes),
            "winding": self.winding,
        }


def class_of(entrance_A: float | None, limits: ClassLimits) -> str:
    """Class of a pore with the given entrance diameter (A).

    >>> class_of(3.3, ClassLimits()), class_of(None, ClassLimits())
    ('quasi-closed', 'fully-closed')
    """
    if entrance_A is None or entrance_A < limits.closed_A:
        return "fully-closed"
    if entrance_A < limits.quasi_closed_A:
        return "closed"
    return "quasi-closed" if entrance_A < limits.open_A else "open"


def find_pores(
    network: Network,
    tree: MergeTree,
    node_position: Float[np.ndarray, "node 3"],
    node_volume: Float[np.ndarray, " node"],
    atom_radius_A: float,
    limits: ClassLimits,
) -> tuple[list[Pore], Int[np.ndarray, " node"]]:
    """All pores, the most voluminous first, and the pore of each node (-1: of none).

    Parameters
    ----------
    network, tree
        Of the same structure.
    node_position
        Cartesian positions (A) to report.
    node_volume
        Contribution (A^3) of each node to the void of helium's centre.
    atom_radius_A
        Hard-sphere radius of the atoms.
    limits
        Entrance diameters that part the classes.
    """
    edges = (limits.open_A, limits.quasi_closed_A, limits.closed_A)
    in_void = np.flatnonzero(tree.basin >= 0)
    peaks, member = np.unique(tree.basin[in_void], return_inverse=True)
    volumes = np.bincount(member, weights=node_volume[in_void], minlength=len(peaks))
    ranked = np.argsort(-volumes, kind="stable")
    ranked = ranked[volumes[ranked] >= SMALLEST_VOLUME_A3]
    place = np.full(len(peaks), -1)
    place[ranked] = np.arange(len(ranked))
    pore_of_node = np.full(len(tree.basin), -1)
    pore_of_node[in_void] = place[member]
    pores = []
    for peak, volume in zip(peaks[ranked], volumes[ranked], strict=True):
        width = 2 * (float(tree.access[peak]) - atom_radius_A)
        entrance = width if width > 0 else None
        x, y, z = (float(value) for value in node_position[peak])
        pores.append(
            Pore(
                class_name=class_of(entrance, limits),
                entrance_A=entrance,
                diameter_A=2 * (float(network.radius[peak]) - atom_radius_A),
                volume_A3=float(volume),
                center_A=(x, y, z),
                margin_A=None if entrance is None else min(abs(entrance - edge) for edge in edges),
            )
        )
    return pores, pore_of_node


def class_totals(pores: Sequence[Pore], mass_amu: float) -> dict[str, dict[str, Any]]:
    """Number, volume (A^3 and cm3/g) and share of helium's void of each class."""
    whole = sum(pore.volume_A3 for pore in pores)
    totals = {}
    for name in CLASS_NAMES:
        volumes = [pore.volume_A3 for pore in pores if pore.class_name == name]
        volume = float(sum(volumes))
        totals[name] = {
            "count": len(volumes),
            "volume_A3": volume,
            "volume_cm3_g": float(cm3_per_g(volume, mass_amu)),
            "fraction": volume / whole if whole > 0 else 0.0,
        }
    return totals
