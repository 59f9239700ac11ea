"""How much memory a compiled program needs, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from carbonize.errors import SimulationError

__all__ = ["OutOfMemory", "available_bytes", "check_fits", "is_exhaustion", "needed_bytes", "readable"]

_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class OutOfMemory(SimulationError):
    """The device's memory does not suffice for the sizes asked for."""


def needed_bytes(compiled: Any) -> int:
    """Bytes that a compiled program takes while it runs: arguments, results and scratch."""
    analysis = compiled.memory_analysis()
    if analysis is None:
        return 0
    names = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    return sum(int(getattr(analysis, name, 0)) for name in names)


def available_bytes(device: Any) -> int | None:
    """Bytes that are still free on a device; None where that cannot be known."""
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        limit = stats.get("bytes_limit")
        return None if limit is None else int(limit) - int(stats.get("bytes_in_use", 0))
    free = [_proc_available(), *(_cgroup_available(*files) for files in _CGROUP_FILES)]
    known = [n for n in free if n is not None]
    return min(known) if known else None


def check_fits(compiled: Any, device: Any, what: str, shares: int = 1) -> None:
    """Refuse a program that would not fit, before the operating system ends it without a word.

    ``shares`` is how many times the program runs at once in that memory (cores of a processor).

    Raises
    ------
    OutOfMemory
        Naming ``what``, the bytes needed and those there are.
    """
    needed, free = shares * needed_bytes(compiled), available_bytes(device)
    if free is not None and needed > free:
        raise OutOfMemory(
            f"{what} needs {readable(needed)} of memory, but the device ({device.device_kind}) has "
            f"{readable(free)} free; use fewer replicas (--replicas auto), fewer atoms, or precision float32"
        )


def is_exhaustion(err: BaseException) -> bool:
    """Whether an error of jax means that memory ran out."""
    text = str(err)
    return isinstance(err, MemoryError) or "RESOURCE_EXHAUSTED" in text or "out of memory" in text.lower()


def readable(size: float) -> str:
    """A number of bytes for people.

    >>> readable(3 * 2**30)
    '3.0 GiB'
    """
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _proc_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _cgroup_available(limit: str, usage: str) -> int | None:
    try:
        return int(Path(limit).read_text()) - int(Path(usage).read_text())
    except (OSError, ValueError):
        return None
