"""Time and temperature traded for each other by one activation energy.

A thermally activated process runs at the rate nu exp(-Ea/kT). Two heat treatments that
give it the same integral of exp(-Ea/kT) dt have brought it equally far: they are
equivalent for this process, and only for it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from carbonize.errors import InputError
from carbonize.units import BOLTZMANN_EV_K

__all__ = ["relative_rate", "thermal_dose"]

_SUBDIVISIONS = 100
_BLOCK = 10_000  # intervals at a time, to bound the memory


def relative_rate(
    temperature_K: ArrayLike, activation_energy_eV: float, reference_K: float
) -> Float[np.ndarray, "..."]:
    """How many times faster than at ``reference_K`` an activated process runs at ``temperature_K``.

    exp(-Ea/kT) / exp(-Ea/kTref): Arrhenius (1889). Temperatures of 0 K and below stand still.

    >>> round(float(relative_rate(3500.0, 7.0, 3000.0)), 1)
    47.9
    """
    kelvin = np.asarray(temperature_K, dtype=float)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(kelvin > 0, 1.0 / np.where(kelvin > 0, kelvin, 1.0), np.inf)
        return np.exp(-activation_energy_eV / BOLTZMANN_EV_K * (inverse - 1.0 / reference_K))


def thermal_dose(
    time_ps: ArrayLike, temperature_K: ArrayLike, activation_energy_eV: float, reference_K: float
) -> Float[np.ndarray, "... sample"]:
    """The time (ps) at ``reference_K`` that a heat treatment is worth, up to every sample.

    The integral of exp(-Ea/kT(t)) / exp(-Ea/kTref) dt from the first sample on, with the
    temperature a straight line between samples. Good to one part in a thousand where a
    single interval heats from 300 to 3500 K, and far better where samples are close.

    Parameters
    ----------
    time_ps
        Times (ps), shape (sample,), not falling. Any other unit comes back as it went in.
    temperature_K
        Temperatures (K), shape (..., sample).
    activation_energy_eV
        Of the process whose progress is counted; above 0.
    reference_K
        The temperature at which the dose is a time; above 0.

    Returns
    -------
    array
        Shape (..., sample), 0 at the first sample.

    Raises
    ------
    InputError
        If energy or reference are not above 0, times fall, or shapes do not fit.

    Examples
    --------
    >>> thermal_dose([0.0, 1.0, 3.0], [3000.0, 3000.0, 3000.0], 7.0, 3000.0)
    array([0., 1., 3.])
    """
    for name, value in (("activation_energy_eV", activation_energy_eV), ("reference_K", reference_K)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"thermal dose: {name} must be above 0, got {value:g}")
    time = np.asarray(time_ps, dtype=float)
    kelvin = np.asarray(temperature_K, dtype=float)
    if time.ndim != 1 or kelvin.ndim < 1 or kelvin.shape[-1] != time.size:
        raise InputError(f"thermal dose: {time.shape} times do not fit {kelvin.shape} temperatures")
    steps = np.diff(time)
    if np.any(steps < 0):
        raise InputError("thermal dose: the times must not fall")
    dose = np.zeros(kelvin.shape)
    if not steps.size:
        return dose
    part = np.linspace(0.0, 1.0, _SUBDIVISIONS + 1)
    gained = np.empty((*kelvin.shape[:-1], steps.size))
    for begin in range(0, steps.size, _BLOCK):
        some = slice(begin, begin + _BLOCK)
        first, last = kelvin[..., :-1][..., some, None], kelvin[..., 1:][..., some, None]
        rate = relative_rate(first + part * (last - first), activation_energy_eV, reference_K)
        gained[..., some] = steps[some] * np.mean(_log_mean(rate[..., :-1], rate[..., 1:]), axis=-1)
    np.cumsum(gained, axis=-1, out=dose[..., 1:])
    return dose


def _log_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of an exponential from ``a`` to ``b``: exact where log-rate is straight."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(b / a)
        mean = (b - a) / ratio
    # alike, or one of them zero by underflow: the arithmetic mean
    return np.where(np.isfinite(mean) & (np.abs(ratio) > 1e-6), mean, 0.5 * (a + b))
