"""What a start structure has become: the numbers that are printed and kept with it."""

from __future__ import annotations

from typing import Any

from carbonize.analysis.frame import analyze

__all__ = ["measure"]

_HELIUM_A = 2.6


def measure(atoms: Any, minimum: Any | None = None) -> dict[str, Any]:
    """Size, density, bonding and void of a periodic structure, as plain numbers.

    Parameters
    ----------
    atoms
        :class:`ase.Atoms`.
    minimum
        Of the relaxation (:class:`carbonize.simulation.minimize.Minimum`); None if there was none.

    Returns
    -------
    dict
        ``n_atoms``, ``cell_A`` (lengths of the cell vectors), ``density_g_cm3``, ``sp``, ``sp2``,
        ``sp3`` (fractions of atoms with 2, 3, 4 neighbours within 1.85 A), ``void_fraction_He`` (share of
        the cell that helium's centre can be in), ``porosity_He`` (share that the helium atom's body
        can cover) with its standard error, ``largest_included_sphere_A``,
        ``largest_free_sphere_A``, ``class_volume_cm3_g`` by class; with ``minimum``
        ``potential_eV_per_atom``, ``max_force_eV_A``, ``relaxation_steps`` and ``relaxed``.
    """
    frame = analyze(atoms, what=["bonding", "pores", "occupiable"], probes={"He": _HELIUM_A})
    bonding, pores = frame["bonding"], frame["pores"]
    helium, body = pores["probes"]["He"], pores["occupiable"]["He"]
    void_A3 = helium["accessible_volume_A3"] + helium["inaccessible_volume_A3"]
    found: dict[str, Any] = {
        "n_atoms": len(atoms),
        "cell_A": [float(x) for x in atoms.cell.lengths()],
        "density_g_cm3": frame["density_g_cm3"],
        **{name: bonding[name] for name in ("sp", "sp2", "sp3")},
        "mean_bond_length_A": bonding["mean_bond_length_A"],
        "void_fraction_He": void_A3 / frame["cell_volume_A3"],
        "largest_included_sphere_A": pores["largest_included_sphere_A"],
        "largest_free_sphere_A": pores["largest_free_sphere_A"],
        "class_volume_cm3_g": {name: entry["volume_cm3_g"] for name, entry in pores["classes"].items()},
    }
    if body["accessible_cm3_g"] is not None:
        covered = body["accessible_cm3_g"] + body["inaccessible_cm3_g"]
        found["porosity_He"] = covered * frame["density_g_cm3"]
        found["porosity_He_error"] = body["error_cm3_g"] * frame["density_g_cm3"]
    if minimum is not None:
        found["potential_eV_per_atom"] = minimum.potential_eV / len(atoms)
        found["max_force_eV_A"] = float(minimum.max_force_eV_A)
        found["relaxation_steps"] = int(minimum.steps)
        found["relaxed"] = bool(minimum.converged)
    return found
