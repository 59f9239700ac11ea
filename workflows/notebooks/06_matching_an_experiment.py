# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Matching an experiment
#
# You have a powder pattern, a small-angle curve and a few numbers of your hard carbon. Which simulated carbon is
# it? This notebook lays a structure over measured curves. Its "measurement" is made up here: a crystallite's
# own pattern with a background and counting noise, so that we know what should come out.

# %%
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write
from IPython.display import Image

from carbonize import analyze
from carbonize.analysis.scattering.curves import scattering_curves
from carbonize.experiment.compare import ALWAYS, compare, write_comparison
from carbonize.experiment.curve_files import read_curve
from carbonize.experiment.simulated import simulate_measurement
from carbonize.experiment.table_file import read_table

folder = Path(tempfile.mkdtemp(prefix="carbonize-"))

# %% [markdown]
# ## A structure
# Stacks of graphitic layers of known size; with a run of your own, take its folder instead of this file.


# %%
def crystallite(size_A: float, layers: int, spacing_A: float) -> Atoms:
    n = np.arange(-30, 31)
    i, j = (x.ravel()[:, None] for x in np.meshgrid(n, n))
    lattice = i * np.array([2.461, 0.0]) + j * np.array([1.2305, 2.1313])
    sheet = np.concatenate([lattice, lattice + [0.0, 1.4209]]) - [0.0, 1.0]
    sheet = np.column_stack([sheet, np.zeros(len(sheet))])
    stack = np.concatenate([sheet + [0.0, 1.4209 * (k % 2), k * spacing_A] for k in range(layers)])
    stack = stack[np.hypot(stack[:, 0], stack[:, 1]) < size_A / 2]
    return Atoms("C" * len(stack), positions=stack)


simulated_atoms = crystallite(24.0, 5, 3.50)
write(folder / "simulated.xyz", simulated_atoms)
numbers = analyze(simulated_atoms, what="scattering")["scattering"]["xrd"]
print({key: numbers[key] for key in ("d002_A", "Lc_A", "La_A", "layers")})

# %% [markdown]
# ## A "measurement"
# Of a carbon whose layers are a little closer, with counting noise on a sloping background. CSV files may give
# q_1_A, q_1_nm or two_theta_deg, then the intensity and, if you have it, its standard error.

# %%
truth = scattering_curves(crystallite(24.0, 5, 3.46))
angle = truth["xrd_two_theta"].values[60::4]
counts = 40.0 * truth["xrd_intensity_polarised"].values[60::4] + 300.0 - 3.0 * angle
counts = np.random.default_rng(1).poisson(counts)
lines = ["two_theta_deg,counts", *(f"{a:.4f},{c}" for a, c in zip(angle, counts, strict=True))]
(folder / "xrd.csv").write_text("\n".join(lines) + "\n")
(folder / "experiment.yaml").write_text(
    "name: made up, 1500 C\nheat_treatment_C: 1500\nd002_A: [3.46, 0.01]\nLa_A: [24, 2]\n"
)

# %% [markdown]
# ## Side by side
# The same as `carbonize compare-experiment simulated.xyz --xrd xrd.csv --table experiment.yaml`.

# %%
table = read_table(folder / "experiment.yaml")
simulated = simulate_measurement(folder / "simulated.xyz", -1, [*table.values, *ALWAYS], polarised=True)
measured = {"xrd": read_curve(folder / "xrd.csv", angle_by_default=True, wavelength_A=1.5406)}
found = compare(simulated, table, measured)
for row in found.document["rows"]:
    if row["measured"] is not None:
        print(
            f"{row['name']}: simulated {row['simulated']:.3f}, measured {row['measured']:.3f}, "
            f"{row['sigma']:+.1f} uncertainties apart; published median {row['published']['median']} Å"
        )
print(f"R {found.document['curves']['xrd']['R']:.3f}")

# %%
written = write_comparison(found, folder / "comparison")
print([path.name for path in written])
Image(filename=folder / "comparison" / "xrd.png", width=700)

# %% [markdown]
# The layers of the structure are 0.04 Å too far apart, four uncertainties: the pattern tells, though R is small.
# `comparison.html` in the folder holds the table and the picture.
