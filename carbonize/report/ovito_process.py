"""Draws scenes with OVITO; run as a program of its own by :mod:`carbonize.report.render`.

A separate process keeps OVITO's Qt libraries away from whatever else the caller has
loaded, keeps its messages off the caller's terminal, and lets a crash of a graphics
driver be survived. It draws while the caller prepares the next scene.

Usage: ``python -m carbonize.report.ovito_process``, and on its standard input a line of
JSON for each thing to do: ``{"scene": FILE.npz, "picture": OUT.png, "session": OUT.ovito or null}``
or ``{"frames": [PNG, ...], "movie": OUT.mp4, "fps": NUMBER}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["main"]


def main() -> None:
    """Do what the lines of standard input say, one after the other."""
    _warm_up()

    for line in sys.stdin:
        task = json.loads(line)
        if "movie" in task:
            _encode(task["frames"], task["movie"], int(task["fps"]))
            continue
        with np.load(task["scene"]) as data:
            scene = {name: data[name] for name in data.files}
        picture = Path(task["picture"])
        aside = picture.with_stem(picture.stem + "-unfinished")
        _draw(scene, aside, task["session"])
        aside.replace(picture)


def _warm_up() -> None:
    """Load OVITO, and its renderer's programs for all that a scene holds, while the first scene is being made."""
    import tempfile

    ones, line = np.ones(3), np.array([[[0.0, 0, 0], [1, 1, 1]]])
    scene = {
        "spheres": line[0], "radii": ones[:2], "colors": line[0],
        "sticks": line, "stick_colors": ones[None], "stick_radius": 0.1, "edges": line, "edge_radius": 0.1,
        "mesh_vertices": np.eye(3), "mesh_faces": np.array([[0, 1, 2]]), "mesh_colors": ones[None],
        "mesh_flat": np.array([False]), "half_height": 1.0, "half_width": 1.0, "direction": -line[0, 1],
        "up": np.array([0.0, 0, 1]), "middle": np.zeros(3), "size": (16, 16), "transparent": False,
        "ambient_occlusion": False, "smoothing": 3,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="carbonize-render-") as folder:
        _draw(scene, Path(folder, "first.png"), None)


def _draw(scene: dict[str, Any], picture: Path, session: str | None) -> None:
    import ovito
    from ovito.data import DataCollection
    from ovito.pipeline import Pipeline, StaticSource
    from ovito.vis import Viewport

    data = DataCollection()
    particles: Any = data.create_particles(count=len(scene["spheres"]))
    particles.create_property("Position", data=scene["spheres"])
    particles.create_property("Radius", data=scene["radii"])
    particles.create_property("Color", data=scene["colors"])
    _add_sticks(data, "sticks", scene["sticks"], scene["stick_colors"], float(scene["stick_radius"]))
    grey = np.full((len(scene["edges"]), 3), 0.45)
    _add_sticks(data, "edges", scene["edges"], grey, float(scene["edge_radius"]))
    flat = scene["mesh_flat"]
    _add_mesh(data, "walls", scene, ~flat, smooth=True)
    _add_mesh(data, "cuts", scene, flat, smooth=False)

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
    options = {
        "filename": str(picture),
        "size": (width, height),
        "alpha": bool(scene["transparent"]),
        "background": (1, 1, 1),
    }
    _render(viewport, options, bool(scene["ambient_occlusion"]), int(scene["smoothing"]))
    if session:
        ovito.scene.save(session)
    pipeline.remove_from_scene()


def _render(viewport: Any, options: dict[str, Any], ambient_occlusion: bool, smoothing: int) -> None:
    """Draw by the rasteriser; by the ray tracer, which is slower, where that cannot be."""
    import ovito.vis

    try:
        renderer = ovito.vis.StandardRenderer(antialiasing_level=smoothing)
        if ambient_occlusion:
            renderer.ambient_occlusion = True
            renderer.ambient_occlusion_radius = 4.0
            renderer.ambient_occlusion_intensity = 0.7
        viewport.render_image(renderer=renderer, **options)
    except (AttributeError, RuntimeError):  # an older OVITO, or no Vulkan
        renderer = ovito.vis.TachyonRenderer(
            ambient_occlusion=ambient_occlusion, shadows=False, antialiasing_samples=8
        )
        viewport.render_image(renderer=renderer, **options)


def _encode(frames: list[str], movie: str, fps: int) -> None:
    """Write pictures into a movie: an empty scene with a picture laid over each frame."""
    import ovito
    from ovito.data import DataCollection
    from ovito.pipeline import Pipeline, StaticSource
    from ovito.qt_compat import QtGui
    from ovito.vis import PythonViewportOverlay, TachyonRenderer, Viewport, ViewportOverlayInterface

    class Sheet(ViewportOverlayInterface):
        def render(self, canvas: Any, *, frame: int, **_: Any) -> None:
            image = QtGui.QImage(frames[frame])
            canvas.draw_image(image, pos=(0.0, 0.0), size=(1.0, 1.0), anchor="south west")

    first = QtGui.QImage(frames[0])
    pipeline = Pipeline(source=StaticSource(data=DataCollection()))
    pipeline.add_to_scene()
    ovito.scene.anim.auto_adjust_interval = False
    ovito.scene.anim.last_frame = len(frames) - 1
    viewport = Viewport(type=Viewport.Type.Ortho)
    viewport.overlays.append(PythonViewportOverlay(delegate=Sheet()))
    viewport.render_anim(
        movie,
        size=(first.width(), first.height()),
        fps=fps,
        range=(0, len(frames) - 1),
        background=(1, 1, 1),
        renderer=TachyonRenderer(ambient_occlusion=False, shadows=False, antialiasing=False),
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


def _add_mesh(data: Any, name: str, scene: dict[str, Any], chosen: np.ndarray, smooth: bool) -> None:
    """Triangles with a colour each."""
    if not chosen.any():
        return
    used, faces = np.unique(scene["mesh_faces"][chosen], return_inverse=True)
    mesh: Any = data.surfaces.create(identifier=name)
    mesh.create_vertices(scene["mesh_vertices"][used])
    mesh.create_faces(faces.reshape(-1, 3))
    mesh.faces_.create_property("Color", data=scene["mesh_colors"][chosen])
    mesh.connect_opposite_halfedges()
    mesh.vis.smooth_shading = smooth
    mesh.vis.show_cap = False


if __name__ == "__main__":
    main()
