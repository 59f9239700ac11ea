"""Trajectories in other programs' formats, through ASE's writers."""

from __future__ import annotations

import io
from pathlib import Path

from carbonize.errors import InputError
from carbonize.io.files import write_atomic

__all__ = ["export_frames"]


def export_frames(source: Path, target: Path, fmt: str, which: int | str) -> int:
    """Write frames of ``source`` (any readable trajectory) to ``target``; returns how many.

    Parameters
    ----------
    source, target
        Files.
    fmt
        A format name of :func:`ase.io.write`.
    which
        A frame number, or ``"all"``.

    Raises
    ------
    InputError
        If the source cannot be read, or the target's folder does not exist.
    """
    from ase.io import write

    from carbonize.io.frames import read_frames

    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder {target.parent}")
    frames = [atoms for _, atoms in read_frames(source, which)]
    text = io.StringIO()
    write(text, frames if len(frames) > 1 else frames[0], format=fmt)
    write_atomic(target, text.getvalue())
    return len(frames)
