"""Bad input through the real command: one clear line, exit code 2, nothing half-written."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write

from carbonize.cli.app import main
from carbonize.config import dump_protocol, parse_protocol

PROTOCOL: dict[str, Any] = {
    "name": "small",
    "structure": {"kind": "file", "path": "start.extxyz"},
    "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 0.01}],
}


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with what is in the files."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a sound start structure in it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "start.extxyz", bulk("C", "diamond", a=3.6, cubic=True))
    return tmp_path


@pytest.fixture
def refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run a command that must be refused, and return the one line it says."""

    def command(*arguments: Any) -> str:
        before = contents(place)
        monkeypatch.setattr("sys.argv", ["carbonize", *(str(a) for a in arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        output = capfd.readouterr()
        assert "Traceback" not in output.err
        lines = output.err.splitlines()
        assert len(lines) == 1, output.err
        assert lines[0].startswith("carbonize: error: ")
        assert output.out == ""
        assert left.value.code == 2
        assert contents(place) == before
        return lines[0].removeprefix("carbonize: error: ")

    return command


def protocol(place: Path, changes: dict[str, Any] | None = None) -> Path:
    """A protocol file with entries changed (``a.b.0.c``: value)."""
    data: Any = copy.deepcopy(PROTOCOL)
    for path, value in (changes or {}).items():
        here = data
        *parents, last = path.split(".")
        for key in parents:
            here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
        here[int(last) if isinstance(here, list) else last] = value
    file = place / "protocol.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


# -- the protocol ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dynamic": {}}, r"unknown key 'dynamic'; did you mean 'dynamics'\?"),
        ({"dynamics.timestep": 1.0}, r"unknown key 'dynamics\.timestep'; did you mean 'timestep_fs'\?"),
        (
            {"schedule.0.temperatur_K": 1},
            r"unknown key 'schedule\.0\.temperatur_K'; did you mean 'temperature_K'\?",
        ),
        (
            {"schedule": [{"kind": "ramp", "to_K": 3000, "duration_ps": 1}]},
            "give from_K, or put a hold before it",
        ),
        (
            {"structure": {"kind": "random", "atoms": 10, "density_g_cm3": -1}},
            r"structure\.density_g_cm3: .*greater than 0, got -1",
        ),
        ({"structure": {"kind": "random", "atoms": -10, "density_g_cm3": 1}}, r"structure\.atoms: .*got -10"),
        ({"dynamics.timestep_fs": -0.5}, r"dynamics\.timestep_fs: .*greater than 0, got -0\.5"),
        (
            {"potential": {"kind": "lennard-jones"}},
            r"potential: unknown kind 'lennard-jones'.*known: edip, tersoff",
        ),
        ({"schedule.0.duration_ps": 1e-7}, r"schedule\.0: .*less than one step"),
        ({"analysis": {"radii_A": {"Xx": 1.0}}}, r"'Xx' is not a chemical element"),
        ({"analysis": {"radius_uncertainty_A": 1.7}}, r"leaves nothing of a radius of 1\.7 A"),
    ],
)
def test_a_wrong_protocol(
    place: Path, refused: Callable[..., str], changes: dict[str, Any], expected: str
) -> None:
    assert re.search(expected, refused("run", protocol(place, changes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [1, 2\n", "not valid YAML"),
        ("name: a\n\tb: 1\n", "not valid YAML"),
        ("", "a protocol is a mapping"),
        ("a: &x [1]\nb: *x\n", "aliases are not allowed"),
        ("!!python/object/apply:os.system ['touch pwned']", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_protocol(
    place: Path, refused: Callable[..., str], text: str, expected: str
) -> None:
    (place / "p.yaml").write_text(text)
    message = refused("run", "p.yaml")
    assert message.startswith("p.yaml: ")
    assert expected in message


def test_a_missing_protocol(refused: Callable[..., str]) -> None:
    assert "nowhere.yaml: no such protocol file" in refused("run", "nowhere.yaml")


def test_a_folder_given_as_protocol(place: Path, refused: Callable[..., str]) -> None:
    assert "is a folder, expected a protocol file" in refused("run", place)


def test_bytes_given_as_protocol(place: Path, refused: Callable[..., str]) -> None:
    (place / "p.yaml").write_bytes(bytes(range(256)))
    assert "not a text file" in refused("run", "p.yaml")


def test_a_structure_given_as_protocol(refused: Callable[..., str]) -> None:
    assert "start.extxyz: " in refused("run", "start.extxyz")


# -- the structure --------------------------------------------------------------------------


def with_nan() -> Atoms:
    atoms = bulk("C", "diamond", a=3.6, cubic=True)
    atoms.positions[3, 1] = np.nan
    return atoms


def overlapping(gap_A: float) -> Atoms:
    atoms = bulk("C", "diamond", a=3.6, cubic=True)
    atoms.positions[5] = atoms.positions[2] + [gap_A, 0, 0]
    return atoms


STRUCTURES: dict[str, tuple[Atoms, str]] = {
    "unknown element": (
        Atoms("C2Au", positions=[[0, 0, 0], [2, 0, 0], [4, 0, 0]], cell=[9, 9, 9], pbc=True),
        "atom 2 is Au, but the potential edip knows only C",
    ),
    "nan": (with_nan(), "the position of atom 3 is not finite"),
    "overlapping": (overlapping(0.01), "atoms 2 and 5 overlap"),
    "too close": (overlapping(0.4), "atoms 2 and 5 are only 0.400 A apart"),
    "zero cell": (Atoms("C2", positions=[[0, 0, 0], [1.4, 0, 0]], cell=[0, 0, 0], pbc=True), "zero volume"),
    "flat cell": (Atoms("C2", positions=[[0, 0, 0], [1.4, 0, 0]], cell=[9, 9, 0], pbc=True), "zero volume"),
    "molecule": (molecule("C60"), "periodic in three directions"),
}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_structure_that_cannot_start(place: Path, refused: Callable[..., str], kind: str) -> None:
    atoms, expected = STRUCTURES[kind]
    write(place / "start.extxyz", atoms)
    message = refused("run", protocol(place), "--out", "run")
    assert expected in message
    assert "start.extxyz" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"3\nLattice=\n", "cannot be read"),
        (b"8\nProperties=species:S:1:pos:R:3\nC 0 0 0\n", "cannot be read"),
        (b"1\nx\nC 0 0 zero\n", "cannot be read"),
        (bytes(range(256)) * 4, "start.extxyz"),
    ],
)
def test_a_broken_structure_file(
    place: Path, refused: Callable[..., str], content: bytes, expected: str
) -> None:
    (place / "start.extxyz").write_bytes(content)
    assert expected in refused("run", protocol(place))


def test_a_missing_structure_file(place: Path, refused: Callable[..., str]) -> None:
    message = refused("run", protocol(place, {"structure.path": "none.extxyz"}))
    assert f"{place / 'none.extxyz'}: no such file" in message


def test_a_folder_given_as_structure(place: Path, refused: Callable[..., str]) -> None:
    assert "is a folder" in refused("run", protocol(place, {"structure.path": "."}))


# -- the potential --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        ("", "no entries"),
        ("C C C 3.0 1.0 0.0\n", "the last entry has 3 numbers, expected 14"),
        ("Si Si Si " + "1.0 " * 14, "no entry C C C"),
        ("C C C 3.0 1.0 0.0 nan " + "1.0 " * 10, "c is nan; give a finite number"),
    ],
)
def test_a_broken_potential_file(
    place: Path, refused: Callable[..., str], content: str | None, expected: str
) -> None:
    if content is not None:
        (place / "my.tersoff").write_text(content)
    message = refused("run", protocol(place, {"potential": {"kind": "tersoff", "file": "my.tersoff"}}))
    assert expected in message
    assert "my.tersoff" in message


# -- the run folder -------------------------------------------------------------------------


def test_a_run_folder_below_a_file(place: Path, refused: Callable[..., str]) -> None:
    message = refused("run", protocol(place), "--out", place / "start.extxyz" / "run")
    assert "cannot be written" in message
    assert "--out" in message


def test_a_file_in_the_place_of_the_run_folder(place: Path, refused: Callable[..., str]) -> None:
    assert "start.extxyz: is a file" in refused("run", protocol(place), "--out", "start.extxyz")


def test_a_run_folder_that_no_one_can_write(place: Path, refused: Callable[..., str]) -> None:
    message = refused("run", protocol(place), "--out", "/proc/carbonize")
    assert "/proc/carbonize: the folder cannot be written" in message


def test_a_run_folder_with_something_else_in_it(place: Path, refused: Callable[..., str]) -> None:
    (place / "photos").mkdir()
    (place / "photos" / "cat.jpg").touch()
    assert "photos: not empty and not a run folder" in refused("run", protocol(place), "--out", "photos")


def test_a_run_folder_of_another_protocol_names_the_keys_that_differ(
    place: Path, refused: Callable[..., str]
) -> None:
    other = parse_protocol({**PROTOCOL, "dynamics": {"seed": 7}}, base=place)
    (place / "run").mkdir()
    (place / "run" / "protocol.yaml").write_text(dump_protocol(other))
    (place / "run" / "manifest.json").write_text(json.dumps({"status": "finished", "config_hash": "0"}))
    message = refused("run", protocol(place), "--out", "run")
    assert "holds a run of another protocol (differs in dynamics.seed)" in message


def test_a_run_folder_with_a_damaged_manifest(place: Path, refused: Callable[..., str]) -> None:
    (place / "run").mkdir()
    (place / "run" / "manifest.json").write_text("{")
    assert "manifest.json: cannot be read as JSON" in refused("run", protocol(place), "--out", "run")


def test_a_name_too_long_for_a_folder(place: Path, refused: Callable[..., str]) -> None:
    assert "too long" in refused("run", protocol(place), "--out", "x" * 300)


# -- the other commands ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("random", "--atoms", "10", "--density", "-1", "-o", "x.extxyz"),
            "--density -1: expected g/cm3 above 0",
        ),
        (("random", "--atoms", "10", "--density", "nan", "-o", "x.extxyz"), "--density nan: "),
        (("random", "--atoms", "10", "--density", "9", "-o", "x.extxyz"), "--density 9: "),
        (("random", "--atoms", "1", "--density", "1", "-o", "x.extxyz"), "--atoms 1: "),
        (("random", "--atoms", "-5", "--density", "1", "-o", "x.extxyz"), "--atoms -5: "),
        (("random", "--atoms", "many", "--density", "1", "-o", "x.extxyz"), "'--atoms'"),
        (("random", "--density", "1", "-o", "x.extxyz"), "'--atoms'"),
        (("random", "--atoms", "10", "--density", "1", "-o", "none/x.extxyz"), "there is no folder none"),
        (
            ("random", "--atoms", "10", "--density", "1", "-o", "/proc/x.extxyz"),
            "/proc/x.extxyz: cannot be written",
        ),
        (("random", "--atoms", "10", "--density", "1", "-o", "."), "is a folder"),
        (("random", "--atoms", "10", "--density", "1", "-o", "x.nonsense"), "unknown structure format"),
        (
            ("random", "--atoms", "10", "--density", "1", "-o", "x.extxyz", "--potential", "tersof-1989"),
            "did you mean tersoff-1989?",
        ),
        (
            ("random", "--atoms", "10", "--density", "1", "-o", "x.extxyz", "--min-distance", "-1"),
            "--min-distance -1: expected a number above 0",
        ),
        (
            ("random", "--atoms", "4", "--density", "3", "-o", "x.extxyz", "--min-distance", "3"),
            "too small for atoms 3.00 A apart",
        ),
        (
            ("melt-quench", "--atoms", "10", "--density", "1", "-o", "x.extxyz", "--melt", "200"),
            "--to 300 K is not below --melt 200 K",
        ),
        (
            ("melt-quench", "--atoms", "10", "--density", "1", "-o", "x.extxyz", "--timestep", "0"),
            "--timestep 0: expected a number above 0",
        ),
        (("melt", "--atoms", "10"), "No such command 'melt'"),
    ],
)
def test_a_wrong_build(refused: Callable[..., str], arguments: tuple[str, ...], expected: str) -> None:
    assert expected in refused("build", *arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("none.extxyz",), "none.extxyz: no such file"),
        ((".",), "is a folder"),
        (("start.extxyz", "--frame", "7"), "there is no frame 7"),
        (("start.extxyz", "--frame", "last"), "--frame last: "),
        (("start.extxyz", "--what", "pore"), "did you mean 'pores'?"),
        (("start.extxyz", "--radius", "C"), "--radius C: write NAME=NUMBER"),
        (("start.extxyz", "--radius", "C=-1"), "radius C=-1"),
        (("start.extxyz", "--probe", "He=big"), "--probe He=big: "),
        (("start.extxyz", "--bond-cutoff", "-1"), "the bond cutoff must be more than 0"),
        (("start.extxyz", "--json", "none/x.json"), "cannot write"),
        (("start.extxyz", "--jsn", "x.json"), "No such option: --jsn"),
        (("start.extxyz", "--json", "start.extxyz"), "is the file that is read"),
        (("start.extxyz", "--curves", "./start.extxyz"), "is the file that is read"),
        (("start.extxyz", "--graph", "start.extxyz"), "is the file that is read"),
    ],
)
def test_a_wrong_analysis(refused: Callable[..., str], arguments: tuple[str, ...], expected: str) -> None:
    assert expected in refused("analyze", *arguments)


@pytest.mark.parametrize("kind", ["nan", "overlapping", "zero cell"])
def test_a_structure_that_cannot_be_analysed(place: Path, refused: Callable[..., str], kind: str) -> None:
    atoms, expected = STRUCTURES[kind]
    write(place / "start.extxyz", atoms)
    message = refused("analyze", "start.extxyz", "--json", "out.json")
    assert expected in message
    assert "start.extxyz" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("none",), "none: no such file"),
        ((".",), "not a run folder"),
        (("start.extxyz", "--to", "pdf"), "--to pdf: unknown format"),
        (("start.extxyz", "--frame", "last"), "--frame last: expected a number or all"),
        (("start.extxyz", "--to", "cif", "--frame", "all"), "--to cif holds one frame"),
        (("start.extxyz", "--frame", "3", "--out", "y.extxyz"), "there is no frame 3"),
        (("start.extxyz", "--out", "none/y.extxyz"), "there is no folder none"),
        (("start.extxyz", "--out", "/proc/y.extxyz"), "/proc/y.extxyz: cannot be written"),
        (("start.extxyz", "--out", "."), "is a folder"),
        (("start.extxyz",), "start.extxyz: is the file that is read"),
        (("start.extxyz", "--replica", "-1"), "'--replica'"),
    ],
)
def test_a_wrong_export(refused: Callable[..., str], arguments: tuple[str, ...], expected: str) -> None:
    assert expected in refused("export", *arguments)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("none", "no such run folder"), (".", "not a run folder"), ("start.extxyz", "is a file")],
)
def test_a_wrong_report(refused: Callable[..., str], argument: str, expected: str) -> None:
    assert expected in refused("report", argument)


def test_a_comparison_writes_over_no_run_and_no_comparison_of_another_kind(
    place: Path, refused: Callable[..., str]
) -> None:
    (place / "run").mkdir()
    (place / "run" / "manifest.json").write_text("{}")
    assert "is a run folder" in refused("compare", "run", "--out", "run")
    (place / "measured").mkdir()
    (place / "measured" / "comparison.html").write_text("kept")
    assert "with an experiment" in refused("compare", "run", "--out", "measured")
    (place / "protocols").mkdir()
    (place / "protocols" / "comparison.nc").write_text("kept")
    (place / "t.yaml").write_text("d002_A: 3.7")
    assert "of protocols" in refused(
        "compare-experiment", "start.extxyz", "--table", "t.yaml", "--out", "protocols"
    )


def test_one_fault_is_counted_once(place: Path, refused: Callable[..., str]) -> None:
    stage = {"kind": "hold", "temperature_K": -300, "duration_ps": 0.01}
    assert "and 1 more" not in refused("run", protocol(place, {"schedule": [stage]}))
    assert "schedule: is empty; give at least one" in refused("run", protocol(place, {"schedule": []}))


def test_what_is_no_element_is_named(place: Path, refused: Callable[..., str]) -> None:
    text = Path("start.extxyz").read_text(encoding="utf-8")
    Path("odd.extxyz").write_text(text.replace("\nC ", "\nQq ", 1), encoding="utf-8")
    assert "frame 0: 'Qq' is not a chemical element" in refused("analyze", "odd.extxyz")


def test_a_file_name_with_line_breaks_still_makes_one_line(refused: Callable[..., str]) -> None:
    assert "no such file" in refused("analyze", "a\nb\nc.extxyz")


def test_an_unknown_command(refused: Callable[..., str]) -> None:
    assert "No such command 'anneal'" in refused("anneal")


def test_ctrl_c_says_how_to_go_on_and_leaves_with_75(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carbonize.running.run", interrupted)
    monkeypatch.setattr("sys.argv", ["carbonize", "run", str(protocol(place))])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 75
    assert "run the same command again to continue" in capfd.readouterr().err
