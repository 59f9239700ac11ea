"""One program against others in turns: ours, peer, ours, peer, ... and the ratio of every round."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import TUNING_S, Calorine, Lammps
from benchmarks.sides import FRICTION_PER_PS, Ours, Segment, Side
from benchmarks.starts import start_structure
from benchmarks.systems import DENSITY_G_CM3, TEMPERATURE_K, TIMESTEP_FS

__all__ = ["Case", "Effort", "compare", "ratio_lines"]

_TEMPERATURE_TOLERANCE = 0.06
_ENERGY_TOLERANCE = 0.02
_FEWEST_STEPS = 5
_MOST_STEPS = 2000


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured: replicas (each of ``atoms`` atoms), potential, precisions of ours, number of cores."""

    potential: str
    precisions: tuple[str, ...]
    atoms: int
    cores: int = 1
    replicas: int = 1

    def label(self, precision: str) -> str:
        """As it begins a line."""
        size = f"{self.replicas}x{self.atoms}" if self.replicas > 1 else str(self.atoms)
        return f"{self.potential} {precision} {size} {self.cores}core"


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    rounds
        Segments of every program.
    steps
        Steps of a segment; None: as many as take ``segment_s``, at least ``least_steps``.
    accelerated
        Whether LAMMPS is tried with OpenMP, too.
    quick
        From the precursor as it is and with short trials: says whether all works, not how fast.
    """

    rounds: int = 9
    steps: int | None = None
    segment_s: float = 1.0
    least_steps: int = 40
    accelerated: bool = True
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class _Entrant:
    """A program in the comparison; ``precision`` is that of one of ours to be judged, None for a peer."""

    side: Side
    atoms: int
    precision: str | None = None


Note = Callable[[str], None]


def compare(
    case: Case, effort: Effort, cores: Sequence[int], env: dict[str, str], note: Note
) -> list[dict[str, Any]]:
    """Measure a case: for every precision what :func:`ratio_lines` prints and the JSON file holds."""
    with tempfile.TemporaryDirectory(prefix="carbonize-bench-") as name:
        entrants: list[_Entrant] = []
        try:
            for entrant in _entrants(case, effort, cores, Path(name), env, note):
                entrants.append(entrant)
            entrants = _fastest(entrants)
            steps, rounds = _in_turns(effort, entrants, note)
        finally:
            for entrant in entrants:
                entrant.side.close()
    found = [
        _figures(e, n, [one[k] for one in rounds])
        for k, (e, n) in enumerate(zip(entrants, steps, strict=True))
    ]
    peers = [k for k, entrant in enumerate(entrants) if entrant.precision is None]
    return [
        _result(case, effort, e.precision, found[k], {entrants[p].side.name: found[p] for p in peers})
        for k, e in enumerate(entrants)
        if e.precision is not None
    ]


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


def _entrants(
    case: Case, effort: Effort, cores: Sequence[int], folder: Path, env: dict[str, str], note: Note
) -> Iterator[_Entrant]:
    """Our program first, then every peer that could be the fastest."""
    potential = case.potential
    positions, cell = start_structure(potential, case.atoms, cores, env, note, melted=not effort.quick)

    def ours(precision: str, copies: int, positions: np.ndarray, cell: np.ndarray) -> Ours:
        note(f"compiling {potential} {precision}, {copies} of {len(positions)} atoms")
        batch = np.repeat(positions[None], copies, axis=0)
        return Ours(potential, precision, batch, cell, cores, folder, env)

    for precision in case.precisions:
        yield _Entrant(ours(precision, case.replicas, positions, cell), case.replicas * case.atoms, precision)
    if case.replicas > 1:
        total = case.replicas * case.atoms
        for precision in case.precisions:
            one = ours(precision, 1, *start_structure(potential, total, cores, env, note, not effort.quick))
            one.name = f"one-run-of-{total}" + (f"-{precision}" if len(case.precisions) > 1 else "")
            yield _Entrant(one, total)
        return
    if potential == "nep":
        note("starting calorine")
        model = Path(env["CARBONIZE_NEP_FILE"])
        yield _Entrant(Calorine(positions, cell, cores, folder, model), case.atoms)
        return
    ways = [(1, 0), (1, 1)] if case.cores == 1 else [(2, 0), (2, 1), (1, 2)]
    tuning_s = 0.01 if effort.quick else TUNING_S
    every = potential == "tersoff" and effort.accelerated
    for ranks, threads in ways if every else ways[:1]:
        how = f"{threads} thread(s) of OpenMP each" if threads else "plain"
        note(f"starting LAMMPS, {ranks} rank(s), {how}")
        place = folder / f"lammps-{ranks}-{threads}"
        place.mkdir()
        peer = Lammps(positions, cell, cores, place, ranks, threads, tuning_s, potential != "tersoff")
        if potential != "tersoff":
            peer.name += "-tersoff"
        yield _Entrant(peer, case.atoms)


def _fastest(entrants: list[_Entrant]) -> list[_Entrant]:
    """Of LAMMPS's ways with the same name the one that was fastest in its trials; the others end."""
    kept: list[_Entrant] = []
    for entrant in entrants:
        rival = next((k for k in kept if k.precision is None and k.side.name == entrant.side.name), None)
        if rival is None or entrant.precision is not None:
            kept.append(entrant)
            continue
        assert isinstance(entrant.side, Lammps) and isinstance(rival.side, Lammps)
        slower = max((entrant, rival), key=lambda e: e.side.step_s)  # type: ignore[attr-defined]
        slower.side.close()
        if slower is rival:
            kept[kept.index(rival)] = entrant
    return kept


def _in_turns(effort: Effort, entrants: list[_Entrant], note: Note) -> tuple[list[int], list[list[Segment]]]:
    """Steps of every program's segments, and rounds of one segment each."""
    steps: list[int] = []
    for side in (entrant.side for entrant in entrants):
        # a program that has no lists to keep needs no long segment
        least = _FEWEST_STEPS if isinstance(side, Calorine) else effort.least_steps
        trial = side.run(effort.steps or least)
        wanted = round(effort.segment_s * trial.steps / trial.seconds)
        steps.append(effort.steps or min(max(wanted, least), _MOST_STEPS))
    rounds: list[list[Segment]] = []
    for k in range(effort.rounds):
        rounds.append([entrant.side.run(n) for entrant, n in zip(entrants, steps, strict=True)])
        note(f"round {k + 1} of {effort.rounds}")
    return steps, rounds


def _figures(entrant: _Entrant, steps: int, segments: list[Segment]) -> dict[str, Any]:
    ns = np.array([1e9 * s.seconds / s.steps / entrant.atoms for s in segments])
    later = segments[len(segments) // 2 :]
    rebuilds = sum(s.rebuilds for s in segments)
    return {
        "ns_per_atom_step": float(np.median(ns)),
        "M_atom_steps_per_s": float(1e3 / np.median(ns)),
        "steps": steps,
        "note": entrant.side.note,
        "temperature_K": float(np.mean([s.temperature_K for s in later])),
        "energy_eV_per_atom": float(np.mean([s.energy_eV_per_atom for s in later])),
        "steps_per_rebuild": steps * len(segments) / rebuilds if rebuilds else None,
        "rounds_ns_per_atom_step": ns.round(2).tolist(),
    }


def _result(
    case: Case, effort: Effort, precision: str, mine: dict[str, Any], peers: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    ratios = {}
    if len(case.precisions) > 1:
        peers = {
            name.removesuffix(f"-{precision}"): peer
            for name, peer in peers.items()
            if not any(name.endswith(f"-{other}") for other in case.precisions if other != precision)
        }
    for name, peer in peers.items():
        ratio = np.array(peer["rounds_ns_per_atom_step"]) / np.array(mine["rounds_ns_per_atom_step"])
        ratios[name] = {
            "median": float(np.median(ratio)),
            "min": float(ratio.min()),
            "max": float(ratio.max()),
        }
    return {
        "label": case.label(precision),
        "potential": case.potential,
        "precision": precision,
        "atoms": case.atoms,
        "replicas": case.replicas,
        "cores": case.cores,
        "what": (
            f"carbon of {DENSITY_G_CM3:g} g/cm3 melted by {case.potential}, {TEMPERATURE_K:g} K, Langevin "
            f"{FRICTION_PER_PS:g}/ps, {TIMESTEP_FS:g} fs, {effort.rounds} rounds in turns"
        ),
        "sides": {"carbonize": mine, **peers},
        "ratios": ratios,
        "warnings": _doubts(case, mine, peers),
    }


def _doubts(case: Case, mine: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[str]:
    """Where the sides are not at the same state: a ratio of different physics is worth nothing."""
    doubts = []
    # fluctuations of a small system are no difference
    tolerance = max(_TEMPERATURE_TOLERANCE, 3.0 * (2.0 / (3.0 * case.atoms)) ** 0.5)
    for name, peer in peers.items():
        for key, unit, allowed in (
            ("temperature_K", "K", tolerance),
            ("energy_eV_per_atom", "eV/atom", _ENERGY_TOLERANCE),
        ):
            other_force_law = name.endswith("-tersoff") and key != "temperature_K"
            if abs(peer[key] / mine[key] - 1.0) > allowed and not other_force_law:
                doubts.append(f"{peer[key]:.5g} {unit} in {name}, {mine[key]:.5g} in carbonize")
    return doubts
