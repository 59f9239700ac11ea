"""``carbonize run``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from carbonize.errors import InputError

__all__ = ["mend_compilation_cache", "quiet_xla", "run", "use_compilation_cache"]


def run(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL.yaml", help="What to run.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Run folder. Default: runs/<name of the protocol>."),
    ] = None,
    replica: Annotated[
        int | None,
        typer.Option(
            "--replica", metavar="K", help="Run only replica K of the batch: the very history it has there."
        ),
    ] = None,
    replicas: Annotated[
        str | None,
        typer.Option(
            "--replicas",
            metavar="N|auto",
            help="How many replicas, instead of dynamics.replicas; auto: as many as the device holds.",
        ),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Leave out report.html and its pictures.")
    ] = False,
) -> None:
    """Run an annealing protocol to its end.

    Writes a run folder: trajectory (opens in OVITO), temperature and energies, bonding and pores
    along the way (analysis.nc, pores.csv), a summary and a report.html to look at.

    The command can be given again: an unfinished run goes on from its last checkpoint, a finished
    one is left alone. SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 end it after the current chunk of steps
    with a checkpoint and exit code 75. A replica that breaks down is stopped and named, the others
    go on, and the exit code is 3.
    """
    from carbonize.cli.progress import make_observer
    from carbonize.config import load_protocol
    from carbonize.running import run as run_protocol

    config = load_protocol(protocol)
    use_compilation_cache()
    mend_compilation_cache()
    result = run_protocol(
        config, out, make_observer(), report=not no_report, replica=replica, replicas=_count(replicas)
    )
    typer.echo(f"run folder: {result.path}")
    if result.paths.report.is_file():
        typer.echo(f"report:     {result.paths.report}")


def _count(text: str | None) -> int | Literal["auto"] | None:
    if text is None or text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--replicas {text}: expected a whole number or auto") from None


def quiet_xla() -> None:
    """Let XLA say nothing by itself but fatal errors, unless the user chose a level; before JAX is imported.

    Its errors reach us as exceptions. What it prints beside them is 1.6 kB for every program that it loads on a
    processor whose tuning hints it takes for instructions, enough to fill a pipe that nobody reads.
    """
    import os

    # JAX sets 1 for itself, and whoever was started from a program with JAX inherits that
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def use_compilation_cache() -> None:
    """Keep compiled programs between runs, unless the user has chosen a place already."""
    import os

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
    import hashlib
    import platform

    told = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told += "".join(
            next((line for line in lines if line.startswith(key)), "") for key in ("flags", "Features")
        )
    return f"{platform.machine()}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def mend_compilation_cache() -> None:
    """Let a damaged entry of the cache (a disk that was full) be replaced instead of warned about for ever."""
    import re
    import warnings

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
