"""What a carbon could hold of sodium: estimates from its pores and edges, with what they assume.

The plateau is taken to be metallic sodium in closed pores, the slope sodium on defects, edges and open
walls. Neither is computed from an interaction: a range from low to high is part of each estimate.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FILLINGS", "SODIUM_MAH_CM3", "capacity_summary"]

SODIUM_MAH_CM3 = 1129.0
"""Charge (mAh) of the metallic sodium in a cm3: 0.968 g/cm3, 1166 mAh/g."""

FILLINGS = (0.5, 0.8, 1.0)
"""Share of the pore volume that sodium fills: low, best, high."""

_CLOSED = ("closed", "fully-closed")


def capacity_summary(
    pores: dict[str, Any], fillings: tuple[float, float, float] = FILLINGS
) -> dict[str, Any]:
    """Plateau capacity from closed pore volume; what is missing for the slope.

    Parameters
    ----------
    pores
        As :func:`carbonize.analysis.pores.summary.pore_summary` returns it. With its occupiable volumes,
        pores hold what helium's body covers; without, what its centre reaches, which is less.
    fillings
        Share of that volume that is filled: low, best, high.

    Returns
    -------
    dict
        ``plateau_mAh_g`` [low, best, high]: low is the closed volume alone, at the low filling; best and high
        add quasi-closed pores, half of them and all. ``slope_mAh_g`` None with ``slope_reason``.
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
        "slope_mAh_g": None,
        "slope_reason": "no coefficient per defect or open area that agrees between published carbons: "
        "an estimate would be a guess",
        "closed_cm3_g": closed,
        "quasi_closed_cm3_g": quasi,
        "assumptions": {
            "filling": list(fillings),
            "quasi_closed_share": [0.0, 0.5, 1.0],
            "sodium_mAh_cm3": SODIUM_MAH_CM3,
            "volume": basis,
            "estimate": "metallic sodium in pores that no solvent enters; fully closed pores are taken to fill "
            "through their walls, which measured carbons often do not",
        },
    }
