"""The bytes of a GSD file: looked over before the C library may read them, and mended after a kill.

The library believes sizes and places in a file so far that a few changed bytes make it read
outside its memory or take all there is; and when the disk is full while it enlarges the index,
it writes over the index's beginning. So everything is checked here first, the index is enlarged
here, and a frame that could not be written is taken back here.

A file is a header, an index (entries of frame, size, place, name and type of a chunk; zeros
mark its end), a list of names, and chunks of data (https://gsd.readthedocs.io/en/stable/file-layer.html).
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from carbonize.errors import InputError

__all__ = ["Layout", "check_gsd", "cut_frames", "grow_index", "look_again", "read_layout", "restore"]

MAGIC = 0x65DF65DF65DF65DF

_HEADER = struct.Struct("<QQQQQII64s64s80s")
_ENTRY = np.dtype(
    [
        ("frame", "<u8"),
        ("N", "<u8"),
        ("location", "<i8"),
        ("M", "<u4"),
        ("id", "<u2"),
        ("type", "u1"),
        ("flags", "u1"),
    ]
)
_NAME_BYTES = 64
_MOST_NAMES = 65535
_TYPE_BYTES = np.array([0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1], np.int64)
_GROWTH = 4
_COUNTED = ("particles", "bonds", "angles", "dihedrals", "impropers", "constraints", "pairs")


class Layout(NamedTuple):
    """Where things are in a file.

    Attributes
    ----------
    size
        Bytes of the file.
    header
        The raw header.
    index_at, allocated
        Place of the index, and how many entries fit.
    names_at, names
        Place of the list of names, and its raw bytes.
    version
        (major, minor) of the format.
    entries
        The entries in use, a structured array.
    """

    size: int
    header: bytes
    index_at: int
    allocated: int
    names_at: int
    names: bytes
    version: tuple[int, int]
    entries: np.ndarray

    def name_ids(self) -> dict[str, int]:
        """Number of every name."""
        if self.version[0] < 2:
            whole = range(0, len(self.names), _NAME_BYTES)
            words = [self.names[at:].split(b"\0", 1)[0] for at in whole]
        else:
            words = self.names.split(b"\0")
        found: dict[str, int] = {}
        for number, word in enumerate(words):
            if not word:
                break
            # of a name given twice the library finds the first
            found.setdefault(word.decode("utf-8"), number)
        return found


def check_gsd(path: Path) -> None:
    """Make sure that the library can read a file: every place in it, every size in proportion.

    Raises
    ------
    InputError
        Naming what is wrong.
    """
    try:
        with open(path, "rb") as file:
            layout = read_layout(file.fileno())
            _check_counts(file.fileno(), layout)
    except (ValueError, OverflowError, struct.error) as err:
        raise InputError(f"{path}: not a readable GSD file: {err}; it is damaged or was cut off") from None


def read_layout(fd: int, lenient: bool = False) -> Layout:
    """The layout of an open file.

    With ``lenient`` the index ends before its first unsound entry instead of being refused.

    Raises
    ------
    ValueError
        Saying what does not fit.
    """
    raw = os.pread(fd, _HEADER.size, 0)
    if len(raw) < _HEADER.size:
        raise ValueError("the header is cut off")
    magic, index_at, allocated, names_at, name_blocks, _, version, *_ = _HEADER.unpack(raw)
    if magic != MAGIC:
        raise ValueError("it does not begin as one")
    major, minor = version >> 16, version & 0xFFFF
    if not 1 <= major < 3:
        raise ValueError(f"its version is {major}.{minor}")
    size = os.fstat(fd).st_size
    for what, at, length in (
        ("index", index_at, allocated * _ENTRY.itemsize),
        ("list of names", names_at, name_blocks * _NAME_BYTES),
    ):
        if length == 0 or at < _HEADER.size or at + length > size:
            raise ValueError(f"the {what} does not lie in the file")
    # a run may go on writing meanwhile: data first, then names, then the index; read in reverse
    index = np.frombuffer(_pread(fd, allocated * _ENTRY.itemsize, index_at), _ENTRY)
    names = _pread(fd, name_blocks * _NAME_BYTES, names_at)
    size = os.fstat(fd).st_size
    if names[-1] != 0:
        raise ValueError("the list of names has no end")
    layout = Layout(size, raw, index_at, allocated, names_at, names, (major, minor), index[:0])
    count = len(layout.name_ids())
    if count > _MOST_NAMES:
        raise ValueError("too many names")
    ends = np.flatnonzero(index["location"] == 0)
    used = int(ends[0]) if len(ends) else allocated
    sound = _sound(index[:used], layout, len(names.split(b"\0")) if major >= 2 else name_blocks)
    if not lenient:
        if not sound.all():
            raise ValueError(f"entry {int(np.argmin(sound))} of the index is damaged")
        if (index["location"][used:] != 0).any():
            raise ValueError("the index goes on after its end")
        if _sizes(index[:used], np.float64).sum() > size:
            raise ValueError("it has more content than bytes")
    elif not sound.all():
        used = int(np.argmin(sound))
    return layout._replace(entries=index[:used])


def look_again(path: Path, before: Layout, most: int) -> Layout:
    """The layout after up to ``most`` entries were added, without reading the whole index again."""
    with open(path, "rb") as file:
        fd = file.fileno()
        header = _pread(fd, _HEADER.size, 0)
        _, index_at, allocated, names_at, name_blocks, *_ = _HEADER.unpack(header)
        if (index_at, allocated) != (before.index_at, before.allocated):
            return read_layout(fd)
        begin = len(before.entries)
        more = np.frombuffer(
            _pread(fd, min(most, allocated - begin) * _ENTRY.itemsize, index_at + begin * _ENTRY.itemsize),
            _ENTRY,
        )
        ends = np.flatnonzero(more["location"] == 0)
        added = more[: int(ends[0]) if len(ends) else len(more)]
        return before._replace(
            size=os.fstat(fd).st_size,
            header=header,
            names_at=names_at,
            names=_pread(fd, name_blocks * _NAME_BYTES, names_at),
            entries=np.concatenate([before.entries, added]),
        )


def grow_index(path: Path) -> None:
    """Give a file's index more room, safely: the old one counts until the new one is on disk.

    Raises
    ------
    OSError
        If the disk is full; the file is as it was.
    """
    with open(path, "r+b", buffering=0) as file:
        fd = file.fileno()
        layout = read_layout(fd)
        old = _pread(fd, layout.allocated * _ENTRY.itemsize, layout.index_at)
        try:
            # zeros are written, not left out: later entries must find their space on the disk
            _pwrite(fd, old + bytes(len(old) * (_GROWTH - 1)), layout.size)
            os.fsync(fd)
            fields = list(_HEADER.unpack(layout.header))
            fields[1:3] = [layout.size, layout.allocated * _GROWTH]
            _pwrite(fd, _HEADER.pack(*fields), 0)
            os.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                _pwrite(fd, layout.header, 0)
                os.ftruncate(fd, layout.size)
            raise


def restore(path: Path, before: Layout) -> None:
    """Take back everything that was written since ``before``; needs no space on the disk.

    The index must be where it was.
    """
    with open(path, "r+b", buffering=0) as file:
        fd = file.fileno()
        _end_index(fd, before, len(before.entries))
        _pwrite(fd, before.names, before.names_at)
        _pwrite(fd, before.header, 0)
        os.fsync(fd)
        os.ftruncate(fd, before.size)
        os.fsync(fd)


def cut_frames(path: Path, last_step: int) -> list[int]:
    """Drop the frames after ``last_step`` and any that were not written in full; returns the steps kept.

    In place: the index is ended earlier, then the file is cut behind the last byte in use.

    Raises
    ------
    ValueError
        If the file is no GSD file, or so damaged that nothing in it can be found.
    """
    with open(path, "r+b", buffering=0) as file:
        fd = file.fileno()
        layout = read_layout(fd, lenient=True)
        kept, steps = _kept(fd, layout, last_step)
        entries = layout.entries[:kept]
        needed = [
            layout.index_at + layout.allocated * _ENTRY.itemsize,
            layout.names_at + len(layout.names),
            *(entries["location"] + _sizes(entries)).tolist(),
        ]
        rest = _pread(
            fd, (layout.allocated - kept) * _ENTRY.itemsize, layout.index_at + kept * _ENTRY.itemsize
        )
        if any(rest) or max(needed) < layout.size:
            _end_index(fd, layout, kept)
            os.fsync(fd)
            os.ftruncate(fd, max(needed))
            os.fsync(fd)
        return steps


def _kept(fd: int, layout: Layout, last_step: int) -> tuple[int, list[int]]:
    """How many entries belong to whole frames up to ``last_step``, and the steps of these frames."""
    entries, ids = layout.entries, layout.name_ids()
    logged = {number for name, number in ids.items() if name.startswith("log/")}
    steps: list[int] = []
    kept = 0
    wanted: set[int] = set()
    for frame in range(int(entries["frame"][-1]) + 1 if len(entries) else 0):
        end = int(np.searchsorted(entries["frame"], frame, side="right"))
        own = entries[kept:end]
        present = set(own["id"].tolist())
        if frame == 0:
            wanted = present & logged
        step = _step(fd, own[own["id"] == ids.get("configuration/step", -1)])
        # a later frame without a step of its own was cut off while it was written
        if not len(own) or not wanted <= present or (frame > 0 and step is None):
            break
        step = step or 0
        if step > last_step or (steps and step <= steps[-1]):
            break
        steps.append(step)
        kept = end
    return kept, steps


def _step(fd: int, entry: np.ndarray) -> int | None:
    if len(entry) != 1 or entry["N"][0] != 1 or entry["type"][0] != 4:
        return None
    return int.from_bytes(_pread(fd, 8, int(entry["location"][0])), "little")


def _end_index(fd: int, layout: Layout, used: int) -> None:
    rest = layout.allocated - used
    _pwrite(fd, bytes(rest * _ENTRY.itemsize), layout.index_at + used * _ENTRY.itemsize)


def _sound(entries: np.ndarray, layout: Layout, names: int) -> np.ndarray:
    """Which entries name a chunk that lies in the file."""
    if not len(entries):
        return np.ones(0, bool)
    frames, size = entries["frame"], layout.size
    sound = (entries["type"] >= 1) & (entries["type"] < len(_TYPE_BYTES)) & (entries["flags"] == 0)
    sound &= (entries["id"] < names) & (frames < layout.allocated)
    sound &= np.concatenate([[True], frames[1:] >= frames[:-1]])
    # compared one by one before they are multiplied, so that nothing overflows
    sound &= (entries["N"] <= size) & (entries["M"] <= size)
    sound &= (entries["location"] >= _HEADER.size) & (entries["location"] <= size)
    bytes_of = np.zeros(len(entries), np.float64)
    bytes_of[sound] = _sizes(entries[sound], np.float64)
    return sound & (entries["location"] + bytes_of <= size)


def _sizes(entries: np.ndarray, dtype: type = np.int64) -> np.ndarray:
    """Bytes of each entry's chunk."""
    return (
        entries["N"].astype(dtype) * entries["M"].astype(dtype) * _TYPE_BYTES[entries["type"]].astype(dtype)
    )


def _check_counts(fd: int, layout: Layout) -> None:
    """Numbers of particles and bonds: what is not in the file is filled in for each of them."""
    ids = layout.name_ids()
    counted = [ids[f"{kind}/N"] for kind in _COUNTED if f"{kind}/N" in ids]
    for entry in layout.entries[np.isin(layout.entries["id"], counted)]:
        length = int(_TYPE_BYTES[entry["type"]])
        if entry["N"] < 1 or entry["M"] < 1:
            raise ValueError("a number of particles is missing")
        count = int.from_bytes(_pread(fd, length, int(entry["location"])), "little")
        if entry["type"] not in (1, 2, 3, 4) or 4 * count > layout.size:
            raise ValueError(f"{count} particles do not fit into {layout.size} bytes")


def _pread(fd: int, length: int, at: int) -> bytes:
    parts = []
    while length > 0:
        part = os.pread(fd, length, at)
        if not part:
            raise ValueError("it is cut off")
        parts.append(part)
        length, at = length - len(part), at + len(part)
    return b"".join(parts)


def _pwrite(fd: int, raw: bytes, at: int) -> None:
    view = memoryview(raw)
    while view:
        written = os.pwrite(fd, view, at)
        view, at = view[written:], at + written
