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
# # Comparing protocols
#
# Which way of heating is better, and is the difference more than chance? A study runs several protocols on the same
# start with the same random numbers; `compare` says what follows, with confidence intervals over replicas. Here
# 500 atoms and a picosecond or two, to learn the way; nothing about real carbons follows from them. The same on the
# command line, and at full size: [docs/tutorial-protocols.md](../../docs/tutorial-protocols.md).

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import xarray as xr
from IPython.display import Markdown, display

import carbonize
from carbonize.compare.comparison import compare
from carbonize.compare.curves import curves_dataset
from carbonize.compare.writing import write_comparison
from carbonize.config.study import load_study
from carbonize.studies.prepare import prepare_study

STUDY = Path("two-ways/study.yaml")
display(Markdown(f"```yaml\n{STUDY.read_text()}```\n\n```yaml\n{Path('two-ways/rapid.yaml').read_text()}```"))

# %% [markdown]
# ## Run it
#
# `carbonize study two-ways/study.yaml --local` does the same. What is finished is only opened, so this cell may be
# run again.

# %%
folder = Path("runs/two-ways")
study = prepare_study(load_study(STUDY), folder, print)
for planned in study.runs:
    run = carbonize.run(folder / planned.folder / "protocol.yaml", folder / planned.folder, report=False)
    print(f"{planned.id}: {planned.replicas} replicas, {run.manifest['status']}")

# %% [markdown]
# ## Compare
#
# The files are those of `carbonize compare runs/two-ways --out runs/two-ways/comparison`.

# %%
comparison = folder / "comparison"
found = compare([folder])
write_comparison(comparison, found, curves_dataset(found))

told = json.loads((comparison / "comparison.json").read_text())
curves = xr.open_dataset(comparison / "comparison.nc", engine="h5netcdf")
headlines = [d for d in told["differences"] if d["headline"] and d["ci95"] is not None]
for row in headlines:
    if row["quantity"] in ("sp2", "sp3", "largest_included_sphere_A"):
        print(row["verdict"], end="\n\n")

# %% [markdown]
# A verdict is more than a p value: it says how large the difference is, how sure, and how many replicas would be
# needed to see it if it is not seen. Many quantities are tested, so `p_holm` is adjusted for all of them;
# `evidence` is *clear* only by that one.
#
# ## Curves
#
# Means over replicas, with 95 % bands; at the start all replicas are the same. Against time the protocols differ
# because they are not hot at the same time; against thermal dose (the time at 3000 K that would do as much) they fall
# together, as far as one activated process decides.

# %%
plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
colors = dict(zip(told["protocols"], ("#1B6CA8", "#C4501B", "#3D8B37")))


def draw(axes, quantity, against, factor=1.0):
    for name, color in colors.items():
        own = curves[f"{quantity}_against_{against}"].sel(protocol=name)
        x = own[next(dim for dim in own.dims if dim != "statistic")]
        axes.plot(x, factor * own.sel(statistic="mean"), color=color, lw=1.6, label=name)
        low, high = (factor * own.sel(statistic=end) for end in ("ci95_low", "ci95_high"))
        axes.fill_between(x, low, high, color=color, alpha=0.18, lw=0)


figure, axes = plt.subplots(2, 2, dpi=150, figsize=(7.0, 5.2), layout="constrained")
for place, name in enumerate(colors):
    own = curves.measured_K.sel(protocol=name)
    axes[0, 0].plot(curves.time_ps, own, color=colors[name], lw=1.6, label=name)
draw(axes[0, 1], "sp2", "time", 100)
draw(axes[1, 0], "sp2", "dose", 100)
draw(axes[1, 1], "largest_included_sphere_A", "time")
axes[0, 0].set(xlabel="time (ps)", ylabel="temperature (K)", ylim=(0, None))
axes[0, 0].legend()
axes[0, 1].set(xlabel="time (ps)", ylabel="sp² (% of atoms)")
axes[1, 0].set(xlabel="thermal dose (ps at 3000 K)", ylabel="sp² (% of atoms)", xscale="log", xlim=(1, None))
axes[1, 1].set(xlabel="time (ps)", ylabel="widest cavity (Å)")
for letter, one in zip("abcd", axes.flat):
    one.set_title(letter, loc="left", fontweight="bold")
plt.show()

# %% [markdown]
# ## Differences
#
# Filled dots: the 95 % interval leaves 0 out. Shares of atoms and lengths have different units, so each has its panel.

# %%
pairs = list(dict.fromkeys((d["a"], d["b"]) for d in headlines))
panels = {
    "difference (percentage points)": (100, [("sp2", "sp²"), ("sp3", "sp³"), ("sp", "sp"), ("dangling", "dangling")]),
    "difference (Å)": (1, [("largest_included_sphere_A", "widest cavity"), ("largest_free_sphere_A", "widest way\nthrough")]),
}
figure, many = plt.subplots(1, 2, dpi=150, figsize=(7.0, 2.9), width_ratios=(3, 2), layout="constrained")
for axes, (label, (factor, quantities)) in zip(many, panels.items()):
    for place, (a, b) in enumerate(pairs):
        for y, (quantity, _) in enumerate(quantities):
            for row in (d for d in headlines if (d["quantity"], d["a"], d["b"]) == (quantity, a, b)):
                at, color = y + 0.22 * (place - 0.5 * (len(pairs) - 1)), ("#7B4FA3", "#8A6D1B", "#3F4A54")[place]
                low, high = row["ci95"]
                axes.plot((factor * low, factor * high), (at, at), color=color, lw=1.8)
                seen = low > 0 or high < 0
                axes.plot(factor * row["difference"], at, "o", ms=5, color=color, mfc=color if seen else "white")
        axes.plot([], [], "o-", ms=5, color=color, label=f"{b} − {a}")
    axes.axvline(0, color="#444444", lw=0.8, zorder=0)
    axes.set(xlabel=label, yticks=range(len(quantities)), yticklabels=[name for _, name in quantities])
    axes.set_ylim(len(quantities) - 0.5, -0.5)
figure.legend(*many[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# ## The report
#
# `carbonize compare runs/two-ways --out runs/two-ways/comparison` also writes `report.html`, with all of this, pictures of
# the protocols side by side, and what has to be borne in mind:

# %%
display(Markdown("\n".join(f"- {caveat}" for caveat in told["caveats"])))
