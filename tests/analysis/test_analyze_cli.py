"""``carbonize analyze`` from the outside: its JSON, its tables, its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import gsd.hoomd
import numpy as np
import pytest
import typer
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write
from typer.testing import CliRunner

from carbonize import analyze as analyze_atoms
from carbonize.cli.analyze import analyze
from carbonize.errors import InputError

app = typer.Typer()
app.command()(analyze)
runner = CliRunner()


def call(*arguments):
    """Standard output of a successful call."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def crystal(tmp_path):
    path = tmp_path / "sc.extxyz"
    write(path, bulk("C", "sc", a=8.0, cubic=True))
    return path


@pytest.fixture
def movie(tmp_path):
    path = tmp_path / "movie.extxyz"
    write(path, [bulk("C", "sc", a=7.0 + 0.2 * k, cubic=True) for k in range(5)])
    return path


def test_the_json_has_every_key_of_the_contract(crystal):
    document = json.loads(call(crystal, "--json", "-"))
    assert list(document) == ["schema_version", "source", "frames"]
    assert document["schema_version"] == 1
    assert document["source"] == str(crystal)
    [frame] = document["frames"]
    assert list(frame) == ["index", "n_atoms", "cell_volume_A3", "density_g_cm3", "bonding", "pores"]
    assert set(frame["bonding"]) == {
        "cutoff_A",
        "coordination_fraction",
        "sp",
        "sp2",
        "sp3",
        "mean_coordination",
        "mean_bond_length_A",
        "pyramidalization_deg",
        "angle_deg",
        "angle_agreement",
        "dangling_fraction",
        "edge_fraction",
        "edges_mmol_g",
        "radicals_mmol_g",
    }
    pores = frame["pores"]
    assert set(pores) == {
        "largest_included_sphere_A",
        "largest_free_sphere_A",
        "largest_free_sphere_along_A",
        "probes",
        "classes",
        "items",
        "certificate",
    }
    assert list(pores["probes"]) == ["He", "CO2", "N2", "EC"]
    for probe in pores["probes"].values():
        assert set(probe) == {
            "diameter_A",
            "accessible_volume_A3",
            "inaccessible_volume_A3",
            "accessible_area_A2",
            "inaccessible_area_A2",
            "accessible_volume_cm3_g",
            "inaccessible_volume_cm3_g",
            "accessible_area_m2_g",
            "inaccessible_area_m2_g",
            "channels",
            "pockets",
            "channel_dimensionality",
            "channel_dimensionalities",
        }
    assert list(pores["classes"]) == ["open", "quasi-closed", "closed", "fully-closed"]
    for entry in pores["classes"].values():
        assert set(entry) == {"count", "volume_A3", "volume_cm3_g", "fraction"}
    for item in pores["items"]:
        assert set(item) == {
            "id",
            "class",
            "entrance_A",
            "diameter_A",
            "volume_A3",
            "center_A",
            "margin_A",
            "necks_A",
            "area_A2",
            "window_area_A2",
            "sphericity",
            "gyration_eigenvalues_A2",
            "volume_margin",
            "probes",
            "winding",
        }


def test_the_file_and_the_python_function_say_the_same(crystal, tmp_path):
    out = tmp_path / "out.json"
    text = call(crystal, "--json", out)
    [frame] = json.loads(out.read_text())["frames"]
    direct = json.loads(json.dumps(analyze_atoms(bulk("C", "sc", a=8.0, cubic=True))))
    assert frame == direct
    assert str(out) in text


def test_a_file_that_is_overwritten_is_replaced_whole(crystal, tmp_path):
    out = tmp_path / "out.json"
    out.write_text("old")
    call(crystal, "--json", out)
    assert json.loads(out.read_text())["schema_version"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "sc.extxyz"]


def test_json_to_a_device_does_not_replace_the_device(crystal):
    before = os.stat(os.devnull)
    call(crystal, "--json", os.devnull)
    assert os.stat(os.devnull).st_rdev == before.st_rdev


def test_all_frames_are_analysed_unless_one_is_chosen(movie):
    everything = json.loads(call(movie, "--json", "-", "--what", "bonding"))["frames"]
    assert [frame["index"] for frame in everything] == [0, 1, 2, 3, 4]
    [last] = json.loads(call(movie, "--json", "-", "--frame", "-1"))["frames"]
    assert last["index"] == 4
    assert last["cell_volume_A3"] == pytest.approx(7.8**3)
    [second] = json.loads(call(movie, "--json", "-", "--frame", 1, "--what", "pores"))["frames"]
    assert second["index"] == 1 and "bonding" not in second


def test_options_change_what_they_name(crystal):
    document = json.loads(
        call(
            crystal, "--json", "-", "--radius", "C=1.5", "--probe", "He=2.4", "--probe", "Na=2.04",
            "--bond-cutoff", "8.0", "--persistence", "0.1",
        )
    )  # fmt: skip
    [frame] = document["frames"]
    assert frame["bonding"]["mean_coordination"] == 6.0
    assert frame["pores"]["largest_free_sphere_A"] == pytest.approx(8 * 2**0.5 - 3.0, abs=1e-5)
    diameters = {name: probe["diameter_A"] for name, probe in frame["pores"]["probes"].items()}
    assert diameters == {"He": 2.4, "CO2": 3.3, "N2": 3.64, "EC": 5.7, "Na": 2.04}


def test_the_table_gives_units_and_the_numbers_people_look_for(crystal):
    text = call(crystal)
    for piece in (
        "1 atoms",
        "Å³",
        "g/cm³",
        "sp2",
        "10.456 Å",
        "7.914 Å",
        "quasi-closed",
        "CO2",
        "entrance Å",
    ):
        assert piece in text
    assert "Traceback" not in text


def test_many_frames_take_a_line_each(movie):
    lines = call(movie).splitlines()
    rows = [line for line in lines if line.strip()[:1].isdigit()]
    assert len(rows) == 5


def test_a_molecule_without_a_cell_is_analysed(tmp_path):
    path = tmp_path / "c60.xyz"
    write(path, molecule("C60"))
    [frame] = json.loads(call(path, "--json", "-"))["frames"]
    assert frame["density_g_cm3"] is None
    assert frame["pores"]["classes"]["fully-closed"]["count"] == 1
    assert "-" in call(path)


def test_a_gsd_trajectory_is_analysed(tmp_path):
    path = tmp_path / "run.gsd"
    with gsd.hoomd.open(str(path), "w") as file:
        frame: Any = gsd.hoomd.Frame()
        frame.configuration.box = [8, 8, 8, 0, 0, 0]
        frame.particles.N = 1
        frame.particles.types = ["C"]
        frame.particles.position = [[0, 0, 0]]
        file.append(frame)
    [result] = json.loads(call(path, "--json", "-"))["frames"]
    assert result["pores"]["largest_included_sphere_A"] == pytest.approx(8 * 3**0.5 - 3.4, abs=1e-5)


@pytest.fixture
def unlike_frames(tmp_path):
    """Frames of different elements' numbers, cells and boundaries."""
    path = tmp_path / "unlike.extxyz"
    cells = [bulk("C", "diamond", a=a, cubic=True).repeat(n) for a, n in ((3.6, 1), (4.4, 2), (5.2, 1))]
    cells[1].rattle(0.2, seed=1)
    write(path, [*cells, molecule("C60"), bulk("C", "sc", a=8.0)])
    return path


def test_the_number_of_processes_changes_no_digit(unlike_frames):
    alone = call(unlike_frames, "--json", "-")
    frames = json.loads(alone)["frames"]
    assert [frame["n_atoms"] for frame in frames] == [8, 64, 8, 60, 1]
    assert len({frame["cell_volume_A3"] for frame in frames}) == 5
    assert call(unlike_frames, "--json", "-", "--jobs", 2) == alone


def test_a_trajectory_whose_atoms_and_cell_change_is_analysed(tmp_path):
    path = tmp_path / "changing.gsd"
    with gsd.hoomd.open(str(path), "w") as file:
        for edge, count in ((8.0, 1), (8.0, 2), (9.0, 2)):
            frame: Any = gsd.hoomd.Frame()
            frame.configuration.box = [edge, edge, edge, 0, 0, 0]
            frame.particles.N = count
            frame.particles.types = ["C"]
            frame.particles.position = [[0, 0, 0], [1.4, 0, 0]][:count]
            file.append(frame)
    frames = json.loads(call(path, "--json", "-"))["frames"]
    assert [frame["n_atoms"] for frame in frames] == [1, 2, 2]
    assert [frame["cell_volume_A3"] for frame in frames] == pytest.approx([512, 512, 729])
    widths = [frame["pores"]["largest_included_sphere_A"] for frame in frames]
    assert widths[1] < widths[0] == pytest.approx(8 * 3**0.5 - 3.4, abs=1e-5)
    assert widths[2] > widths[1]


def test_several_processes_refuse_a_frame_in_the_same_words(tmp_path):
    path = tmp_path / "bad.extxyz"
    good = bulk("C", "sc", a=8.0, cubic=True)
    write(path, [good, good, Atoms("C2", positions=np.zeros((2, 3)), cell=[8, 8, 8], pbc=True), good])
    refusals = []
    for jobs in (1, 2):
        with pytest.raises(InputError, match="frame 2") as caught:
            call(path, "--json", "-", "--what", "bonding", "--jobs", jobs)
        refusals.append(str(caught.value))
    assert refusals[0] == refusals[1]


def test_uncertain_radii_give_ranges_that_hold_the_values(crystal):
    [frame] = json.loads(call(crystal, "--json", "-", "--radius-uncertainty", "0.1"))["frames"]
    band = frame["pores"]["radius_uncertainty"]
    assert band["delta_A"] == 0.1
    assert "radii ± 0.1" in call(crystal, "--radius-uncertainty", "0.1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "-1"], "--jobs -1"),
        (["--jobs", "-1", "--frame", "0"], "--jobs -1"),
        (["--radius-uncertainty", "-0.1"], "radius uncertainty"),
        (["--radius-uncertainty", "nan"], "radius uncertainty"),
        (["--radius-uncertainty", "1.7"], "leaves nothing of a radius"),
        (["--what", "bondage"], "did you mean 'bonding'"),
        (["--frame", "7"], "no frame 7"),
        (["--frame", "last"], "--frame last"),
        (["--frame", "1.5"], "--frame 1.5"),
        (["--radius", "C"], "--radius C"),
        (["--radius", "C=wide"], "NAME=NUMBER"),
        (["--radius", "C=-1"], "radius"),
        (["--radius", "Xq=1"], "not a chemical element"),
        (["--probe", "He=-1"], "probe He"),
        (["--probe", "=2"], "NAME=NUMBER"),
        (["--probe", "He=nan"], "probe He"),
        (["--bond-cutoff", "0"], "bond cutoff"),
        (["--persistence", "-1"], "persistence"),
        (["--json", "/nonexistent/folder/out.json"], "cannot write"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(crystal, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        call(crystal, *arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"atoms": "carbon.cif"}, "got a str; read a file with ase"),
        ({"atoms": [bulk("C")]}, "one structure"),
        ({"what": 3}, "what must be names"),
        ({"radii": [1.7]}, "radii must be in A by element"),
        ({"probes": [2.6]}, "probes must be diameters"),
        ({"class_limits": {"open_A": 6}}, "class_limits must be"),
    ],
)
def test_what_is_of_the_wrong_kind_is_refused_with_what_would_do(arguments, message):
    with pytest.raises(InputError, match=message):
        analyze_atoms(**{"atoms": bulk("C"), **arguments})


def test_a_refused_structure_leaves_no_file_and_names_the_frame(tmp_path):
    path, out = tmp_path / "bad.extxyz", tmp_path / "out.json"
    good = bulk("C", "sc", a=8.0, cubic=True)
    write(path, [good, Atoms("C2", positions=np.zeros((2, 3)), cell=[8, 8, 8], pbc=True)])
    with pytest.raises(InputError, match=r"bad.extxyz, frame 1.*overlap"):
        call(path, "--json", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.extxyz"]


def test_importing_the_command_loads_nothing_heavy():
    heavy = ("jax", "numba", "scipy", "ase", "numpy", "ovito", "gsd")
    code = f"import sys, carbonize.cli.analyze; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
