"""Draws definitions.png of docs/pores.md: ``python docs/figures/definitions.py``.

A close packing of atoms with a slit that winds through the cell and three cavities beside it. All numbers in the
figure are what ``carbonize`` finds for this model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from matplotlib.collections import EllipseCollection
from matplotlib.patches import Circle, Patch
from scipy.ndimage import distance_transform_edt

from carbonize.analysis.pores.survey import PoreSurvey, survey
from carbonize.report.style import CLASS_COLORS, apply_style, new_figure

RADIUS_A, HELIUM_A = 1.7, 2.6
PROBES_A = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
NEIGHBORS_A = 2.03
SLIT_X, SLIT_HALF_A = 5.54, 5.72
CAVITIES = ((31.37, 33.68, 7.57, 3.74), (30.91, 11.53, 7.01, 3.09), (49.83, 22.61, 6.09, 1.85))
"""x, y, radius (A) that is cleared of atoms' centres, and that of the way from the slit; seen in the plane z = middle."""


def model() -> Atoms:
    """The atoms."""
    solid = bulk("C", "fcc", a=NEIGHBORS_A * 2**0.5, cubic=True)
    atoms = solid * tuple(round(length / solid.cell[0, 0]) for length in (60.9, 46.1, 22.1))
    edge = atoms.cell.lengths()
    x, y, z = atoms.positions.T
    z = z - 0.5 * edge[2]
    gone = np.abs(x - SLIT_X) < SLIT_HALF_A
    for cx, cy, radius, way in CAVITIES:
        gone |= (x - cx) ** 2 + (y - cy) ** 2 + z**2 < radius**2
        gone |= ((y - cy) ** 2 + z**2 < way**2) & (x > SLIT_X) & (x < cx)
    return atoms[~gone]


def clearance(atoms: Atoms, step_A: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Distance (A) to the nearest atom's surface on a periodic grid, its axes, and the plane of the figure."""
    edge = atoms.cell.lengths()
    count = np.round(edge / step_A).astype(int)
    axes = [np.arange(n) * length / n for n, length in zip(count, edge, strict=True)]
    from scipy.spatial import KDTree

    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    tree = KDTree(atoms.positions % edge, boxsize=edge)
    found = tree.query(grid, workers=2)[0].reshape(tuple(count)) - RADIUS_A
    return found, axes[0], axes[1], count[2] // 2


@apply_style
def draw(path: Path) -> PoreSurvey:
    """Write the figure; what was found."""
    atoms = model()
    found = survey(atoms, RADIUS_A, PROBES_A)
    step = 0.15
    gap, x, y, middle = clearance(atoms, step)
    centre = gap >= HELIUM_A / 2
    tiled = np.pad(centre, 20, mode="wrap")
    swept = (distance_transform_edt(~tiled) * step <= HELIUM_A / 2)[20:-20, 20:-20, 20:-20]
    figure = new_figure(height_in=6.2, width_in=7.6)
    axes: Any = figure.add_subplot()
    edge = atoms.cell.lengths()
    flat = [a[:, :, middle].T for a in (swept, centre)]
    axes.contourf(x, y, flat[0].astype(float), levels=[0.5, 1.5], colors=["#DCEBF5"])
    axes.contourf(x, y, flat[1].astype(float), levels=[0.5, 1.5], colors=["#9CC3DD"])
    depth = np.abs(atoms.positions[:, 2] - middle * step)
    cut = atoms.positions[depth < RADIUS_A]
    width = 2 * np.sqrt(RADIUS_A**2 - depth[depth < RADIUS_A] ** 2)
    axes.add_collection(
        EllipseCollection(
            width, width, np.zeros(len(cut)), units="x", offsets=cut[:, :2], transOffset=axes.transData,
            facecolor="#B9BDC1", edgecolor="#8A8F94", linewidth=0.3,
        )
    )  # fmt: skip
    big = sorted((p for p in found.pores if p.volume_A3 > 20), key=lambda p: -(p.entrance_A or 0))
    for pore in big:
        _label(axes, pore, edge)
    axes.set(xlim=(0, edge[0]), ylim=(0, edge[1]), aspect="equal", xlabel="x (Å)", ylabel="y (Å)")
    axes.grid(visible=False)
    axes.legend(
        handles=[
            Patch(color="#B9BDC1", label="atoms, radius 1.7 Å, cut by the plane"),
            Patch(fill=False, edgecolor="#222222", label="largest sphere of a pore"),
            Patch(color="#9CC3DD", label="void of helium: where its centre can be"),
            Patch(color="#DCEBF5", label="and what its body covers from there"),
        ],
        loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, fontsize=9.5,
    )  # fmt: skip
    figure.savefig(path, dpi=160)
    return found


def _label(axes: Any, pore: Any, edge: np.ndarray) -> None:
    cx, cy = (np.asarray(pore.center_A) % edge)[:2]
    axes.add_patch(Circle((cx, cy), pore.diameter_A / 2, fill=False, edgecolor="#222222", lw=1.2))
    entrance = "no entrance" if pore.entrance_A is None else f"entrance {pore.entrance_A:.2f} Å"
    text = f"{pore.class_name.replace('-', ' ')}\nsphere {pore.diameter_A:.1f} Å\n{entrance}"
    box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": CLASS_COLORS[pore.class_name], "lw": 1.8}
    axes.text(cx, cy, text, ha="center", va="center", fontsize=8.5, bbox=box)


if __name__ == "__main__":
    for pore in draw(Path(__file__).with_suffix(".png")).pores:
        print(pore.class_name, pore.entrance_A, pore.diameter_A, pore.volume_A3)
