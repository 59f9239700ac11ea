"""Start structures of the benchmarks: hot carbon equilibrated by the potential, kept between calls.

``python -m benchmarks.starts POTENTIAL ATOMS FILE [BEFORE]`` makes one, from the shipped precursor or another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.processes import ROOT, closed_on_failure, python_child

__all__ = ["BASES", "base_atoms", "cache_folder", "make_cell", "start_structure"]

BASES = (1000, 512)
_STEPS = {"tersoff": 6000, "edip": 6000, "nep": 600}
"""With NEP, whose steps take twenty times as long, after EDIP's: nearly the same carbon."""
_FRICTION_PER_PS = 20.0
_GAP_A = 1.0
_PRECURSOR = ROOT / "structures" / "precursor-1000.extxyz"


def cache_folder() -> Path:
    """Where start structures are kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "carbonize" / "bench"


def base_atoms(atoms: int) -> int:
    """Size of the cell that is repeated to give so many atoms.

    Raises
    ------
    ValueError
        If no whole number of cells gives them.
    """
    for base in BASES:
        if atoms % base == 0:
            return base
    if 100 <= atoms < BASES[0]:
        return atoms
    raise ValueError(f"{atoms} atoms: expected a multiple of 1000 or of 512, or 100 to 1000")


def start_structure(
    potential: str,
    atoms: int,
    cores: Sequence[int],
    env: dict[str, str],
    note: Callable[[str], None],
    melted: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (atom, 3) and cell (A) of hot carbon that ``potential`` has equilibrated.

    Without ``melted`` it is the precursor scaled to the density.
    """
    from benchmarks.systems import DENSITY_G_CM3, MASS_AMU, tiled

    base = base_atoms(atoms)
    if melted:
        positions, cell = _melted(potential, base, cores, env, note)
    else:
        positions, cell = make_cell(base, DENSITY_G_CM3, MASS_AMU)
    return (positions, cell) if atoms == base else tiled(positions, cell, _near_cube(atoms // base))


def make_cell(atoms: int, density_g_cm3: float, mass_amu: float) -> tuple[np.ndarray, np.ndarray]:
    """A cube cut from the precursor and scaled to the density, not yet relaxed.

    A gap at the border keeps atoms of opposite faces apart.
    """
    from ase.io import read

    precursor = read(_PRECURSOR)
    edge_A = (atoms * mass_amu * 1.66053906660e-24 / density_g_cm3) ** (1 / 3) * 1e8
    fractional = precursor.get_scaled_positions() % 1.0  # type: ignore[union-attr]
    if atoms < len(fractional):
        outermost = fractional.max(axis=1)
        order = np.argsort(outermost)[:atoms]
        fractional = fractional[order] / outermost[order[-1]] * (1.0 - _GAP_A / edge_A)
    return fractional * edge_A, np.eye(3) * edge_A


def _melted(
    potential: str, base: int, cores: Sequence[int], env: dict[str, str], note: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray]:
    path = _kept(potential, base, env)
    if not path.is_file():
        before = []
        if potential == "nep":
            _melted("edip", base, cores, env, note)
            before = [str(_kept("edip", base, env))]
        note(f"making the start structure: {_STEPS[potential]} steps of {base} atoms with {potential}")
        child = python_child(
            "benchmarks.starts", potential, str(base), str(path), *before, cores=cores, env=env
        )
        with closed_on_failure(child):
            child.answer()
        child.close()
    with np.load(path) as found:
        return found["positions"], found["cell"]


def _kept(potential: str, base: int, env: dict[str, str]) -> Path:
    return cache_folder() / f"{potential}-{base}-{_key(potential, base, env)}.npz"


def _key(potential: str, base: int, env: dict[str, str]) -> str:
    from benchmarks.systems import DENSITY_G_CM3, TEMPERATURE_K, TIMESTEP_FS

    files = [_PRECURSOR, *(Path(env[name]) for name in ("CARBONIZE_NEP_FILE",) if potential == "nep")]
    settings = [
        potential,
        base,
        _STEPS[potential],
        _FRICTION_PER_PS,
        DENSITY_G_CM3,
        TEMPERATURE_K,
        TIMESTEP_FS,
    ]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _near_cube(count: int) -> tuple[int, int, int]:
    """Three factors of ``count`` as equal as can be."""
    choices = [
        (a, b, count // a // b)
        for a in range(1, count + 1)
        if count % a == 0
        for b in range(1, count // a + 1)
        if (count // a) % b == 0
    ]
    return min(choices, key=lambda sides: (sum(sides), sides))


def main() -> None:
    """Make one structure and write it."""
    import jax

    from benchmarks.systems import DENSITY_G_CM3, MASS_AMU, propagator
    from carbonize.cli.xla import use_compilation_cache

    potential, atoms, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    jax.config.update("jax_enable_x64", True)
    use_compilation_cache()
    if len(sys.argv) > 4:
        with np.load(sys.argv[4]) as before:
            positions, cell = before["positions"], before["cell"]
    else:
        positions, cell = make_cell(atoms, DENSITY_G_CM3, MASS_AMU)
    run, state = propagator(potential, positions[None].astype("float32"), cell, _FRICTION_PER_PS)
    for _ in range(0, _STEPS[potential], 200):
        state, _, failures = run.advance(state, 200)
        if failures:
            raise SystemExit(failures[0].message)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.npz")
    np.savez(partial, positions=np.asarray(state.positions[0], float), cell=cell)
    partial.replace(path)
    print("@done")


if __name__ == "__main__":
    main()
