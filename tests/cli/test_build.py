"""``carbonize build`` makes structures that the other commands take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from carbonize.analysis.frame import analyze
from carbonize.cli.app import main


def build(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["carbonize", "build", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_random_has_the_density_and_is_relaxed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.extxyz"
    arguments = ["random", "--atoms", "60", "--density", "1.2", "--potential", "tersoff-1989"]
    assert build(monkeypatch, *arguments, "-o", str(out)) == 0
    atoms = read(out)
    assert len(atoms) == 60
    assert analyze(atoms)["density_g_cm3"] == pytest.approx(1.2, rel=1e-6)
    assert np.all(atoms.pbc)
    assert "--seed 1" in atoms.info["origin"]
    assert "1.200 g/cm3" in capsys.readouterr().out
    again = tmp_path / "y.extxyz"
    assert build(monkeypatch, *arguments, "-o", str(again)) == 0
    assert again.read_bytes() == out.read_bytes()


def test_melt_quench_with_pores_keeps_atoms_and_density(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "x.extxyz"
    arguments = ["melt-quench", "--atoms", "60", "--density", "1.2", "--wall-density", "2.0"]
    arguments += ["--pore-diameter", "6", "--melt-ps", "0.02", "--quench-ps", "0.02"]
    arguments += ["--potential", "tersoff-1989", "--force-tolerance", "2", "-o", str(out)]
    assert build(monkeypatch, *arguments) == 0
    atoms = read(out)
    assert len(atoms) == 60
    assert analyze(atoms)["density_g_cm3"] == pytest.approx(1.2, rel=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        ("random", "--atoms", "100", "--density", "-1"),
        ("random", "--atoms", "1", "--density", "1"),
        ("random", "--atoms", "100", "--density", "9"),
        ("random", "--atoms", "100", "--density", "1", "--potential", "edpi"),
        ("random", "--atoms", "100", "--density", "nan"),
        ("random", "--atoms", "500", "--density", "3", "--min-distance", "2.5"),
        ("melt-quench", "--atoms", "100", "--density", "1", "--wall-density", "0.9"),
        ("melt-quench", "--atoms", "100", "--density", "1", "--melt", "300", "--to", "400"),
        ("melt-quench", "--atoms", "100", "--density", "1", "--timestep", "0"),
    ],
)
def test_impossible_settings_are_one_line_and_nothing_is_written(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "x.extxyz"
    assert build(monkeypatch, *arguments, "-o", str(out)) == 2
    message = capsys.readouterr().err
    assert len(message.strip().splitlines()) == 1
    assert not out.exists()
