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
# # Looking at a trajectory
#
# Trajectories are GSD files, which OVITO opens as they are: on the desktop, and here. Where the notebook has
# no widget (on paper, on a server that keeps pictures only), `carbonize.render` gives the same as a picture.

# %%
import numpy as np
from IPython.display import display

import carbonize

run = carbonize.run("first.yaml", "runs/first")
len(run.trajectory), run.trajectory[-1]

# %% [markdown]
# A frame is an `ase.Atoms`. Step, time and temperature are in `info`, the number of neighbours in `arrays`.

# %%
atoms = run.trajectory[-1]
neighbours = np.bincount(atoms.arrays["coordination"], minlength=5)
atoms.info, neighbours

# %% [markdown]
# ## Pictures for a paper
#
# 1000 pixels at 300 an inch are 85 mm, the column of a journal; letters then have 6 points. The curve
# below the picture is the run's temperature, the dot the frame's place in it.

# %%
carbonize.render(run, frame=0, size=(800, 900))

# %% [markdown]
# A slice of the last frame, 8 Å thick and seen face on, coloured by the rings that the atoms are in.
# Rings of six make flat sheets; rings of five and seven bend them.

# %%
carbonize.render(run, color="ring", slab_A=8, size=(900, 1000))

# %% [markdown]
# `carbonize.render(run, "life.mp4", pores=True)` writes a movie of all frames, `.gif` works too.
#
# ## OVITO's widget
#
# The pipeline is OVITO's own: anything that OVITO can do can be added to it. The colours are the number of
# neighbours, which the trajectory carries.

# %%
from ovito.io import import_file
from ovito.modifiers import ColorCodingModifier, CreateBondsModifier
from ovito.vis import Viewport

pipeline = import_file(str(run.paths.trajectory(0)))
pipeline.modifiers.append(CreateBondsModifier(cutoff=1.85))
pipeline.modifiers.append(
    ColorCodingModifier(property="coordination", start_value=1, end_value=4, gradient=ColorCodingModifier.Viridis())
)
data = pipeline.compute(pipeline.num_frames - 1)
data.particles.count, data.particles.bonds.count, pipeline.num_frames

# %%
pipeline.add_to_scene()
viewport = Viewport(type=Viewport.Type.Perspective, camera_dir=(2, 3, -1))
viewport.zoom_all()
try:
    widget = viewport.create_jupyter_widget()
    widget.layout.width, widget.layout.height = "640px", "480px"
    display(widget)
except (ImportError, AttributeError, RuntimeError) as error:
    print(f"No widget here ({error}); the picture below shows the same frame.")

# %% [markdown]
# And as a picture, for where widgets do not live:

# %%
carbonize.render(run, size=(800, 900))
