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
# # Bring your own trajectory
#
# The analysis does not ask which program has made a structure. This notebook writes a small LAMMPS dump and a
# GPUMD trajectory (extended XYZ), as those programs do, and then treats them as yours: replace the two names.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from ase import Atoms
from ase.io import read, write
from IPython.display import Markdown, display

import carbonize
from carbonize.io.frames import read_frames

Path("own").mkdir(exist_ok=True)

# %% [markdown]
# Something to look at: a shipped carbon that is pressed together step by step, a little shaken.

# %%
start = read("../../structures/precursor-500.extxyz")


def pressed(share: float, seed: int) -> Atoms:
    atoms = start.copy()
    atoms.set_cell(atoms.cell.array * share ** (1 / 3), scale_atoms=True)
    atoms.rattle(0.03, seed=seed)
    atoms.wrap()
    return atoms


frames = [pressed(share, seed) for seed, share in enumerate(np.linspace(1.0, 0.82, 7))]

# %% [markdown]
# ## From LAMMPS
#
# `dump d all custom 1000 run.lammpstrj id element x y z` with `dump_modify d element C` writes elements instead of
# type numbers. Without them type 1 would be read as hydrogen.


# %%
def lammps_frame(step: int, atoms: Atoms) -> str:
    box = "\n".join(f"0.0 {length:.6f}" for length in atoms.cell.lengths())
    lines = [f"{i + 1} {s} {x:.5f} {y:.5f} {z:.5f}" for i, (s, (x, y, z)) in enumerate(zip(atoms.symbols, atoms.positions))]
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\nITEM: BOX BOUNDS pp pp pp\n{box}\n"
        f"ITEM: ATOMS id element x y z\n" + "\n".join(lines) + "\n"
    )


Path("own/run.lammpstrj").write_text("".join(lammps_frame(1000 * k, atoms) for k, atoms in enumerate(frames)))

# %% [markdown]
# ## From GPUMD
#
# `dump_exyz 1000` writes `dump.xyz`, which is extended XYZ; it can be read as it is.

# %%
write("own/dump.xyz", frames, format="extxyz", columns=["symbols", "positions"])

# %% [markdown]
# ## The same analysis for both
#
# On the command line: `carbonize analyze own/dump.xyz --json own.json`, and `carbonize track own/dump.xyz` for the
# life of its pores. Here, frame by frame:

# %%
results = {}
for file in ("own/run.lammpstrj", "own/dump.xyz"):
    results[file] = [carbonize.analyze(atoms) for _, atoms in read_frames(file)]

dump, xyz = results.values()
largest = max(
    abs(a["pores"]["largest_included_sphere_A"] - b["pores"]["largest_included_sphere_A"]) for a, b in zip(dump, xyz)
)
print(f"{len(dump)} and {len(xyz)} frames; their widest cavities differ by at most {largest:.5f} Å")

# %%
density = [r["density_g_cm3"] for r in xyz]
figure, (left, right) = plt.subplots(1, 2, dpi=150, figsize=(7.0, 3.0), layout="constrained")
left.plot(density, [r["pores"]["largest_included_sphere_A"] for r in xyz], "o-", color="#1B9E77", label="widest cavity")
free = [r["pores"]["largest_free_sphere_A"] for r in xyz]
left.plot(density, [np.nan if f is None else f for f in free], "s--", color="#4B2E83", label="widest way through")
left.set_ylabel("diameter (Å)")
left.legend(frameon=False, fontsize=9)
for name, color in (("sp", "#E69F00"), ("sp2", "#0072B2"), ("sp3", "#D55E00")):
    right.plot(density, [100 * r["bonding"][name] for r in xyz], "o-", color=color, label=name)
right.set_ylabel("share of atoms (%)")
right.legend(frameon=False, fontsize=9)
for axes in (left, right):
    axes.set_xlabel("density (g/cm³)")
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Pressing narrows cavities, and the ways through them, from the first step on. Bonds change little: this is geometry,
# no potential has let the atoms look for better places.
#
# ## Pictures
#
# Files are drawn like runs. They have no temperatures, so there is no clock.

# %%
carbonize.render("own/dump.xyz", pores=True, size=(800, 850))

# %%
last = dump[-1]["pores"]["classes"]
rows = "\n".join(f"| {name} | {found['count']} | {found['volume_cm3_g']:.4f} |" for name, found in last.items())
display(Markdown("| class | pores | volume (cm³/g) |\n|---|---|---|\n" + rows))
