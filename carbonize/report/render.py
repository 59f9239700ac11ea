"""Pictures of frames: atoms by hybridisation, pores by class.

OVITO draws them; where it is missing or cannot draw (it needs Debian's ``libvulkan1`` and
``mesa-vulkan-drivers`` even without a display) matplotlib does, and the returned
:class:`Picture` says so.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.report.flat import draw_flat
from carbonize.report.scene import Scene, View, build_scene

__all__ = ["Picture", "draw_scenes", "render_atoms"]

_TIMEOUT_S = 300.0
_HINT = "OVITO could not draw, so matplotlib did; on Debian install libvulkan1 and mesa-vulkan-drivers"
_MISSING = "OVITO is not installed, so matplotlib drew the pictures; pip install ovito"


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that was written.

    Attributes
    ----------
    path
        The PNG file.
    renderer
        ``ovito`` or ``matplotlib``.
    note
        Why OVITO did not draw it and what to install; empty if it did.
    """

    path: Path
    renderer: str
    note: str = ""


def render_atoms(
    atoms: Any,
    path: str | Path,
    size: tuple[int, int] = (900, 900),
    pores: Iterable[Mapping[str, Any]] | None = None,
    *,
    view: View | None = None,
    bond_cutoff_A: float = 1.85,
    transparent: bool = False,
) -> Picture:
    """Draw one frame.

    Parameters
    ----------
    atoms
        :class:`ase.Atoms` in a periodic cell.
    path
        The PNG file to write.
    size
        Width and height in pixels.
    pores
        Items as ``carbonize analyze --json`` gives them. With them the atoms are thin and
        grey and the pores coloured by class; without, atoms are coloured by hybridisation.
    view
        What is shown; default the whole cell.
    bond_cutoff_A
        Longest bond that is drawn (A).
    transparent
        Leave the background empty instead of white.

    Raises
    ------
    ValueError
        If the cell has no volume.

    Examples
    --------
    >>> from ase.build import bulk
    >>> picture = render_atoms(bulk("C", cubic=True) * (3, 3, 3), "diamond.png")  # doctest: +SKIP
    """
    scene = build_scene(atoms, pores, view, bond_cutoff_A)
    return draw_scenes([(scene, Path(path))], size, transparent)[0]


def draw_scenes(
    scenes: Sequence[tuple[Scene, Path]], size: tuple[int, int] = (900, 900), transparent: bool = False
) -> list[Picture]:
    """Draw several scenes, each into its PNG file, starting OVITO once for all of them."""
    if not scenes:
        return []
    note = _draw_with_ovito(scenes, size, transparent)
    if not note:
        return [Picture(path, "ovito") for _, path in scenes]
    for scene, path in scenes:
        draw_flat(scene, path, size, transparent)
    return [Picture(path, "matplotlib", note) for _, path in scenes]


def _draw_with_ovito(scenes: Sequence[tuple[Scene, Path]], size: tuple[int, int], transparent: bool) -> str:
    """Draw all, and return why that failed ("" if it did not)."""
    if not _has_ovito():
        return _MISSING
    with tempfile.TemporaryDirectory(prefix="carbonize-render-") as folder:
        command = [sys.executable, "-m", "carbonize.report.ovito_process"]
        drawn = []
        for i, (scene, path) in enumerate(scenes):
            scene_file, picture = Path(folder, f"{i}.npz"), Path(folder, f"{i}.png")
            extra = {"size": np.array(size), "transparent": np.array(transparent)}
            np.savez(scene_file, allow_pickle=False, **dataclasses.asdict(scene), **extra)
            command += [str(scene_file), str(picture)]
            drawn.append((picture, path))
        try:
            # a Qt platform chosen for another program ("offscreen") has no Vulkan: let OVITO choose
            environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
            done = subprocess.run(
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                env=environment,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            return f"{_HINT} ({type(err).__name__})"
        if done.returncode or not all(picture.is_file() for picture, _ in drawn):
            return _HINT + _reason(done.stderr.decode(errors="replace"))
        for picture, path in drawn:
            path.write_bytes(picture.read_bytes())
    return ""


def _has_ovito() -> bool:
    return importlib.util.find_spec("ovito") is not None


def _reason(messages: str) -> str:
    """The line of a traceback that names the error, in brackets."""
    named = [line for line in messages.splitlines() if re.match(r"\w*(Error|Exception)\b", line)]
    return f" ({named[-1][:160]})" if named else ""
