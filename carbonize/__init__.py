"""carbonize: from disordered carbon to hard carbon, and what became of every pore.

The public functions are loaded when first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["__version__", "analyze", "calculator", "load_run", "render", "run"]

_HOMES = {
    "analyze": "carbonize.analysis.frame",
    "calculator": "carbonize.calculators",
    "load_run": "carbonize.io.rundir",
    "render": "carbonize.report.drawing",
    "run": "carbonize.running",
}

if TYPE_CHECKING:
    from carbonize.analysis.frame import analyze
    from carbonize.calculators import calculator
    from carbonize.io.rundir import load_run
    from carbonize.report.drawing import render
    from carbonize.running import run


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'carbonize' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
