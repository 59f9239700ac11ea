"""Analysis of one structure: the entry point :func:`analyze`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from carbonize.config.models import AnalysisConfig, ClassLimits
from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "DEFAULT_PARTS",
    "EVERY_TIME",
    "FIRST_AND_LAST",
    "LAST_ONLY",
    "PARTS",
    "SCHEMA_VERSION",
    "analyze",
    "check_parts",
    "check_probes",
    "results_document",
]

PARTS = ("bonding", "rings", "sheets", "pores", "occupiable", "psd", "scattering", "capacity")
"""What can be asked for. ``occupiable``, ``psd`` and ``capacity`` rest on the pores' results and bring those with them."""

DEFAULT_PARTS = ("bonding", "pores")
"""What is computed if nothing is asked for: what is fast."""

FIRST_AND_LAST = ("occupiable", "psd")
"""Parts that cost more than the others: a run asks for them in its first and last frame only."""

LAST_ONLY = ("scattering", "capacity")
"""Parts that a run asks for in its last frame only: what is compared with a measured carbon."""

EVERY_TIME = ("bonding", "rings", "sheets", "pores")
"""Parts that a run has of every frame that it analyses: what costs little beside the pores."""

SCHEMA_VERSION = 1

_LARGEST_CUTOFF_A = 20.0


def analyze(
    atoms: Atoms,
    what: str | Iterable[str] = DEFAULT_PARTS,
    radii: Mapping[str, float] | None = None,
    probes: Mapping[str, float] | None = None,
    bond_cutoff_A: float = 1.85,
    persistence_A: float = 0.5,
    class_limits: ClassLimits | None = None,
    radius_uncertainty_A: float = 0.0,
) -> dict[str, Any]:
    """Bonding, rings, sheets and pores of one structure, as plain numbers ready for JSON.

    Parameters
    ----------
    atoms
        Any structure; the cell may be triclinic, tiny, skewed, or open in any direction.
    what
        Parts to compute, from :data:`PARTS`; :data:`DEFAULT_PARTS` if not given.
    radii
        Hard-sphere radii (A) that override the table of :mod:`carbonize.analysis.radii`.
    probes
        Probe diameters (A) by name; He 2.6, CO2 3.3, N2 3.64 and EC 5.7 if None. The void
        that is split into pores is that of "He", 2.6 A if there is none.
    bond_cutoff_A
        Atoms at most this far apart are bonded.
    persistence_A
        Smallest rise (A) of a clearance peak above its saddle to be a pore of its own.
    class_limits
        Entrance diameters that part the pore classes.
    radius_uncertainty_A
        How far (A) the radii may be wrong: if not 0, pores are classed again with radii smaller
        and larger by so much, and ``pores`` has ``radius_uncertainty``, the ranges. Takes three
        times as long.

    Returns
    -------
    dict
        ``index`` (0), ``n_atoms``, ``cell_volume_A3`` (None without a cell),
        ``density_g_cm3`` (None unless periodic in all directions), and one entry per part:
        ``bonding`` (:func:`carbonize.analysis.bonding.bonding`), ``rings``
        (:func:`carbonize.analysis.rings.summary.ring_summary`), ``sheets``
        (:func:`carbonize.analysis.sheets.summary.sheet_summary`) and ``pores``
        (:func:`carbonize.analysis.pores.summary.pore_summary`), which also holds what ``occupiable`` and
        ``psd`` add; ``scattering`` (:func:`carbonize.analysis.scattering.summary.scattering_summary`, with
        ``raman``) and ``capacity`` (:func:`carbonize.analysis.capacity.capacity_summary`).

    Raises
    ------
    InputError
        For a structure or an argument that cannot be used.

    Examples
    --------
    >>> from ase.build import bulk
    >>> result = analyze(bulk("C", "diamond", a=3.567), what="bonding")
    >>> result["bonding"]["sp3"], round(result["density_g_cm3"], 2)
    (1.0, 3.52)
    """
    from carbonize.io.validation import validate_atoms
    from carbonize.units import density_g_cm3

    _check_kinds(atoms, radii, class_limits)
    parts = check_parts(what)
    cutoff = _number("the bond cutoff", bond_cutoff_A, largest=_LARGEST_CUTOFF_A)
    persistence = _number("the persistence", persistence_A, zero_allowed=True)
    uncertainty = _number("the radius uncertainty", radius_uncertainty_A, zero_allowed=True)
    probe_diameters = check_probes(AnalysisConfig().probes_A if probes is None else probes)
    validate_atoms(atoms)

    volume = float(abs(atoms.cell.volume))
    mass = float(atoms.get_masses().sum())
    periodic = bool(atoms.pbc.all())
    result: dict[str, Any] = {
        "index": 0,
        "n_atoms": len(atoms),
        "cell_volume_A3": volume if volume > 0 else None,
        "density_g_cm3": density_g_cm3(mass, volume) if periodic else None,
    }
    if {"bonding", "rings", "sheets"} & set(parts):
        from carbonize.analysis.bonds import bond_network

        network = bond_network(atoms, cutoff)
        if "bonding" in parts:
            from carbonize.analysis.bonding import bonding

            result["bonding"] = bonding(atoms, cutoff, network)
        if "rings" in parts:
            from carbonize.analysis.rings.rings import find_rings
            from carbonize.analysis.rings.summary import ring_summary

            result["rings"] = ring_summary(find_rings(network))
        if "sheets" in parts:
            from carbonize.analysis.sheets.summary import sheet_summary

            result["sheets"] = sheet_summary(atoms, cutoff, network)
    if {"pores", "occupiable", "psd", "capacity"} & set(parts):
        from carbonize.analysis.pores.summary import pore_summary
        from carbonize.analysis.radii import atom_radii

        radii_A = atom_radii(atoms.get_chemical_symbols(), radii)
        result["pores"] = pore_summary(
            atoms, radii_A, probe_diameters, persistence, class_limits, parts, uncertainty
        )
    if "scattering" in parts:
        from carbonize.analysis.raman import raman_summary
        from carbonize.analysis.scattering.summary import scattering_summary

        sizes = (result.get("pores") or {}).get("pore_size_distribution")
        result["scattering"] = scattering_summary(atoms, sizes)
        result["scattering"]["raman"] = raman_summary(result["scattering"]["xrd"]["La_A"])
    if "capacity" in parts:
        from carbonize.analysis.bonding import bonding
        from carbonize.analysis.capacity import capacity_summary

        bonds = result.get("bonding") or bonding(atoms, cutoff)
        result["capacity"] = capacity_summary(result["pores"], edges_mmol_g=bonds["edges_mmol_g"])
    return result


def _check_kinds(atoms: Any, radii: Any, class_limits: Any) -> None:
    """Refuse what is no structure, no mapping and no limits, with what to give instead."""
    from ase import Atoms

    if not isinstance(atoms, Atoms):
        kind = type(atoms).__name__
        raise InputError(
            f"one structure (ase.Atoms) is analysed at a time, got a {kind}; read a file with ase.io.read, "
            "or use the command carbonize analyze"
        )
    if radii is not None and not isinstance(radii, Mapping):
        raise InputError(f"radii must be in A by element, for example {{'C': 1.7}}, got {radii!r}")
    if class_limits is not None and not isinstance(class_limits, ClassLimits):
        raise InputError(
            f"class_limits must be a carbonize.config.ClassLimits, for example ClassLimits(open_A=6), got {class_limits!r}"
        )


def results_document(source: str, frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole JSON document around the frames' results."""
    return {"schema_version": SCHEMA_VERSION, "source": source, "frames": frames}


def check_parts(what: str | Iterable[str]) -> tuple[str, ...]:
    """The parts asked for, without repeats; ``what`` may be "bonding,pores".

    Raises
    ------
    InputError
        For an unknown part; the message names the nearest known one.
    """
    if not isinstance(what, Iterable):
        raise InputError(f"what must be names of parts, for example 'bonding,pores', got {what!r}")
    names = what.split(",") if isinstance(what, str) else list(what)
    names = [str(name).strip() for name in names]
    for name in names:
        if name not in PARTS:
            near = difflib.get_close_matches(name, PARTS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"unknown analysis {name!r}{hint} (known: {', '.join(PARTS)})")
    if not names:
        raise InputError(f"nothing to analyse: name at least one of {', '.join(PARTS)}")
    return tuple(dict.fromkeys(names))


def check_probes(probes: Mapping[str, float]) -> dict[str, float]:
    """Probe diameters (A) by name as floats.

    Raises
    ------
    InputError
        For an empty set or name, or a diameter that is negative or not finite; a point has diameter 0.
    """
    if not isinstance(probes, Mapping):
        raise InputError(f"probes must be diameters (A) by name, for example {{'He': 2.6}}, got {probes!r}")
    if not probes:
        raise InputError("no probes given; name at least one, for example He=2.6 (diameter in A)")
    checked = {}
    for name, diameter in probes.items():
        if not str(name).strip():
            raise InputError(f"a probe of diameter {diameter} A has no name; write for example He=2.6")
        checked[str(name)] = _number(
            f"the diameter of probe {name}", diameter, zero_allowed=True, largest=1000.0
        )
    return checked


def _number(what: str, value: Any, zero_allowed: bool = False, largest: float = math.inf) -> float:
    """``value`` as a float, or an :class:`InputError` that says what it should be."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    too_small = number < 0 if zero_allowed else number <= 0
    if isinstance(value, bool) or not math.isfinite(number) or too_small or number > largest:
        wanted = "zero or more" if zero_allowed else "more than 0"
        if math.isfinite(largest):
            wanted += f" and at most {largest:g}"
        raise InputError(f"{what} must be {wanted} A, got {value!r}")
    return number
