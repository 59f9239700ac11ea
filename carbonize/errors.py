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
