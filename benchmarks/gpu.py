"""What a graphics card makes of the compiled code: ``python -m benchmarks.gpu --out FOLDER``.

Hot disordered carbon (benchmarks/systems.py) from 1,000 to 4,096,000 atoms: agreement of the
forces with the same structure in double precision on the CPU, time of one evaluation of the
forces and of one neighbour list, whole molecular dynamics, and replicas of 512 atoms. Writes
``gpu.json`` and ``gpu.md``; the most important cases come first, and what does not fit into
``--seconds`` is left out and named. ``--smoke`` is a run of small sizes that needs no card.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.92")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.systems import melted, nep_file, propagator, tiled
from carbonize.potentials.slots import compiler_options
from carbonize.simulation.cells import wrapped

POTENTIALS = ("tersoff", "edip", "nep")
SIDES = {"1k": 1, "8k": 2, "64k": 4, "512k": 8, "4M": 16}
GOALS_M_PER_S = {"tersoff float32 64k": 150.0, "edip float32 64k": 60.0, "nep float32 64k": 30.0}
_REPEATS = 20


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--smoke", action="store_true", help="small sizes only")
    parser.add_argument("--seconds", type=float, default=460.0, help="begin no case after this time")
    parser.add_argument("--only", default="", help="regular expression; measure only cases that match")
    parser.add_argument("--nep", type=Path, help="NEP file; default: CARBONIZE_NEP_FILE or the shared one")
    parser.add_argument("--reference", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.nep is not None:  # also for the process that computes the reference
        os.environ["CARBONIZE_NEP_FILE"] = str(arguments.nep.resolve())
    jax.config.update("jax_enable_x64", True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.reference:
        _write_reference(arguments.out, arguments.reference)
        return
    begin = time.perf_counter()
    sides = {"1k": 1} if arguments.smoke else SIDES
    record: dict[str, Any] = {
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "copy_GB_s": _copy_bandwidth(2**22 if arguments.smoke else 2**30),
        "cases": {},
        "left_out": [],
    }
    base = functools.cache(lambda name: melted(name, 100 if arguments.smoke else 1000))

    def cases() -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        todo: list[tuple[str, Callable[[], dict[str, Any]]]] = []
        order = sorted(sides, key=lambda size: (size != "64k", sides[size]))
        for precision in ("float32", "float64"):
            for size in order:
                for name in POTENTIALS:
                    cube = (sides[size],) * 3
                    todo.append(
                        (
                            f"{name} {precision} {size}",
                            lambda n=name, p=precision, c=cube: _case(base(n), n, p, c),
                        )
                    )
        for name in POTENTIALS:
            check = lambda n=name: _correctness(base(n), n, 1 if arguments.smoke else 2, arguments.out)  # noqa: E731
            todo.insert(2, (f"{name} forces", check))
            for replicas in (1, 2) if arguments.smoke else (1, 8, 32):
                label = f"{name} float32 {replicas} x 512"
                todo.append((label, lambda n=name, r=replicas: _batch(base(n), n, r)))
        return todo

    for label, measure in cases():
        if not re.search(arguments.only, label):
            continue
        if label.startswith("nep ") and nep_file() is None:
            record["left_out"].append(f"{label} (no NEP file)")
            continue
        if time.perf_counter() - begin > arguments.seconds:
            record["left_out"].append(label)
            continue
        try:
            record["cases"][label] = measure()
        except Exception as error:  # a case too large for the card must not cost the others
            record["cases"][label] = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
        print(label, json.dumps(record["cases"][label]), flush=True)
        (arguments.out / "gpu.json").write_text(json.dumps(record, indent=1) + "\n")
    text = _table(record)
    (arguments.out / "gpu.md").write_text(text)
    print(text)


def _case(
    base: tuple[np.ndarray, np.ndarray], name: str, precision: str, times: tuple[int, ...]
) -> dict[str, Any]:
    """One size: whole dynamics first, which settles the sizes of all arrays, then its parts."""
    positions, cell = tiled(*base, times)
    run, state = propagator(name, positions[None].astype(precision), cell)
    atoms = len(positions)
    steps = 200 if atoms <= 600_000 else 60
    state, report, elapsed = _dynamics_seconds(run, state, 40, steps)
    field = run.field
    lists = jax.jit(field.lists, compiler_options=compiler_options())
    forces = jax.jit(field.evaluate, compiler_options=compiler_options())
    cells, species = state.cells, jnp.zeros(atoms, jnp.int32)
    inside = jax.vmap(wrapped)(state.positions, cells)
    neighbors = lists(inside, cells)
    narrow = jax.jit(lambda n, r, c: field.near(n, r, c)[0], compiler_options=compiler_options())
    near = narrow(neighbors, inside, cells)
    compiled = forces.lower(near, inside, cells, species).compile()
    memory = compiled.memory_analysis()
    costs = compiled.cost_analysis() or {}
    bytes_list = sum(a.nbytes for a in (near.index, near.shift))
    force_s = _force_seconds(field, near, inside, cells, species)
    return {
        "atoms": atoms,
        "M_atom_steps_per_s": atoms * steps / elapsed / 1e6,
        "us_per_step": elapsed / steps * 1e6,
        "rebuilds_per_step": int(report.rebuilds[0]) / steps,
        "force_us": force_s * 1e6,
        "list_us": _seconds(lists, inside, cells) * 1e6,
        "near_list_us": _seconds(narrow, neighbors, inside, cells) * 1e6,
        "least_GB_s": (bytes_list + 6 * inside.nbytes) / force_s / 1e9,
        "moved_GB_s": costs.get("bytes accessed", 0.0) / force_s / 1e9,
        "GFLOP_s": costs.get("flops", 0.0) / force_s / 1e9,
        "temporary_bytes_per_atom": memory.temp_size_in_bytes / atoms if memory else None,
        # of the process so far: later cases can only show more
        "peak_GB": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0) / 1e9,
        "slots": [field.plan.slots, field.plan.near_slots],
        "capacity": field.capacity,
        "temperature_K": float(report.temperature_K[0]),
    }


def _batch(base: tuple[np.ndarray, np.ndarray], name: str, replicas: int) -> dict[str, Any]:
    """Independent replicas of 512 atoms: a slab of the molten base, its density kept."""
    positions, cell = base
    order = np.argsort((positions @ np.linalg.inv(cell))[:, 2] % 1.0)[:512]
    smaller = cell * np.array([1.0, 1.0, 512 / len(positions)])[:, None]
    fractional = (positions @ np.linalg.inv(cell))[order]
    slab = (fractional * [1, 1, len(positions) / 512]) @ smaller
    copies = np.stack(
        [slab + np.random.default_rng(r).normal(size=slab.shape) * 0.01 for r in range(replicas)]
    )
    run, state = propagator(name, copies.astype("float32"), smaller, friction_per_ps=50.0)
    state, _, elapsed = _dynamics_seconds(run, state, 200, 300)
    return {
        "atoms": copies.shape[0] * 512,
        "M_atom_steps_per_s": copies.shape[0] * 512 * 300 / elapsed / 1e6,
        "us_per_step": elapsed / 300 * 1e6,
    }


def _correctness(base: tuple[np.ndarray, np.ndarray], name: str, side: int, folder: Path) -> dict[str, Any]:
    """Largest difference of the forces from those in double precision on the CPU, in eV/A."""
    positions, cell = tiled(*base, (side,) * 3)
    np.savez(folder / "start.npz", positions=positions, cell=cell)
    command = [sys.executable, "-m", "benchmarks.gpu", "--out", str(folder), "--reference", name]
    subprocess.run(command, check=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    expected = np.load(folder / "reference.npy")
    for left in ("start.npz", "reference.npy"):
        (folder / left).unlink()
    result: dict[str, Any] = {"atoms": len(positions), "largest_force_eV_A": float(np.abs(expected).max())}
    for precision in ("float32", "float64"):
        difference = np.abs(_forces(name, positions, cell, precision) - expected).max()
        result[f"{precision}_error_eV_A"] = float(difference)
    return result


def _write_reference(folder: Path, name: str) -> None:
    start = np.load(folder / "start.npz")
    np.save(folder / "reference.npy", _forces(name, start["positions"], start["cell"], "float64"))


def _forces(name: str, positions: np.ndarray, cell: np.ndarray, precision: str) -> np.ndarray:
    run, start = propagator(name, positions[None].astype(precision), cell)
    inside, species = jax.vmap(wrapped)(start.positions, start.cells), jnp.zeros(len(positions), jnp.int32)
    field = run.field
    for _ in range(5):
        evaluate = jax.jit(
            lambda r, c, f=field: _from_scratch(f, r, c, species),
            compiler_options=compiler_options(),
        )
        sample, needs = evaluate(inside, start.cells)
        if not bool(field.short_of(needs).any()):
            return np.asarray(sample.forces[0], float)
        field, _ = field.grown(jax.device_get(needs), np.asarray(start.cells, float))
    raise RuntimeError("the arrays did not stop growing")


def _from_scratch(field: Any, positions: Any, cells: Any, species: Any) -> tuple[Any, Any]:
    near, listed = field.near(field.lists(positions, cells), positions, cells)
    sample, needs = field.evaluate(near, positions, cells, species)
    return sample, needs.merged(listed)


def _dynamics_seconds(run: Any, state: Any, warm_up: int, steps: int) -> tuple[Any, Any, float]:
    """State, report and median time of three chunks of whole dynamics."""
    state, report, _ = run.advance(state, warm_up)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        state, report, _ = run.advance(state, steps)
        jax.block_until_ready(state)
        times.append(time.perf_counter() - begin)
    return state, report, float(np.median(times))


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Median over three of the time of one call, of many queued one after the other."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        for _ in range(_REPEATS):
            result = function(*arguments)
        jax.block_until_ready(result)
        times.append((time.perf_counter() - begin) / _REPEATS)
    return float(np.median(times))


def _force_seconds(field: Any, near: Any, positions: Any, cells: Any, species: Any) -> float:
    """Time of one evaluation within a compiled loop, as in dynamics: no call from the host."""

    def many(near: Any, positions: Any) -> Any:
        def nudge(_: Any, r: Any) -> Any:
            return r + 1e-9 * field.evaluate(near, r, cells, species)[0].forces

        return jax.lax.fori_loop(0, _REPEATS, nudge, positions)

    looped = jax.jit(many, compiler_options=compiler_options())
    jax.block_until_ready(looped(near, positions))
    begin = time.perf_counter()
    for _ in range(3):
        jax.block_until_ready(looped(near, positions))
    return (time.perf_counter() - begin) / (3 * _REPEATS)


def _copy_bandwidth(size: int) -> float:
    """GB/s, read and written, of negating ``size`` bytes."""
    data = jnp.asarray(np.random.default_rng(0).normal(size=size // 4).astype("float32"))
    return 2 * size / _seconds(jax.jit(lambda x: -x), data) / 1e9


def _table(record: dict[str, Any]) -> str:
    lines = [
        f"{record['device']}, jax {record['jax']}, copy {record['copy_GB_s']:.0f} GB/s",
        "",
        "| case | M atom-steps/s | goal | step us | forces us | lists us | near us | bandwidth used | B/atom | peak GB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for label, case in record["cases"].items():
        if "us_per_step" not in case:
            continue
        goal = GOALS_M_PER_S.get(label)
        row = [
            label,
            f"{case['M_atom_steps_per_s']:.1f}",
            f"{goal:g}" if goal else "",
            f"{case['us_per_step']:.0f}",
        ]
        if "force_us" in case:
            share = case["moved_GB_s"] / record["copy_GB_s"]
            row += [f"{case['force_us']:.0f}", f"{case['list_us']:.0f}"]
            row += [f"{case['near_list_us']:.0f}", f"{100 * share:.0f} %"]
            row.append(f"{case['temporary_bytes_per_atom'] or 0:.0f}")
            row.append(f"{case['peak_GB']:.2f}" if case["peak_GB"] else "")
        else:
            row += [""] * 6
        lines.append("| " + " | ".join(row) + " |")
    lines += [
        "",
        "| forces | atoms | float32 error eV/A | float64 error eV/A | largest force |",
        "|---|---|---|---|---|",
    ]
    for label, case in record["cases"].items():
        if "largest_force_eV_A" in case:
            lines.append(
                f"| {label} | {case['atoms']} | {case['float32_error_eV_A']:.2g} | "
                f"{case['float64_error_eV_A']:.2g} | {case['largest_force_eV_A']:.1f} |"
            )
    failed = [f"{label}: {case['failed']}" for label, case in record["cases"].items() if "failed" in case]
    lines += ["", *failed, *(f"left out: {label}" for label in record["left_out"])]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
