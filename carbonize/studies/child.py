"""One run of a study in a process of its own, which ends with its parent.

A process of its own: how many cores JAX sees is settled at its start, memory is given back at the
end, and a run that is killed for lack of memory does not take the others with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

__all__ = ["Child", "Outcome", "bind_to_parent", "report_outcome"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run's process ended: its exit code, and why if not well."""

    code: int
    message: str = ""


class Child:
    """A running process.

    Parameters
    ----------
    command
        What to run; the run's folder, the number of a file to write the outcome to, and the
        parent's process number are added.
    folder
        The run.
    log
        Where its messages go; None: to the terminal.
    environment
        Variables that differ from this process's.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, log: Path | None, environment: dict[str, str]
    ) -> None:
        self.folder = folder
        self._log: BinaryIO | None = open(log, "ab") if log is not None else None  # noqa: SIM115
        read, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(folder), str(write), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=[write],
                env={**os.environ, **environment},
            )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        self._answer = os.fdopen(read, "rb")

    def outcome(self) -> Outcome | None:
        """How it ended; None while it goes on."""
        code = self._process.poll()
        if code is None:
            return None
        with self._answer:
            raw = self._answer.read()
        if self._log is not None:
            self._log.close()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found = json.loads(raw)
            return Outcome(int(found["code"]), str(found["message"]))
        if code == 0:
            return Outcome(0)
        if code < 0:
            name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
            # before it listened to signals there was nothing to lose
            if -code == signal.SIGTERM:
                return Outcome(75, "stopped by SIGTERM before its first step")
            return Outcome(
                1, f"its process was killed by {name} (for lack of memory?); the same command goes on with it"
            )
        return Outcome(1, f"its process ended with code {code} without a word; its output says more")

    def stop(self) -> None:
        """Ask for a checkpoint and the end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)


def bind_to_parent(parent: int) -> None:
    """Let this process be asked to stop when its parent is gone (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        raise SystemExit(75)


def report_outcome(fd: int, outcome: Outcome) -> None:
    """Tell the parent how it ended."""
    with contextlib.suppress(OSError), os.fdopen(fd, "wb") as file:
        file.write(json.dumps(dataclasses.asdict(outcome)).encode())
