"""One replica on several cores: as on one within rounding, and as before to the last bit in all else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from exact.runs import assert_same_end, small_protocol

import carbonize
from carbonize.errors import InputError
from carbonize.io.checkpoint import read_newest_checkpoint
from carbonize.potentials.edip import Edip
from carbonize.simulation.spread import cores_per_replica

TESTS = Path(__file__).parents[1]

ENGINE = """
import dataclasses, sys
import jax, numpy as np
sys.path.insert(0, sys.argv[1])
jax.config.update("jax_enable_x64", True)
from carbonize.simulation import spread
spread.use_cores(replicas=1, each=2)  # two, even if they have to take turns
from physics.systems import diamond, propagator
from carbonize.types import Result

atoms = diamond(3, 0.1)
del atoms[[5, 90, 171]]  # 213: one place of two times 107 has no atom

def advanced(replicas, **more):
    run, state = propagator(atoms, 2500.0, replicas=replicas, **more)
    rows = []
    for _ in range(2):
        state, report, failures = run.advance(state, 20)
        assert not failures
        rows.append(report)
    return run, state, rows

def same(a, j, b, k):
    for name in ("positions", "momenta", "keys", "cells", "memory"):
        assert (np.asarray(getattr(a, name))[j] == np.asarray(getattr(b, name))[k]).all(), name

_, one, told_one = advanced([7])
run, two, told_two = advanced([4, 7], cores=2)
for a, b in zip(told_one, told_two):
    for name in ("potential_eV", "kinetic_eV", "bath_eV", "mean_pressure_GPa"):
        np.testing.assert_allclose(getattr(a, name)[0], getattr(b, name)[1], rtol=1e-9, atol=1e-7)
    for name, x, y in zip(a.needs._fields, a.needs, b.needs):
        if name == "inner":  # bonds; crowded atoms, a share of a core's own ones
            assert x[0][0] == y[1][0] and x[0][1] <= y[1][1], (x, y)
        else:
            np.testing.assert_allclose(x[0], y[1])
away = np.abs(np.asarray(one.positions)[0] - np.asarray(two.positions)[1]).max()
assert 0 < away < 1e-9, away

# arrays that have to grow, and another batch
grown = []
_, alone, _ = advanced([7], cores=2, slots=6, on_growth=grown.append)
assert {"neighbor_slots", "near_slots"} <= set(grown[0].sizes)
same(alone, 0, two, 1)

# a replica that breaks down is named, the other one does not notice
sound, _, none = run.advance(two, 20)
assert not none
momenta = two.momenta.at[0, 150, 2].set(np.nan)
end, _, (failure,) = run.advance(dataclasses.replace(two, momenta=momenta), 20)
assert (failure.place, failure.code) == (0, Result.NON_FINITE), failure
assert "replica 4" in failure.message and (np.asarray(end.positions[0]) == np.asarray(two.positions[0])).all()
same(sound, 1, end, 1)
"""

BETWEEN_ROUNDS = """
import dataclasses, sys
import jax, numpy as np
sys.path.insert(0, sys.argv[1])
jax.config.update("jax_enable_x64", True)
from carbonize.simulation import spread
spread.use_cores(replicas=1, each=3)
from physics.systems import diamond, propagator
from carbonize.potentials.dispersion import Dispersed
from carbonize.potentials.edip import Edip
from carbonize.types import Result

potential = {"edip": Edip(), "dispersed": Dispersed(Edip(), end_A=6.0)}[sys.argv[2]]
atoms = diamond(3, 0.2)
del atoms[[5, 90, 171]]

def advanced(cores):
    run, state = propagator(atoms, 4000.0, potential=potential, precision=sys.argv[3], cores=cores)
    state, report, failures = run.advance(state, 20)
    assert not failures
    return run, state, report

_, one, told_one = advanced(1)
run, more, told = advanced(3)
close = {"float64": 1e-9, "float32": 2e-4, "mixed": 2e-4}[sys.argv[3]]
for name in ("potential_eV", "kinetic_eV", "bath_eV", "mean_pressure_GPa"):
    np.testing.assert_allclose(getattr(told_one, name), getattr(told, name), rtol=close, atol=close)
assert told_one.needs.reach_A[0] == told.needs.reach_A[0] or abs(told_one.needs.reach_A[0] - told.needs.reach_A[0]) < close
away = np.abs(np.asarray(one.positions) - np.asarray(more.positions)).max()
assert 0 < away < close, away

lost = more.momenta.at[0, 150, 2].set(np.nan)
_, _, (failure,) = run.advance(dataclasses.replace(more, momenta=lost), 20)
assert failure.code == Result.NON_FINITE, failure
"""

RUN = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import carbonize
from exact.runs import AfterChunks
from carbonize.potentials.base import Potential

def interrupt():
    raise KeyboardInterrupt

protocol, unbroken, broken, cores, chunks = json.loads(sys.argv[2])
os.sched_getaffinity = lambda _: set(range(cores))
if cores > 1:
    Potential.fewest_atoms_a_core = property(lambda _: 20)
    carbonize.run(protocol, unbroken, report=False)
try:
    carbonize.run(protocol, broken, AfterChunks(chunks, interrupt), report=False)
except KeyboardInterrupt:
    pass
"""


def run_script(script: str, *arguments: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "JAX_NUM_CPU_DEVICES"}
    told = subprocess.run(
        [sys.executable, "-c", script, str(TESTS), *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr


def test_two_cores_share_a_replica() -> None:
    run_script(ENGINE)


@pytest.mark.parametrize(
    ("potential", "precision"),
    [
        ("edip", "float64"),
        pytest.param("edip", "float32", marks=pytest.mark.slow),
        pytest.param("dispersed", "mixed", marks=pytest.mark.slow),
    ],
)
def test_cores_tell_each_other_what_a_potential_needs_between_its_rounds(
    potential: str, precision: str
) -> None:
    run_script(BETWEEN_ROUNDS, potential, precision)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return small_protocol(tmp_path_factory.mktemp("start"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be counted here")
def test_a_run_goes_on_with_as_many_cores_as_it_began_with(protocol: dict[str, Any], tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for cores, chunks in ((2, 3), (1, 100)):
        run_script(RUN, json.dumps([protocol, str(unbroken), str(broken), cores, chunks]))
    found = read_newest_checkpoint(broken / "checkpoint")
    assert found is not None
    assert found.header["cores_per_replica"] == 2
    assert carbonize.load_run(broken).manifest["cores_per_replica"] == 2
    assert_same_end(unbroken, broken)


@pytest.mark.parametrize(
    ("potential", "cores", "message"),
    [
        ({"kind": "tersoff", "parameters": "tersoff-1989"}, 100, "64 atoms are too few for 100 cores"),
        ({"kind": "tersoff", "parameters": "tersoff-1989"}, 32, "JAX was started with"),
    ],
)
def test_cores_that_cannot_be_used_are_refused(
    potential: dict[str, Any], cores: int, message: str, protocol: dict[str, Any], tmp_path: Path
) -> None:
    dynamics = {**protocol["dynamics"], "cores_per_replica": cores}
    with pytest.raises(InputError, match=message):
        carbonize.run({**protocol, "potential": potential, "dynamics": dynamics}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_potential_that_is_not_divisible_is_refused() -> None:
    with pytest.raises(InputError, match="cannot share the atoms of a replica with this potential"):
        cores_per_replica(Edip(loops=False), 1000, 1, wanted=2)
