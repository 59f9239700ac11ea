"""What a carbon could hold of sodium: estimates from its pores and edges, with what they assume.

The plateau is taken to be metallic sodium in closed pores, the slope sodium on defects, edges and open
walls. Neither is computed from an interaction: a range from low to high is part of each estimate.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AREAL_CAPACITANCES_UF_CM2",
    "FILLINGS",
    "SODIUM_MAH_CM3",
    "SODIUM_PER_EDGE",
    "capacity_summary",
]

SODIUM_MAH_CM3 = 1129.0
"""Charge (mAh) of the metallic sodium in a cm3: 0.968 g/cm3, 1166 mAh/g."""

FILLINGS = (0.5, 0.8, 1.0)
"""Share of the pore volume that sodium fills: low, best, high."""

AREAL_CAPACITANCES_UF_CM2 = (4.0, 10.0, 21.0)
"""Charge that a carbon's open wall holds per area and volt (microfarad/cm2): low, best, high.

Porous carbons 4 to 13 (Chmiola et al., Science 313 (2006) 1760), both faces of graphene's 21 (Xia et al., Nat.
Nanotechnol. 4 (2009) 505).
"""

SODIUM_PER_EDGE = (0.0, 0.5, 1.0)
"""Sodium ions that an edge atom binds: low, best, high. Not known: none at all, or one each like hydrogen."""

_WINDOW_V = 1.9  # the slope, from 2.0 to 0.1 V against sodium
_MAH_PER_MMOL = 26.801  # Faraday's constant
_CLOSED = ("closed", "fully-closed")


def capacity_summary(
    pores: dict[str, Any],
    fillings: tuple[float, float, float] = FILLINGS,
    edges_mmol_g: float | None = None,
) -> dict[str, Any]:
    """Plateau capacity from closed pore volume, slope capacity from edges and open walls.

    Parameters
    ----------
    pores
        As :func:`carbonize.analysis.pores.summary.pore_summary` returns it. With its occupiable volumes,
        pores hold what helium's body covers; without, what its centre reaches, which is less.
    fillings
        Share of that volume that is filled: low, best, high.
    edges_mmol_g
        Edge atoms (:func:`carbonize.analysis.bonding.bonding`).

    Returns
    -------
    dict
        ``plateau_mAh_g`` [low, best, high]: low is the closed volume alone, at the low filling; best and high
        add quasi-closed pores, half of them and all. ``slope_mAh_g`` [low, best, high]: the wall that the largest
        probe reaches times :data:`AREAL_CAPACITANCES_UF_CM2`, and edges times :data:`SODIUM_PER_EDGE`; None with
        ``slope_reason`` without edges or probes. ``open_area_m2_g``, ``edges_mmol_g``,
        ``closed_cm3_g``, ``quasi_closed_cm3_g``, ``assumptions``.
    """
    classes = pores["classes"]
    closed = sum(float(classes[name]["volume_cm3_g"]) for name in _CLOSED)
    quasi = float(classes["quasi-closed"]["volume_cm3_g"])
    total = sum(float(entry["volume_cm3_g"]) for entry in classes.values())
    basis = "the volume that helium's centre reaches (the least that a pore holds)"
    covered = pores.get("occupiable") and pores["occupiable"].get("He")
    keys = ("accessible_cm3_g", "inaccessible_cm3_g")
    known = [float(covered[key]) for key in keys if covered[key] is not None] if covered else []
    if total > 0 and len(known) == len(keys):
        # the classes share what the body covers as they share what its centre reaches
        scale = sum(known) / total
        closed, quasi = closed * scale, quasi * scale
        basis = "the volume that a helium atom covers, parted as what its centre reaches"
    low, best, high = fillings
    return {
        "plateau_mAh_g": [
            SODIUM_MAH_CM3 * low * closed,
            SODIUM_MAH_CM3 * best * (closed + 0.5 * quasi),
            SODIUM_MAH_CM3 * high * (closed + quasi),
        ],
        **_slope(pores, edges_mmol_g),
        "closed_cm3_g": closed,
        "quasi_closed_cm3_g": quasi,
        "assumptions": {
            "filling": list(fillings),
            "quasi_closed_share": [0.0, 0.5, 1.0],
            "sodium_mAh_cm3": SODIUM_MAH_CM3,
            "areal_capacitance_uF_cm2": list(AREAL_CAPACITANCES_UF_CM2),
            "sodium_per_edge": list(SODIUM_PER_EDGE),
            "slope_window_V": _WINDOW_V,
            "volume": basis,
            "estimate": "metallic sodium in pores that no solvent enters; fully closed pores are taken to fill "
            "through their walls, which measured carbons often do not",
        },
    }


def _slope(pores: dict[str, Any], edges_mmol_g: float | None) -> dict[str, Any]:
    """What open walls and edges hold above the plateau's voltage."""
    probes = pores.get("probes") or {}
    if edges_mmol_g is None or not probes:
        missing = "edges were not counted" if probes else "no probe says which walls are open"
        return {
            "slope_mAh_g": None,
            "slope_reason": missing,
            "open_area_m2_g": None,
            "edges_mmol_g": edges_mmol_g,
        }
    largest = max(probes.values(), key=lambda probe: probe["diameter_A"])
    area = float(largest["accessible_area_m2_g"])
    farad_g = [1e-2 * c * area for c in AREAL_CAPACITANCES_UF_CM2]
    return {
        "slope_mAh_g": [
            farad * _WINDOW_V / 3.6 + _MAH_PER_MMOL * sodium * edges_mmol_g
            for farad, sodium in zip(farad_g, SODIUM_PER_EDGE, strict=True)
        ],
        "slope_reason": None,
        "open_area_m2_g": area,
        "edges_mmol_g": edges_mmol_g,
    }
