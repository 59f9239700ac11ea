"""Errors of carbonize: each message says what is wrong, where, and what to do.

The command line turns an error into one line on standard error and the exit code
of its class; a traceback is shown only for a defect of carbonize itself.
"""

from __future__ import annotations

__all__ = [
    "CarbonizeError",
    "DependencyError",
    "InputError",
    "Interrupted",
    "SimulationError",
    "first_line",
]


class CarbonizeError(Exception):
    """Base of every error that carbonize raises on purpose."""

    exit_code = 1


class InputError(CarbonizeError, ValueError):
    """Something the user gave cannot be used: a file, a key, a number."""

    exit_code = 2


class DependencyError(CarbonizeError, ImportError):
    """An optional program or library is missing; the message says what to install."""

    exit_code = 2


class SimulationError(CarbonizeError, RuntimeError):
    """A run stopped because its state can no longer be believed, or it cannot go on."""

    exit_code = 3


class Interrupted(CarbonizeError):
    """A run was asked to stop; it has a checkpoint and can be continued."""

    exit_code = 75


def first_line(error: Exception) -> str:
    """Kind and first line of a library's error, cut to a length that a message can hold.

    >>> first_line(ValueError("no\\nmore"))
    'ValueError: no'
    """
    reason = (str(error).strip().splitlines() or [""])[0]
    reason = "".join(c if c.isprintable() else "?" for c in reason)
    return f"{type(error).__name__}: {reason if len(reason) <= 300 else reason[:297] + '...'}"
