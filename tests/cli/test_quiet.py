"""What the libraries below say to themselves does not reach the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from carbonize.cli.xla import use_compilation_cache

PROTOCOL = """
name: quiet
structure: {kind: random, atoms: 40, density_g_cm3: 1.5}
potential: {kind: tersoff, parameters: tersoff-1989}
schedule: [{kind: hold, temperature_K: 300, duration_ps: 0.005}]
output: {frame_every_ps: 0.005, analysis_every_ps: 0.005}
"""


@pytest.mark.parametrize("inherited", [None, "1"], ids=["unset", "from a program that uses JAX"])
def test_a_second_run_loads_its_programs_without_a_word(tmp_path: Path, inherited: str | None) -> None:
    protocol = tmp_path / "p.yaml"
    protocol.write_text(PROTOCOL)
    settings = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    settings |= {} if inherited is None else {"TF_CPP_MIN_LOG_LEVEL": inherited}
    settings |= {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    for out in ("first", "second"):
        command = [
            sys.executable,
            "-m",
            "carbonize",
            "run",
            str(protocol),
            "--out",
            str(tmp_path / out),
            "--no-report",
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=settings, timeout=300)
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.splitlines() if ".cc:" in line]
        assert len(done.stderr) < 3000


def test_processors_of_different_kinds_do_not_share_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jax

    from carbonize.cli import xla

    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: jax.config.values[name] for name in names}
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        use_compilation_cache()
        monkeypatch.setattr(xla, "_processor", lambda: "another")
        use_compilation_cache()
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert len(list((tmp_path / "carbonize" / "xla").iterdir())) == 2
