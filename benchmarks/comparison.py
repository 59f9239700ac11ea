"""One program against others in turns: ours, peer, ours, peer, ... and the ratio of every round."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sides import FRICTION_PER_PS, Calorine, Lammps, Ours, Segment, Side
from benchmarks.starts import start_structure
from benchmarks.systems import DENSITY_G_CM3, MASS_AMU, TEMPERATURE_K, TIMESTEP_FS

__all__ = ["Case", "Effort", "compare", "ratio_lines"]

_TEMPERATURE_TOLERANCE = 0.06
_ENERGY_TOLERANCE = 0.02
_LEAST_STEPS = 40
_MOST_STEPS = 2000


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured: replicas (each of ``atoms`` atoms), potential, precision, number of cores."""

    potential: str
    precision: str
    atoms: int
    cores: int = 1
    replicas: int = 1

    @property
    def label(self) -> str:
        """As it begins a line."""
        size = f"{self.replicas}x{self.atoms}" if self.replicas > 1 else str(self.atoms)
        return f"{self.potential} {self.precision} {size} {self.cores}core"


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured: rounds, steps of ours in a segment (None: what takes ``segment_s``)."""

    rounds: int = 9
    steps: int | None = None
    segment_s: float = 1.0


def compare(
    case: Case, effort: Effort, cores: Sequence[int], env: dict[str, str], note: Callable[[str], None]
) -> dict[str, Any]:
    """Measure a case; the result is what ``ratio_lines`` prints and what goes into the JSON file."""
    with tempfile.TemporaryDirectory(prefix="carbonize-bench-") as name:
        sides: list[tuple[Side, int]] = []
        try:
            for side, atoms in _sides(case, cores, Path(name), env, note):
                sides.append((side, atoms))
            return _in_turns(case, effort, _fastest(sides), note)
        finally:
            for side, _ in sides:
                side.close()


def ratio_lines(result: dict[str, Any]) -> list[str]:
    """One line with absolute figures, warnings, then a ``RATIO`` line for every peer."""
    label, lines = result["label"], []
    figures = [
        f"{name} {side['ns_per_atom_step']:.0f} ns/atom-step ({side['M_atom_steps_per_s']:.3g} M atom-steps/s, "
        f"{side['steps']} steps a segment, {side['note']}, {side['temperature_K']:.0f} K, "
        f"{side['energy_eV_per_atom']:.3f} eV/atom)"
        for name, side in result["sides"].items()
    ]
    lines.append(f"{label}: {result['what']}: " + "; ".join(figures))
    lines += [f"WARNING {label}: {text}" for text in result["warnings"]]
    for name, ratio in result["ratios"].items():
        span = f"[{ratio['min']:.2f}-{ratio['max']:.2f}]"
        lines.append(f"RATIO {label} {ratio['median']:.2f} {span} vs {name}")
    return lines


def _sides(
    case: Case, cores: Sequence[int], folder: Path, env: dict[str, str], note: Callable[[str], None]
) -> Any:
    """Our program first, then every peer that could be the fastest, each with its total of atoms."""
    potential, precision = case.potential, case.precision
    positions, cell = start_structure(potential, case.atoms, cores, env, note)
    if case.replicas > 1:
        total = case.replicas * case.atoms
        for copies, p, c in (
            (case.replicas, positions, cell),
            (1, *start_structure(potential, total, cores, env, note)),
        ):
            note(f"compiling {potential} {precision}, {copies} of {len(p)} atoms")
            side = Ours(potential, precision, np.repeat(p[None], copies, axis=0), c, cores, folder, env)
            side.name = "carbonize" if copies > 1 else f"one-run-of-{total}"
            yield side, total
        return
    note(f"compiling {potential} {precision}, {case.atoms} atoms")
    yield Ours(potential, precision, positions[None], cell, cores, folder, env), case.atoms
    if potential == "nep":
        note("starting calorine")
        yield Calorine(positions, cell, cores, folder, Path(env["CARBONIZE_NEP_FILE"])), case.atoms
        return
    ways = [(1, 0), (1, 1)] if case.cores == 1 else [(2, 0), (2, 1), (1, 2)]
    for ranks, threads in ways if potential == "tersoff" else ways[:1]:
        note(
            f"starting LAMMPS, {ranks} rank(s), " + (f"{threads} thread(s) of OpenMP" if threads else "plain")
        )
        place = folder / f"lammps-{ranks}-{threads}"
        place.mkdir()
        side = Lammps(positions, cell, cores, place, ranks, threads)
        if potential != "tersoff":
            side.name += "-tersoff"
        yield side, case.atoms


def _fastest(sides: list[tuple[Side, int]]) -> list[tuple[Side, int]]:
    """Of peers with the same name the one that was fastest in its trials."""
    best: dict[str, tuple[Side, int]] = {}
    for side, atoms in sides:
        known = best.get(side.name)
        if known is None or getattr(side, "step_s", 0.0) < getattr(known[0], "step_s", 0.0):
            best[side.name] = (side, atoms)
    return list(best.values())


def _in_turns(
    case: Case, effort: Effort, sides: list[tuple[Side, int]], note: Callable[[str], None]
) -> dict[str, Any]:
    steps: list[int] = []
    for side, _ in sides:
        trial = side.run(min(effort.steps or _LEAST_STEPS, _LEAST_STEPS))
        wanted = round(effort.segment_s * trial.steps / trial.seconds)
        least = _LEAST_STEPS if isinstance(side, Ours) else 5
        steps.append(effort.steps or min(max(wanted, least), _MOST_STEPS))
    rounds: list[list[Segment]] = []
    for k in range(effort.rounds):
        rounds.append([side.run(n) for (side, _), n in zip(sides, steps, strict=True)])
        note(f"round {k + 1} of {effort.rounds}")
    found: dict[str, dict[str, Any]] = {}
    ns: dict[str, np.ndarray] = {}
    for k, (side, atoms) in enumerate(sides):
        segments = [one[k] for one in rounds]
        ns[side.name] = np.array([1e9 * s.seconds / s.steps / atoms for s in segments])
        half = segments[len(segments) // 2 :]
        found[side.name] = {
            "ns_per_atom_step": float(np.median(ns[side.name])),
            "M_atom_steps_per_s": float(1e3 / np.median(ns[side.name])),
            "steps": steps[k],
            "note": side.note,
            "temperature_K": float(np.mean([s.temperature_K for s in half])),
            "energy_eV_per_atom": float(np.mean([s.energy_eV_per_atom for s in half])),
            "steps_per_rebuild": steps[k] / max(np.mean([s.rebuilds for s in segments]), 1e-9)
            if isinstance(side, Ours)
            else None,
            "all_ns_per_atom_step": ns[side.name].round(2).tolist(),
        }
    mine, *others = ns
    ratios = {name: ns[name] / ns[mine] for name in others}
    return {
        "label": case.label,
        **dataclasses.asdict(case),
        "what": (
            f"carbon of {DENSITY_G_CM3:g} g/cm3 melted by {case.potential}, {TEMPERATURE_K:g} K, Langevin "
            f"{FRICTION_PER_PS:g}/ps, {TIMESTEP_FS:g} fs, mass {MASS_AMU:g}, {effort.rounds} rounds in turns"
        ),
        "sides": found,
        "warnings": _doubts(case, mine, found),
        "ratios": {
            name: {"median": float(np.median(r)), "min": float(r.min()), "max": float(r.max())}
            for name, r in ratios.items()
        },
    }


def _doubts(case: Case, mine: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Where the sides are not at the same state: a ratio of different physics is worth nothing."""
    doubts, ours = [], found[mine]
    for name, other in found.items():
        # fluctuations of a small system are no difference
        noise = 3.0 * (2.0 / (3.0 * case.atoms)) ** 0.5
        hotter = other["temperature_K"] / ours["temperature_K"] - 1.0
        if abs(hotter) > max(_TEMPERATURE_TOLERANCE, noise):
            doubts.append(
                f"{other['temperature_K']:.0f} K in {name}, {ours['temperature_K']:.0f} K in {mine}"
            )
        apart = other["energy_eV_per_atom"] / ours["energy_eV_per_atom"] - 1.0
        if abs(apart) > _ENERGY_TOLERANCE and not name.endswith("-tersoff"):
            doubts.append(
                f"{other['energy_eV_per_atom']:.3f} eV/atom in {name}, {ours['energy_eV_per_atom']:.3f} in {mine}"
            )
    return doubts
