"""Draws scenes one by one: by OVITO in a process beside us, by matplotlib where that cannot be."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from carbonize.report.scene import Scene

__all__ = ["Canvas", "Drawing", "has_ovito"]

_TIMEOUT_S = 600.0
_MOST_WAITING = 3
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
    smoothing
        Level of antialiasing, 1 to 6 (OVITO only; 2 takes two thirds of the time of 3).
    """

    scene: Scene
    path: Path
    size: tuple[int, int] = (900, 900)
    transparent: bool = False
    ambient_occlusion: bool = False
    session: Path | None = None
    smoothing: int = 2


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
        self._paths: list[Path] = []
        self._waiting: dict[int, Drawing] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="carbonize-render-")
        self._said: IO[bytes] | None = None
        self._ovito: subprocess.Popen[bytes] | None = None
        if not has_ovito():
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
        """Have a scene drawn; waits while several are not done yet, so that they do not pile up."""
        number = len(self._paths)
        self._paths.append(drawing.path)
        self._waiting[number] = drawing
        if self._ovito is None:
            self._draw_rest()
            return
        while len(self._waiting) > _MOST_WAITING and self._ovito.poll() is None:
            time.sleep(0.02)
            self._collect()
        file = self._scene(number)
        extra = {
            "size": np.array(drawing.size),
            "transparent": np.array(drawing.transparent),
            "ambient_occlusion": np.array(drawing.ambient_occlusion),
            "smoothing": np.array(drawing.smoothing),
        }
        # field by field: asdict would copy every array
        arrays = {f.name: getattr(drawing.scene, f.name) for f in dataclasses.fields(drawing.scene)}
        np.savez(file, allow_pickle=False, **arrays, **extra)
        session = str(drawing.session.absolute()) if drawing.session else None
        self._tell({"scene": str(file), "picture": str(self._picture(number)), "session": session})

    def finish(self) -> list[Path]:
        """Wait until all is drawn, by matplotlib what OVITO could not draw; the PNG files."""
        if self._ovito is not None:
            failure = self._wait()
            self._collect()
            if self._waiting:
                self.note = _HINT + failure
        self._draw_rest()
        return self._paths

    def _collect(self) -> None:
        """Move the pictures that OVITO has finished into place."""
        for number in [n for n in self._waiting if self._picture(n).is_file()]:
            self._waiting.pop(number).path.write_bytes(self._picture(number).read_bytes())
            self._picture(number).unlink()
            self._scene(number).unlink(missing_ok=True)

    def _draw_rest(self) -> None:
        if not self._waiting:
            return
        from carbonize.report.flat import draw_flat  # takes half a second, and OVITO has mostly drawn all

        for drawing in self._waiting.values():
            draw_flat(drawing.scene, drawing.path, drawing.size, drawing.transparent)
            self.renderer = "matplotlib"
        self._waiting = {}

    def encode(self, frames: Sequence[Path], movie: Path, fps: int) -> str:
        """Put PNG files into a movie instead of drawing; what went wrong ("" if nothing did)."""
        if self._ovito is None:
            return self.note
        made = Path(self._folder.name, f"movie{movie.suffix}")
        self._tell({"frames": [str(p.absolute()) for p in frames], "movie": str(made), "fps": fps})
        failure = self._wait()
        if failure or not made.is_file():
            return f"OVITO could not write the movie{failure}"
        movie.write_bytes(made.read_bytes())
        return ""

    def close(self) -> None:
        """End OVITO and remove what was prepared for it."""
        if self._ovito is not None and self._ovito.poll() is None:
            self._ovito.kill()
            self._ovito.wait()
        if self._said is not None:
            self._said.close()
        self._folder.cleanup()

    def _scene(self, number: int) -> Path:
        return Path(self._folder.name, f"{number}.npz")

    def _picture(self, number: int) -> Path:
        return Path(self._folder.name, f"{number}.png")

    def _tell(self, task: dict[str, object]) -> None:
        if self._ovito is not None and self._ovito.stdin is not None:
            # that OVITO has died already is seen when it is waited for
            with contextlib.suppress(OSError):
                self._ovito.stdin.write(json.dumps(task).encode() + b"\n")
                self._ovito.stdin.flush()

    def _wait(self) -> str:
        """Let OVITO come to its end; what went wrong, in brackets ("" if nothing did)."""
        if self._ovito is None or self._said is None:
            return " (not started)"
        try:
            self._ovito.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._ovito.kill()
            return " (TimeoutExpired)"
        except OSError as err:
            return f" ({type(err).__name__})"
        if self._ovito.returncode == 0:
            return ""
        self._said.seek(0)
        return _reason(self._said.read().decode(errors="replace")) or f" (exit code {self._ovito.returncode})"


def has_ovito() -> bool:
    """Whether OVITO is installed; that it can draw is only seen when it does."""
    return importlib.util.find_spec("ovito") is not None


def _reason(messages: str) -> str:
    """The line of a traceback that names the error, in brackets."""
    named = [line for line in messages.splitlines() if re.match(r"\w*(Error|Exception)\b", line)]
    return f" ({named[-1][:160]})" if named else ""
