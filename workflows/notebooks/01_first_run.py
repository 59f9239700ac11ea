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
# # A first run and its report
#
# 500 atoms of a precursor-like carbon are heated to 4000 K, held there and quenched. The run is
# kept short, so that this notebook takes about a minute on a laptop: its potential (Tersoff, 1989) and
# its picoseconds are for learning the way. For numbers to be believed see
# `workflows/protocols/quickstart.yaml`, and [what to trust](../../docs/validation.md).

# %%
from pathlib import Path

import matplotlib.pyplot as plt
from IPython.display import Image, Markdown, display

import carbonize

# %% [markdown]
# The protocol is a file. Units stand in the names of the keys.

# %%
display(Markdown(f"```yaml\n{Path('first.yaml').read_text()}```"))

# %% [markdown]
# One call runs it to its end. If the folder holds an unfinished run of the same protocol, it goes on from
# there; if it is finished, the call only opens it. So this cell may be run again at any time.

# %%
run = carbonize.run("first.yaml", "runs/first")
run.manifest["status"], f"{run.manifest['total_steps']} steps"

# %% [markdown]
# ## What happened
#
# `run.series` has temperature and energies chunk by chunk, `run.analysis` what was measured at each
# analysed frame. Both are xarray datasets with units in their attributes.

# %%
series, found = run.series.isel(replica=0), run.analysis.isel(replica=0)

figure, (top, bottom) = plt.subplots(2, 1, dpi=150, figsize=(5.2, 5.0), sharex=True, layout="constrained")
top.plot(series.time_ps, series.target_K, color="#999999", lw=1.2, label="schedule")
top.plot(series.time_ps, series.temperature_K, color="#B23A48", lw=1.6, label="atoms")
top.set_ylabel("temperature (K)")
top.legend(frameon=False)
colors = {"sp": "#E69F00", "sp2": "#0072B2", "sp3": "#D55E00"}
for name, color in colors.items():
    bottom.plot(found.time_ps, 100 * found[name], "o-", ms=3.5, color=color, label=name)
bottom.set_xlabel("time (ps)")
bottom.set_ylabel("share of atoms (%)")
bottom.legend(frameon=False)
for axes in (top, bottom):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Heat lets bonds rearrange: threefold atoms (sp2) become more, chains (sp) and atoms with four neighbours
# (sp3) fewer. The same in numbers:

# %%
first, last = run.summary["first"], run.summary["last"]
rows = [f"| {k} | {100 * first['bonding'][k]:.1f} % | {100 * last['bonding'][k]:.1f} % |" for k in colors]
rows += [
    f"| {name} pores | {first['pores']['classes'][name]['volume_cm3_g']:.4f} cm³/g | {now['volume_cm3_g']:.4f} cm³/g |"
    for name, now in last["pores"]["classes"].items()
]
display(Markdown("| | first frame | last frame |\n|---|---|---|\n" + "\n".join(rows)))

# %% [markdown]
# ## Pictures
#
# `carbonize.render` draws a frame. Of a run it shows the last one, with the temperature's course below.

# %%
carbonize.render(run, size=(900, 1000))

# %% [markdown]
# The pores of the same frame, coloured by what can get into them:

# %%
carbonize.render(run, pores=True, size=(900, 1000))

# %% [markdown]
# ## The report
#
# The run has written `report.html`: curves, pictures, the largest pores, a view that can be turned, and which
# of the numbers to trust. It is one file that needs no network: open it in a browser, or mail it.

# %%
report = run.path / "report.html"
display(Markdown(f"[{report}]({report}): {report.stat().st_size / 1e6:.1f} MB"))
display(Image(run.path / "figures" / "class-volumes.png", width=640))
