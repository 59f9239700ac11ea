"""Raman D to G ratios that layers of a given size would show, after two laws that exclude each other.

Tuinstra and Koenig (J. Chem. Phys. 53 (1970) 1126): I_D / I_G = C / La, for layers above 2 nm; C = 4.4 nm at
514.5 nm. Ferrari and Robertson (Phys. Rev. B 61 (2000) 14095): I_D / I_G = C' La^2 for smaller ones, C' = 0.0055
per A^2 at 514 nm, from where both meet at 2 nm. C depends on the laser: La = 2.4e-10 nm^-3 lambda^4 I_G / I_D
(Cancado et al., Appl. Phys. Lett. 88 (2006) 163106; for ratios of areas), which is 16.8 nm at 514.5 nm: so far do
calibrations differ.
"""

from __future__ import annotations

from typing import Any

__all__ = ["raman_summary"]

_TUINSTRA_KOENIG_A = 44.0
_FERRARI_ROBERTSON = 0.0055
_CANCADO_NM3 = 2.4e-10
_REFERENCE_NM = 514.5
_CROSSING_A = 20.0


def raman_summary(la_A: float | None, wavelength_nm: float = _REFERENCE_NM) -> dict[str, Any]:
    """I_D / I_G after both laws.

    Parameters
    ----------
    la_A
        Size of the layers (A), None if unknown.
    wavelength_nm
        Of the laser; Tuinstra and Koenig's constant is scaled with its fourth power.

    Returns
    -------
    dict
        ``ID_IG`` by law ("tuinstra_koenig", "ferrari_robertson", "cancado_areas"), ``law``: the one whose range
        La lies in, ``wavelength_nm``, ``estimate``; ``reason`` if La is unknown.

    >>> found = raman_summary(44.0)
    >>> found["ID_IG"]["tuinstra_koenig"], found["law"]
    (1.0, 'tuinstra_koenig')
    """
    note = "an estimate: calibrations differ by a factor of four, and disorder other than edges adds to D"
    result: dict[str, Any] = {"ID_IG": None, "law": None, "wavelength_nm": wavelength_nm, "estimate": note}
    if la_A is None:
        return {**result, "reason": "La is not known"}
    scale = (wavelength_nm / _REFERENCE_NM) ** 4
    ratios = {
        "tuinstra_koenig": _TUINSTRA_KOENIG_A * scale / la_A,
        "ferrari_robertson": _FERRARI_ROBERTSON * scale * la_A**2,
        "cancado_areas": 10 * _CANCADO_NM3 * wavelength_nm**4 / la_A,
    }
    law = "tuinstra_koenig" if la_A >= _CROSSING_A else "ferrari_robertson"
    return {**result, "ID_IG": ratios, "law": law, "reason": None}
