"""A cell that shrinks under pressure outgrows its bins, and nobody notices."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from physics.soft import SoftSpheres, fluid
from physics.systems import LIMITS, THERMOSTATS, propagator

from carbonize.simulation.barostats import CellRescaling
from carbonize.simulation.forces import make_force_field
from carbonize.simulation.propagate import Growth


@pytest.fixture(scope="module", autouse=True)
def _wide_types() -> None:
    jax.config.update("jax_enable_x64", True)


def squeeze(growths: list[Growth], **more: Any) -> Any:
    """A loose fluid under a pressure that makes its edge a sixth shorter and more."""
    return propagator(
        fluid(125, 13.0, heavy=1.0),
        1000.0,
        1.0,
        THERMOSTATS["langevin"],
        CellRescaling(20.0, time_constant_ps=0.1, compressibility_per_GPa=0.015),
        potential=SoftSpheres(),
        skin_A=0.7,
        limits=dataclasses.replace(LIMITS, min_distance_A=0.0),
        on_growth=growths.append,
        **more,
    )


def test_bins_are_chosen_anew_and_change_nothing() -> None:
    growths: list[Growth] = []
    engine, start = squeeze(growths, slots=60)
    state, edges = start, []
    for _ in range(8):
        state, _, failures = engine.advance(state, 50)
        assert not failures
        edges.append(float(state.cells[0, 0, 0]))
    assert edges[-1] < 0.84 * 13.0
    assert any("bin_reach" in g.sizes for g in growths)
    # with the sizes of the end from the beginning: the same, to the last bit
    none: list[Growth] = []
    roomy, again = squeeze(none, slots=60)
    roomy.field = roomy.field.with_sizes(engine.field.sizes())
    for _ in range(8):
        again, _, _ = roomy.advance(again, 50)
    assert not none
    for field in ("positions", "momenta", "keys", "cells", "memory"):
        np.testing.assert_array_equal(getattr(state, field), getattr(again, field), err_msg=field)


def test_bins_that_became_too_narrow_within_one_chunk_are_mended() -> None:
    gas = fluid(125, 13.0)
    cells = gas.cell.array[None]
    field = make_force_field(SoftSpheres(), gas.positions[None], cells, 0.7, slots=60, shrink=0.9)
    needs = field.no_needs(1, np.float64)._replace(cramped=jnp.ones(1, bool))
    assert field.grown(needs, cells)[0] != field
