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
# # The life of pores
#
# A pore is classed by its entrance, the largest ball that gets into it from outside: *open* to solvent
# (5.7 Å and more), *quasi-closed* to gases only (3.3 to 5.7 Å), *closed* but for helium (2.6 to 3.3 Å),
# *fully closed* below. What all this means in detail: [docs/pores.md](../../docs/pores.md).

# %%
import csv

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, Markdown, display

import carbonize
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS

run = carbonize.run("first.yaml", "runs/first")

# %% [markdown]
# ## How much void is in which class
#
# Class volumes are stable quantities; counts of pores depend on where one draws a line between two.

# %%
found = run.analysis.isel(replica=0)
volumes = [found.class_volume_cm3_g.sel(pore_class=name).values for name in CLASS_COLORS]
figure, axes = plt.subplots(dpi=150, figsize=(6.4, 3.2), layout="constrained")
axes.stackplot(found.time_ps, volumes, colors=CLASS_COLORS.values(), labels=CLASS_LABELS.values(), step="mid")
axes.set_xlabel("time (ps)")
axes.set_ylabel("void for helium's centre (cm³/g)")
axes.set_xlim(0, float(found.time_ps[-1]))
axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Which pores became which
#
# Pores are followed from frame to frame by the void they share. Every birth, merger, split and closing is an
# event with its time and temperature, and a small wobble of an entrance about a limit is not one.

# %%
with (run.paths.tracking / "pore_events.csv").open() as file:
    events = list(csv.DictReader(file))
kinds, counts = np.unique([event["event"] for event in events], return_counts=True)
display(Markdown("| event | how often |\n|---|---|\n" + "\n".join(f"| {k} | {n} |" for k, n in zip(kinds, counts))))

# %% [markdown]
# Bands follow the void from class to class; strong ones changed theirs.

# %%
display(Image(run.path / "figures" / "pore-flow.png", width=680))

# %% [markdown]
# The entrances of the largest pores, as measured (thin) and without flicker (bold):

# %%
display(Image(run.path / "figures" / "pore-entrances.png", width=680))

# %% [markdown]
# ## Seen
#
# First and last frame. What is flat and pale is cut by the border of the periodic cell.

# %%
carbonize.render(run, pores=True, frame=0, size=(800, 900))

# %%
carbonize.render(run, pores=True, size=(800, 900))

# %% [markdown]
# The largest pores of the last frame. *Margin* is how far the entrance is from the nearest limit: with a few
# hundredths of an Å the class could as well be the neighbouring one.

# %%
items = run.records[-1]["frame"]["pores"]["items"]
rows = [
    f"| {CLASS_LABELS[p['class']]} | {'none' if p['entrance_A'] is None else format(p['entrance_A'], '.2f')} "
    f"| {p['diameter_A']:.2f} | {p['volume_A3']:.0f} | {p['margin_A']:.2f} |"
    for p in sorted(items, key=lambda p: -p["volume_A3"])[:6]
]
heads = "| class | entrance (Å) | widest ball (Å) | volume (Å³) | margin (Å) |\n|---|---|---|---|---|\n"
display(Markdown(heads + "\n".join(rows)))
