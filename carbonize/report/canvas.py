"""Draws scenes one by one: by OVITO in a process beside us, by matplotlib where that cannot be."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from carbonize.report.flat import draw_flat
from carbonize.report.scene import Scene

__all__ = ["Canvas", "Drawing"]

_TIMEOUT_S = 600.0
_HINT = "OVITO could not draw, so matplotlib did; on Debian install libvulkan1 and mesa-vulkan-drivers"
_MISSING = "OVITO is not installed, so matplotlib drew the pictures; pip install ovito"


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A scene and how it is drawn.

    Attributes
    ----------
    scene
        What is drawn.
    path
        The PNG file.
    size
        Width and height in pixels.
    transparent
        Leave the background empty instead of white.
    ambient_occlusion
        Darken what lies in crevices (OVITO only; takes several times as long).
    session
        Where to leave OVITO's session, or None.
    """

    scene: Scene
    path: Path
    size: tuple[int, int] = (900, 900)
    transparent: bool = False
    ambient_occlusion: bool = False
    session: Path | None = None


class Canvas:
    """Takes drawings as they are made; all are on disk once :meth:`finish` returns.

    OVITO starts when the canvas is made and draws while the caller prepares the next scene.

    Attributes
    ----------
    renderer
        ``ovito`` or ``matplotlib``, after :meth:`finish`.
    note
        Why OVITO did not draw and what to install; empty if it did.
    """

    def __init__(self) -> None:
        self.renderer = "ovito"
        self.note = ""
        self._drawings: list[Drawing] = []
        self._folder = tempfile.TemporaryDirectory(prefix="carbonize-render-")
        self._said: IO[bytes] | None = None
        self._ovito: subprocess.Popen[bytes] | None = None
        if not _has_ovito():
            self.note = _MISSING
            return
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            # a Qt platform chosen for another program ("offscreen") has no Vulkan: let OVITO choose
            environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
            self._ovito = subprocess.Popen(
                [sys.executable, "-m", "carbonize.report.ovito_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                env=environment,
            )
        except OSError as err:
            self.note = f"{_HINT} ({type(err).__name__})"

    def __enter__(self) -> Canvas:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def draw(self, drawing: Drawing) -> None:
        """Have a scene drawn."""
        self._drawings.append(drawing)
        if self._ovito is None:
            return
        number = len(self._drawings) - 1
        file = Path(self._folder.name, f"{number}.npz")
        extra = {
            "size": np.array(drawing.size),
            "transparent": np.array(drawing.transparent),
            "ambient_occlusion": np.array(drawing.ambient_occlusion),
        }
        # fields, not asdict: that would copy every array
        arrays = {f.name: getattr(drawing.scene, f.name) for f in dataclasses.fields(drawing.scene)}
        np.savez(file, allow_pickle=False, **arrays, **extra)
        session = str(drawing.session.absolute()) if drawing.session else None
        self._tell({"scene": str(file), "picture": str(self._picture(number)), "session": session})

    def encode(self, frames: Sequence[Path], movie: Path, fps: float) -> bool:
        """Have pictures that are on disk put into a movie by OVITO; False if it cannot."""
        made = Path(self._folder.name, f"movie{movie.suffix}")
        self._tell({"frames": [str(p.absolute()) for p in frames], "movie": str(made), "fps": fps})
        if self._wait() or not made.is_file():
            return False
        movie.write_bytes(made.read_bytes())
        return True

    def finish(self, keep_open: bool = False) -> None:
        """Wait for OVITO and move its pictures into place, or draw all by matplotlib."""
        if not self.note:
            self._failed() if keep_open and not self._all_there() else None
            failure = "" if keep_open and not self.note else self._wait()
            pictures = [self._picture(n) for n in range(len(self._drawings))]
            if failure or not all(p.is_file() for p in pictures):
                self.note = _HINT + failure
        if self.note:
            self.renderer = "matplotlib"
            for d in self._drawings:
                draw_flat(d.scene, d.path, d.size, d.transparent)
        else:
            for n, drawing in enumerate(self._drawings):
                drawing.path.write_bytes(self._picture(n).read_bytes())
        self._drawings = []
