"""Pictures without OVITO: the same scene, painted from back to front by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import EllipseCollection, LineCollection, PolyCollection
from matplotlib.figure import Figure

from carbonize.report.scene import Scene

__all__ = ["draw_flat"]

_LAYERS = 40
_DPI = 100


def draw_flat(scene: Scene, path: Path, size: tuple[int, int], transparent: bool = False) -> None:
    """Paint a scene into a PNG file of ``size`` pixels (orthographic, as the OVITO picture is)."""
    right = np.cross(scene.direction, scene.up)
    axes_2d = np.stack([right, scene.up])

    def flatten(points: np.ndarray) -> np.ndarray:
        return (points - scene.middle) @ axes_2d.T

    width, height = size
    half = max(scene.half_height, scene.half_width * height / width)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-half * width / height, half * width / height)
    axes.set_ylim(-half, half)
    axes.set_axis_off()
    points_per_A = 0.72 * height / (2.0 * half)  # 72 points an inch, 100 pixels an inch

    depth_spheres = scene.spheres @ scene.direction
    depth_sticks = scene.sticks.mean(axis=1) @ scene.direction
    depths = np.concatenate([depth_spheres, depth_sticks])
    faces, shades, depth_faces = _seen_faces(scene)
    depths = np.concatenate([depths, depth_faces])
    limits = np.linspace(depths.min(), depths.max() + 1e-9, _LAYERS + 1) if depths.size else np.zeros(1)
    order = np.argsort(-depth_spheres)
    axes.add_collection(
        LineCollection(
            list(flatten(scene.edges)),
            colors="#8A8A8A",
            linewidths=2 * scene.edge_radius * points_per_A,
            zorder=0,
        )
    )
    for i in range(len(limits) - 1):
        # far first; within a layer the sticks lie below the spheres they end in
        near_far = (limits[i], limits[i + 1])
        zorder = _LAYERS - i
        here = (depth_sticks >= near_far[0]) & (depth_sticks < near_far[1])
        axes.add_collection(
            LineCollection(
                list(flatten(scene.sticks[here])),
                colors=list(scene.stick_colors[here]),
                linewidths=2.0 * scene.stick_radius * points_per_A,
                capstyle="round",
                zorder=zorder,
            )
        )
        those = np.flatnonzero((depth_faces >= near_far[0]) & (depth_faces < near_far[1]))
        those = those[np.argsort(-depth_faces[those])]
        if len(those):
            corners: Any = flatten(faces[those].reshape(-1, 3)).reshape(-1, 3, 2)
            axes.add_collection(
                PolyCollection(
                    corners,
                    facecolors=shades[those],
                    edgecolors=shades[those],  # else the background shines through between them
                    linewidths=0.3,
                    zorder=zorder + 0.2,
                )
            )
        balls = order[(depth_spheres[order] >= near_far[0]) & (depth_spheres[order] < near_far[1])]
        across = 2.0 * scene.radii[balls]
        fill = np.column_stack([scene.colors[balls], scene.opacities[balls]])
        rim = np.column_stack([0.65 * scene.colors[balls], np.ones(len(balls))])
        axes.add_collection(
            EllipseCollection(
                across,
                across,
                np.zeros(len(balls)),
                units="xy",
                offsets=flatten(scene.spheres[balls]),
                offset_transform=axes.transData,
                facecolors=fill,
                edgecolors=rim,
                linewidths=0.5,
                zorder=zorder + 0.5,
            )
        )
    figure.savefig(path, dpi=_DPI, transparent=transparent, facecolor="none" if transparent else "white")


def _seen_faces(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners, colours and depths of the triangles that face the camera, lit from its side."""
    corners = scene.mesh_vertices[scene.mesh_faces].reshape(-1, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    front = normals @ scene.direction < 0
    light = -scene.direction + 0.4 * scene.up
    light /= np.linalg.norm(light)
    bright = 0.45 + 0.55 * np.clip(normals[front] @ light, 0.0, 1.0)
    colors = np.clip(scene.mesh_colors[front] * bright[:, None], 0.0, 1.0)
    return corners[front], colors, corners[front].mean(axis=1) @ scene.direction
