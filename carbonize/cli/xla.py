"""What a command does about XLA before it computes: its chatter, and the compiled programs that it keeps.

JAX is imported within the functions: this is imported before the environment is set.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import warnings
from pathlib import Path
from typing import Any

__all__ = ["mend_compilation_cache", "quiet_xla", "use_compilation_cache"]


def quiet_xla() -> None:
    """Let XLA say nothing by itself but fatal errors, unless the user chose a level; before JAX is imported.

    Its errors reach us as exceptions. What it prints beside them is 1.6 kB for every program that it loads on a
    processor whose tuning hints it takes for instructions, enough to fill a pipe that nobody reads.
    """
    # JAX sets 1 for itself, and whoever was started from a program with JAX inherits that
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def use_compilation_cache() -> None:
    """Keep compiled programs between runs, unless the user has chosen a place already."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    import jax

    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "carbonize" / "xla" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a home that cannot be written costs compile time, nothing else
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


def _processor() -> str:
    """A name for this kind of processor: homes are shared by machines that cannot run each other's programs."""
    told = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told += "".join(
            next((line for line in lines if line.startswith(key)), "") for key in ("flags", "Features")
        )
    return f"{platform.machine()}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def mend_compilation_cache() -> None:
    """Let a damaged entry of the cache (a disk that was full) be replaced instead of warned about for ever."""
    import jax

    folder = jax.config.values["jax_compilation_cache_dir"]
    show = warnings.showwarning

    def mend(message: Any, *rest: Any, **more: Any) -> None:
        found = re.search(r"Error reading persistent compilation cache entry for '(\w+)'", str(message))
        if found is None or folder is None:
            show(message, *rest, **more)
            return
        for entry in Path(folder).glob(f"{found[1]}-*"):
            entry.unlink(missing_ok=True)

    warnings.showwarning = mend
