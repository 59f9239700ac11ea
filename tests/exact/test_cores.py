"""Replicas spread over cores: the same bits as on one core."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import jax, numpy as np
sys.path.insert(0, sys.argv[1])
jax.config.update("jax_enable_x64", True)
if int(sys.argv[2]) > 1:
    from carbonize.simulation import spread
    spread.os.sched_getaffinity = lambda _: set(range(int(sys.argv[2])))
    spread.use_cores(3)
assert len(jax.devices()) == int(sys.argv[2])
from systems import TERSOFF, diamond, propagator
from carbonize.potentials.edip import Edip
potential = {"edip": Edip(), "tersoff": TERSOFF}[sys.argv[3]]
run, state = propagator(diamond(2), 1500.0, replicas=[0, 1, 2], potential=potential)
for _ in range(2):
    state, report, failures = run.advance(state, 15)
    assert not failures
print(np.asarray(state.positions).tobytes().hex()[:4000], report.potential_eV.tobytes().hex())
"""


# Tersoff, which takes long to compile, has a replica shared between cores in test_decomposition.py
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be counted here")
@pytest.mark.parametrize("potential", ["edip", pytest.param("tersoff", marks=pytest.mark.slow)])
def test_cores_change_no_bit(potential: str) -> None:
    folder = os.path.join(os.path.dirname(__file__), "..", "physics")
    environment = {k: v for k, v in os.environ.items() if k != "JAX_NUM_CPU_DEVICES"}
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, folder, str(cores), potential],
            capture_output=True, text=True, check=False, env=environment,
        )
        for cores in (1, 2)
    ]  # fmt: skip
    assert [t.returncode for t in told] == [0, 0], told[0].stderr + told[1].stderr
    assert told[0].stdout == told[1].stdout
