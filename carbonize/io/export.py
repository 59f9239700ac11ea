"""Trajectories in other programs' formats, through ASE's writers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from carbonize.io.files import check_target, write_atomic

__all__ = ["encoded", "export_frames"]


def encoded(frames: list[Any], fmt: str) -> bytes:
    """Frames (:class:`ase.Atoms`) as the bytes of a file in ASE's format ``fmt``."""
    from ase.io import write
    from ase.io.formats import ioformats

    content = frames if len(frames) > 1 else frames[0]
    if ioformats[fmt].isbinary:
        raw = io.BytesIO()
        write(raw, content, format=fmt)
        return raw.getvalue()
    text = io.StringIO()
    write(text, content, format=fmt)
    return text.getvalue().encode()


def export_frames(source: Path, target: Path, fmt: str, which: int | Literal["all"]) -> int:
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
        If the source cannot be read, or the target is the source or cannot be written.
    """
    from carbonize.io.frames import read_frames

    check_target(target, source)
    frames = [atoms for _, atoms in read_frames(source, which)]
    write_atomic(target, encoded(frames, fmt))
    return len(frames)
