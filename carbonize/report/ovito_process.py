"""Draws scenes with OVITO; run as a program of its own by :mod:`carbonize.report.render`.

A separate process keeps OVITO's Qt libraries away from whatever else the caller has
loaded, keeps its messages off the caller's terminal, and lets a crash of a graphics
driver be survived.

Usage: ``python -m carbonize.report.ovito_process SCENE.npz OUT.png [SCENE.npz OUT.png ...]``
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Draw every pair of scene file and picture file."""
    for scene_file, picture in zip(arguments[::2], arguments[1::2], strict=True):
        with np.load(scene_file) as data:
            _draw({name: data[name] for name in data.files}, Path(picture))


def _draw(scene: dict[str, Any], picture: Path) -> None:
    from ovito.data import DataCollection
    from ovito.pipeline import Pipeline, StaticSource
    from ovito.vis import TachyonRenderer, Viewport

    data = DataCollection()
    particles: Any = data.create_particles(count=len(scene["spheres"]))
    particles.create_property("Position", data=scene["spheres"])
    particles.create_property("Radius", data=scene["radii"])
    particles.create_property("Color", data=scene["colors"])
    _add_sticks(data, "sticks", scene["sticks"], scene["stick_colors"], float(scene["stick_radius"]))
    grey = np.full((len(scene["edges"]), 3), 0.45)
    _add_sticks(data, "edges", scene["edges"], grey, float(scene["edge_radius"]))

    pipeline = Pipeline(source=StaticSource(data=data))
    pipeline.add_to_scene()
    width, height = (int(v) for v in scene["size"])
    # what must fit is the wider of both directions; fov of an orthographic view is half its height
    half = max(float(scene["half_height"]), float(scene["half_width"]) * height / width)
    direction, middle = scene["direction"], scene["middle"]
    reach = 4.0 * float(np.abs(scene["edges"].reshape(-1, 3) - middle).max()) + 10.0
    viewport = Viewport(
        type=Viewport.Type.Ortho,
        camera_dir=tuple(direction),
        camera_pos=tuple(middle - reach * direction),
        camera_up=tuple(scene["up"]),
        fov=half,
    )
    renderer = TachyonRenderer(ambient_occlusion=False, shadows=False, antialiasing_samples=8)
    transparent = bool(scene["transparent"])
    viewport.render_image(
        filename=str(picture),
        size=(width, height),
        renderer=renderer,
        alpha=transparent,
        background=(1, 1, 1),
    )
    pipeline.remove_from_scene()


def _add_sticks(data: Any, name: str, sticks: np.ndarray, colors: np.ndarray, radius: float) -> None:
    """Cylinders of any place and colour; OVITO's own bonds would cut off at the slice's border."""
    if not len(sticks):
        return
    lines: Any = data.lines.create(identifier=name, count=2 * len(sticks))
    lines.create_property("Position", data=sticks.reshape(-1, 3))
    lines.create_property("Section", data=np.repeat(np.arange(len(sticks)), 2))
    lines.create_property("Color", data=np.repeat(colors, 2, axis=0))
    lines.vis.width = 2.0 * radius
    lines.vis.rounded_caps = True
    lines.vis.shading = type(lines.vis).Shading.Normal


if __name__ == "__main__":
    main(sys.argv[1:])
