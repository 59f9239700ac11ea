"""Programs that are timed in turns: each a process of its own on the same cores, one awake at a time.

A child stands still (SIGSTOP) while another is timed, since MPI ranks spin when they wait.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Child", "ChildFailed", "closed_on_failure", "python_child"]

ROOT = Path(__file__).parent.parent
_MARK = "@"
_LAST_LINES = 12
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl


class ChildFailed(RuntimeError):
    """A program ended before it answered; the message holds its last lines."""


class Child:
    """A program that takes lines and answers with lines that start with ``@``, pinned to ``cores``."""

    def __init__(self, command: Sequence[str], cores: Sequence[int], env: dict[str, str], cwd: Path) -> None:
        self.name = Path(command[0]).name
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            cwd=cwd,
            env=os.environ | env,
            start_new_session=True,
            preexec_fn=functools.partial(_prepare, set(cores)),
        )

    def tell(self, *lines: str) -> None:
        """Send lines."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("".join(line + "\n" for line in lines))
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the next answer says why

    def answer(self) -> tuple[str, list[str]]:
        """The next marked line without its mark, and the lines before it."""
        assert self._process.stdout is not None
        seen: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_MARK):
                return line[len(_MARK) :].strip(), seen
            seen.append(line.rstrip())
        last = " | ".join(line for line in seen[-_LAST_LINES:] if line)
        raise ChildFailed(f"{self.name} ended with code {self._process.wait()}: {last}")

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line and read the answer as JSON."""
        self.tell(line)
        return json.loads(self.answer()[0])

    def pin_one_each(self, program: str, cores: Sequence[int]) -> None:
        """Give each process called ``program`` below this one a core of its own."""
        ranks = [pid for pid in _family(self._process.pid) if _program(pid) == program]
        for pid, core in zip(ranks, cores, strict=False):
            os.sched_setaffinity(pid, {core})

    def pause(self) -> None:
        """Stand still, and every process below it."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _signal(self, number: int) -> None:
        for pid in _family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def python_child(module: str, *arguments: str, cores: Sequence[int], env: dict[str, str]) -> Child:
    """``python -m module``, with as many threads as cores; JAX takes their number from the affinity."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    threads = {f"{name}_NUM_THREADS": str(len(cores)) for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    settings = {"JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(p for p in paths if p), **threads}
    command = [sys.executable, "-u", "-m", module, *arguments]
    return Child(command, cores, settings | env, ROOT)


@contextlib.contextmanager
def closed_on_failure(child: Child) -> Iterator[None]:
    """End the child if the block does not come to its end."""
    try:
        yield
    except BaseException:
        child.close()
        raise


def _prepare(cores: set[int]) -> None:
    """In the child, before its program starts: pin it, and let it die with its parent even if it stands still."""
    os.sched_setaffinity(0, cores)
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
