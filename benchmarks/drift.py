"""How much the total energy drifts at constant energy, by potential, precision and time step.

The shipped carbon of 500 atoms in several histories: 1 ps of Langevin dynamics (20/ps, float64) at 2000 K, each with random
numbers of its own, then some ps without a thermostat, from the same momenta in every precision. A line a case ends
with the mean slope of the histories' total energies (least squares) and its standard error over them:

    DRIFT edip float32 0.5 fs -0.053 +- 0.018 meV/atom/ps, 8 histories (-0.1 to 0.2), 2500 K
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.systems import potential

__all__ = ["main"]

_STRUCTURE = Path(__file__).parents[1] / "structures" / "precursor-500.extxyz"
_TEMPERATURE_K = 2000.0
_FRICTION_PER_PS = 20.0
_HEATING_PS = 1.0
_BLOCK_STEPS = 50
_SKIN_A = 1.2


def main() -> None:
    """Measure, print, write."""
    import jax

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    precisions = ("float64", "float32", "mixed")
    add(
        "--potential", nargs="+", choices=("edip", "tersoff", "nep"), default=["edip", "tersoff"], help="both"
    )
    add("--precision", nargs="+", choices=precisions, default=list(precisions), help="all three")
    add("--timestep", nargs="+", type=float, default=[0.5, 0.25], metavar="FS", help="fs (0.5 0.25)")
    add("--histories", type=int, default=8, help="in one program (8)")
    add("--duration", type=float, default=5.0, metavar="PS", help="ps at constant energy (5)")
    add("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for name in chosen.potential:
        start = _heated(name, chosen.histories)
        for timestep_fs, precision in itertools.product(chosen.timestep, chosen.precision):
            row = {
                "potential": name,
                "precision": precision,
                "timestep_fs": timestep_fs,
                **_drift(name, start, precision, timestep_fs, chosen.duration),
            }
            rows.append(row)
            print(
                f"DRIFT {name} {precision} {timestep_fs:g} fs {row['slope_meV_ps']:+.3f} +- {row['error_meV_ps']:.3f} "
                f"meV/atom/ps, {chosen.histories} histories ({row['least_meV_ps']:+.3f} to {row['largest_meV_ps']:+.3f}), "
                f"{row['temperature_K']:.0f} K",
                flush=True,
            )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n")


def _heated(name: str, histories: int) -> Any:
    """Thermal states of all histories, in float64."""
    from carbonize.simulation.thermostats import Langevin

    engine, state = _engine(name, Langevin(_FRICTION_PER_PS), "float64", 0.5, histories)
    steps = round(_HEATING_PS * 1000 / 0.5)
    return _advanced(engine, state, steps)[0]


def _drift(name: str, start: Any, precision: str, timestep_fs: float, duration_ps: float) -> dict[str, float]:
    from carbonize.simulation.thermostats import NoThermostat

    histories, atoms, _ = start.positions.shape
    engine, state = _engine(name, NoThermostat(), precision, timestep_fs, histories)
    dtype = state.positions.dtype
    state = dataclasses.replace(
        state, positions=start.positions.astype(dtype), momenta=start.momenta.astype(dtype)
    )
    _, energies, temperatures = _advanced(engine, state, round(1000 * duration_ps / timestep_fs))
    times_ps = np.arange(len(energies)) * _BLOCK_STEPS * timestep_fs / 1000
    slopes = 1000 * np.polyfit(times_ps, energies / atoms, 1)[0]
    return {
        "slope_meV_ps": float(slopes.mean()),
        "error_meV_ps": float(slopes.std(ddof=1) / len(slopes) ** 0.5) if len(slopes) > 1 else float("nan"),
        "least_meV_ps": float(slopes.min()),
        "largest_meV_ps": float(slopes.max()),
        "temperature_K": float(temperatures.mean()),
    }


def _engine(
    name: str, thermostat: Any, precision: str, timestep_fs: float, histories: int
) -> tuple[Any, Any]:
    import jax.numpy as jnp
    from ase.io import read

    from carbonize.schedules import Schedule
    from carbonize.simulation.dynamics import Motion
    from carbonize.simulation.motion import make_limits
    from carbonize.simulation.propagate import Propagator
    from carbonize.simulation.spread import use_cores
    from carbonize.simulation.state import initial_state, replica_keys

    atoms: Any = read(_STRUCTURE)
    atoms.wrap()
    use_cores(histories, 1)
    dtype = np.float32 if precision == "float32" else np.float64
    positions = np.repeat(atoms.positions[None], histories, axis=0).astype(dtype)
    cells = np.repeat(atoms.cell.array[None], histories, axis=0)
    masses = np.asarray(atoms.get_masses(), float)
    schedule = Schedule((0,), (_TEMPERATURE_K,), (0.0,), 10**9, ("hold",))
    engine = Propagator(
        potential(name),
        [schedule] * histories,
        Motion(timestep_fs, thermostat, None, make_limits(_TEMPERATURE_K)),
        positions,
        cells,
        masses,
        np.zeros(len(atoms), np.int32),
        _SKIN_A,
        mixed=precision == "mixed",
    )
    state = initial_state(
        jnp.asarray(positions),
        jnp.asarray(cells, dtype),
        jnp.asarray(masses, dtype),
        [_TEMPERATURE_K] * histories,
        replica_keys(1, list(range(histories))),
        thermostat.keeps_momentum,
        thermostat.memory,
    )
    return engine, state


def _advanced(engine: Any, state: Any, steps: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The last state, and total energies (eV) and temperatures (K) of every block and replica."""
    energies, temperatures = [], []
    for _ in range(0, steps, _BLOCK_STEPS):
        state, report, failures = engine.advance(state, _BLOCK_STEPS)
        if failures:
            raise SystemExit(failures[0].message)
        energies.append(np.asarray(report.potential_eV) + np.asarray(report.kinetic_eV))
        temperatures.append(np.asarray(report.temperature_K))
    return state, np.array(energies, float), np.array(temperatures, float)


if __name__ == "__main__":
    main()
