"""Fits to the intensities of a cell's wave vectors at small angles.

The intensity of one wave vector of a disordered structure is not close to its mean but spread
exponentially around it, and a small cell has few of them. So models are fitted by the likelihood of
exponential intensities (Whittle, Ark. Mat. 2 (1953) 423), which no choice of shells or weights enters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

__all__ = [
    "FEWEST_LENGTHS",
    "WORST_MISFIT",
    "Intensities",
    "WhittleFit",
    "binned",
    "fit_model",
    "flat_background",
    "misfit",
]

FEWEST_LENGTHS = 3
"""With wave vectors of fewer lengths nothing is fitted."""

WORST_MISFIT = 0.3
"""Root mean square of data over model minus 1, beyond statistics, above which a curve has another shape."""


@dataclasses.dataclass(frozen=True)
class Intensities:
    """Mean intensity of the wave vectors of each length.

    Attributes
    ----------
    k
        1/A.
    vectors
        Wave vectors of this length; k and -k count as two and are not independent.
    values
        Electron units per atom, the fall of the form factor divided out.
    volume_A3, atoms
        Of the cell.
    """

    k: Float[np.ndarray, " shell"]
    vectors: Float[np.ndarray, " shell"]
    values: Float[np.ndarray, " shell"]
    volume_A3: float
    atoms: int

    def between(self, low: float, high: float) -> Intensities:
        """Only what lies between two wave numbers (1/A)."""
        keep = (self.k >= low) & (self.k <= high)
        return dataclasses.replace(self, k=self.k[keep], vectors=self.vectors[keep], values=self.values[keep])

    @property
    def lengths(self) -> int:
        """How many lengths of wave vectors there are that differ by more than 2 %."""
        if not len(self.k):
            return 0
        return 1 + int((np.diff(np.log(self.k)) > 0.02).sum())


@dataclasses.dataclass(frozen=True)
class WhittleFit:
    """Logarithms of a model's parameters, their standard errors, and the model at the fitted shells."""

    logs: Float[np.ndarray, " parameter"]
    errors: Float[np.ndarray, " parameter"]
    model: Float[np.ndarray, " shell"]
    cost: float


def fit_model(
    data: Intensities,
    model: Callable[[np.ndarray, np.ndarray], np.ndarray],
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
) -> WhittleFit:
    """Most likely parameters of ``model(logs of parameters, k)``, the best of several starts."""
    weight = data.vectors / 2
    tiny = 1e-9 * max(float(data.values.max(initial=0.0)), 1e-12)

    def cost(logs: np.ndarray) -> float:
        shape = model(logs, data.k) + tiny
        return float((weight * (np.log(shape) + data.values / shape)).sum() / weight.sum())

    found = [
        minimize(cost, np.clip(s, *np.array(bounds).T), bounds=bounds, method="L-BFGS-B") for s in starts
    ]
    best = min(found, key=lambda one: one.fun)
    jacobian = np.array(
        [
            (np.log(model(best.x + step, data.k) + tiny) - np.log(model(best.x - step, data.k) + tiny)) / 2e-4
            for step in 1e-4 * np.eye(len(best.x))
        ]
    )
    information = (jacobian * weight) @ jacobian.T
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(information, rcond=1e-10)), 0))
    return WhittleFit(best.x, errors, model(best.x, data.k) + tiny, float(best.fun))


def binned(data: Intensities, edges: Float[np.ndarray, " edge"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean wave number, mean intensity and number of vectors of each bin that holds any."""
    place = np.digitize(data.k, edges)
    count = np.bincount(place, data.vectors, len(edges) + 1)
    held = np.flatnonzero(count)
    k = np.bincount(place, data.vectors * data.k, len(edges) + 1)[held] / count[held]
    mean = np.bincount(place, data.vectors * data.values, len(edges) + 1)[held] / count[held]
    return k, mean, count[held]


def misfit(data: Intensities, model: Float[np.ndarray, " shell"], bins: int = 10) -> float:
    """Root mean square of data over model minus 1 in bins, beyond what few wave vectors explain.

    Bins count by their wave vectors.
    """
    ratio = dataclasses.replace(data, values=data.values / model)
    _, mean, count = binned(ratio, np.linspace(data.k[0], data.k[-1], bins + 1)[1:-1])
    return float(np.sqrt(max(0.0, (count @ (mean - 1) ** 2 - 2 * len(count)) / count.sum())))


def flat_background(data: Intensities) -> float:
    """The lowest mean intensity of any band 0.15 1/A wide between 0.3 and 1.35 1/A."""
    wide = data.between(0.3, 1.35)
    if not len(wide.k):
        return 0.0
    return float(binned(wide, np.arange(0.45, 1.3, 0.15))[1].min())
