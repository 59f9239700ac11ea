"""Engine tests run in double precision."""

from __future__ import annotations

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def _wide_types() -> None:
    jax.config.update("jax_enable_x64", True)
