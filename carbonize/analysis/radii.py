"""Hard-sphere radii of the elements.

Van der Waals radii of Bondi, J. Phys. Chem. 68 (1964) 441, in the revision and extension
to all main-group elements by Mantina et al., J. Phys. Chem. A 113 (2009) 5806. Carbon's
1.70 A is the value used throughout the literature on carbon pores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

import numpy as np
from jaxtyping import Float

from carbonize.errors import InputError

__all__ = ["RADII_A", "atom_radii", "check_radius_uncertainty", "element_radii"]

# fmt: off
RADII_A: dict[str, float] = {
    "H": 1.10, "He": 1.40,
    "Li": 1.81, "Be": 1.53, "B": 1.92, "C": 1.70, "N": 1.55, "O": 1.52, "F": 1.47, "Ne": 1.54,
    "Na": 2.27, "Mg": 1.73, "Al": 1.84, "Si": 2.10, "P": 1.80, "S": 1.80, "Cl": 1.75, "Ar": 1.88,
    "K": 2.75, "Ca": 2.31, "Ga": 1.87, "Ge": 2.11, "As": 1.85, "Se": 1.90, "Br": 1.83, "Kr": 2.02,
    "Rb": 3.03, "Sr": 2.49, "In": 1.93, "Sn": 2.17, "Sb": 2.06, "Te": 2.06, "I": 1.98, "Xe": 2.16,
    "Cs": 3.43, "Ba": 2.68, "Tl": 1.96, "Pb": 2.02, "Bi": 2.07,
}
# fmt: on
"""Default radii in A."""


def element_radii(symbols: Iterable[str], overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Radius (A) of each element that occurs in ``symbols``.

    Raises
    ------
    InputError
        For an element without a radius, or a radius that is not a positive finite number.
    """
    from ase.data import atomic_numbers

    given = dict(overrides or {})
    for element, radius in given.items():
        if element not in atomic_numbers:
            raise InputError(f"radius {element}={radius}: {element!r} is not a chemical element")
        if isinstance(radius, bool) or not (
            isinstance(radius, Real) and math.isfinite(radius) and 0 < radius <= 10
        ):
            raise InputError(f"radius {element}={radius}: a radius must lie between 0 and 10 A")
    table = {**RADII_A, **given}
    found = sorted(set(symbols))
    missing = [element for element in found if element not in table]
    if missing:
        raise InputError(
            f"no hard-sphere radius is known for {', '.join(missing)}; give one, "
            f"for example --radius {missing[0]}=1.7 (in A)"
        )
    return {element: float(table[element]) for element in found}


def atom_radii(
    symbols: Sequence[str], overrides: Mapping[str, float] | None = None
) -> Float[np.ndarray, " atom"]:
    """Radius (A) of each atom.

    Raises
    ------
    InputError
        As :func:`element_radii`.
    """
    table = element_radii(symbols, overrides)
    return np.array([table[symbol] for symbol in symbols])


def check_radius_uncertainty(delta_A: float, smallest_radius_A: float) -> None:
    """Make sure that atoms keep a radius.

    Raises
    ------
    InputError
        If the uncertainty is as large as the smallest radius.
    """
    if delta_A >= smallest_radius_A:
        raise InputError(
            f"the radius uncertainty of {delta_A:g} A leaves nothing of a radius of {smallest_radius_A:g} A; "
            "make it smaller (analysis.radius_uncertainty_A, --radius-uncertainty), for example 0.1"
        )
