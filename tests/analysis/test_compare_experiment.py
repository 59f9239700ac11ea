"""Measured files are read or refused by line, curves are laid over each other, tables give differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from crystallites import ab_crystallite

from carbonize.cli.app import main
from carbonize.errors import InputError
from carbonize.experiment.curve_files import MeasuredCurve, read_curve
from carbonize.experiment.overlay import lay_over
from carbonize.experiment.published import orientation
from carbonize.experiment.table_file import read_table


def test_abscissas_of_every_kind_are_the_same_curve(tmp_path: Path) -> None:
    q = np.linspace(1.0, 3.0, 9)
    angle = 2 * np.degrees(np.arcsin(q * 1.5406 / (4 * np.pi)))
    kinds = {"q_1_A": q, "q_1_nm": 10 * q, "two_theta_deg": angle}
    for name, x in kinds.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(f"# made up\n{name};intensity;error\n" + "".join(f"{a:.8f};{a:.3f};0.1\n" for a in x))
        found = read_curve(path, angle_by_default=True, wavelength_A=1.5406)
        np.testing.assert_allclose(found.q, q, rtol=1e-6)
        assert (found.error == 0.1).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20 1\n21 x\n", "line 2: '21 x' is not two or three numbers"),
        ("length,intensity\n1,2\n", "line 1: the first column is called 'length'"),
        ("20 1\n21 2\n", "2 points"),
        ("20 1 0\n", "line 1: the standard error must be more than 0"),
        ("200 1\n", "line 1: 2 theta must lie between"),
        ("20 nan\n", "line 1"),
        ("20 1\n" * 9, "9 points at 1 different abscissa;"),
        ("".join(f"{k} 0\n" for k in range(20, 40)), "no intensity is above 0"),
        ("".join(f"{k} -{k}\n" for k in range(20, 40)), "no intensity is above 0"),
    ],
)
def test_bad_curves_are_named_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"x.csv.*{said}"):
        read_curve(path, angle_by_default=True, wavelength_A=1.5406)


def test_tables_take_values_with_and_without_errors(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(
        "name: A\nheat_treatment_C: 1300\nd002_A: [3.77, 0.02]\nLa_A: 30\nsp2: {value: 0.9, error: 0.1}\n"
    )
    found = read_table(path)
    assert (found.name, found.heat_treatment_C) == ("A", 1300)
    assert found.values == {"d002_A": (3.77, 0.02), "La_A": (30.0, None), "sp2": (0.9, 0.1)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("La_A: 30\nd02_A: 3.7\n", "line 2: unknown quantity 'd02_A'; did you mean 'd002_A'"),
        ("d002_A: [3.7, 0]\n", "line 1: the standard error of d002_A must be more than 0"),
        ("d002_A: wide\n", "line 1: d002_A must be a number"),
        ("d002_A: [1, 2, 3]\n", "line 1: .* got 3 numbers"),
        ("a: [\n", "not YAML"),
        ("", "write one quantity a line"),
    ],
)
def test_bad_tables_are_named_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_table(path)


def test_a_curve_lies_on_itself_whatever_its_scale_and_background() -> None:
    q = np.linspace(1, 3, 200)
    curve = np.exp(-((q - 1.8) ** 2) / 0.02)
    measured = MeasuredCurve(Path("m"), q[5:-5], (7 * curve + 3 + q)[5:-5], np.full(190, np.nan))
    found = lay_over(measured, q, curve, sloping=True)
    assert found.scale == pytest.approx(7.0, rel=1e-6)
    assert found.r_factor < 1e-6
    with pytest.raises(InputError, match="check the unit"):
        lay_over(MeasuredCurve(Path("m"), 10 * q, curve, curve), q, curve, sloping=True)


def test_published_medians_are_interpolated_and_bounded() -> None:
    found = orientation("plateau_mAh_g", 1050)
    assert found is not None and found["median"] == pytest.approx(95)
    outside = orientation("d002_A", 2500)
    assert outside is not None and outside["median"] is None and outside["range"] == [3.68, 3.87]
    assert orientation("sp2", 1000) is None


def test_a_crystallite_beside_its_own_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from carbonize.analysis.scattering.curves import scattering_curves

    atoms = ab_crystallite(20.0, 5)
    write(tmp_path / "c.xyz", atoms)
    own = scattering_curves(atoms)
    angle, y = own["xrd_two_theta"].values, own["xrd_intensity_polarised"].values
    rows = [f"{a},{50 * b + 200}" for a, b in zip(angle[60::3], y[60::3], strict=True)]
    (tmp_path / "x.csv").write_text("\n".join(["two_theta_deg,counts", *rows]) + "\n")
    (tmp_path / "e.yaml").write_text("heat_treatment_C: 1600\nd002_A: [3.40, 0.02]\n")
    arguments = ["c.xyz", "--xrd", "x.csv", "--table", "e.yaml", "--out", "out"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["carbonize", "compare-experiment", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert "layer spacing d002" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert document["curves"]["xrd"]["R"] < 0.02
    row = next(r for r in document["rows"] if r["quantity"] == "d002_A")
    assert row["sigma"] == pytest.approx(-0.046 / 0.02, abs=0.5)
    assert row["published"]["median"] == 3.68
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert page.count("data:image/png;base64,iVBOR") == 1 and "http" not in page
    monkeypatch.setattr("sys.argv", ["carbonize", "compare-experiment", "c.xyz"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "nothing measured" in capsys.readouterr().err
