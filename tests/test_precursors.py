"""``carbonize build fragments`` and ``templated``, and the specs behind them.

Most tests put the geometry's own springs in the place of a potential, which shows the loops at work
without compiling one; one of each kind is relaxed with Tersoff.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from carbonize.building import build
from carbonize.cli.app import main
from carbonize.config.builds import FragmentsSpec, TemplatedSpec, parse_build
from carbonize.crosslinking import CROSS_LINK_TOLERANCE, fragment_structure
from carbonize.errors import InputError
from carbonize.simulation.minimize import Minimum
from carbonize.structures.cavities import Cavities
from carbonize.structures.cross_links import bonds_within
from carbonize.templating import CAVITY_TOLERANCE_A, measure_cavities

TERSOFF = {"kind": "tersoff", "parameters": "tersoff-1989"}


class Still:
    """Stands for a relaxation: leaves atoms where the springs have brought them."""

    def __init__(self, *_: object) -> None:
        pass

    def __call__(self, positions: np.ndarray, *_: object) -> Minimum:
        return Minimum(np.asarray(positions), 0.0, 0.0, 0, True)


def fragments(cross_linking: float, seed: int = 1, atoms: int = 100) -> tuple:
    spec = FragmentsSpec(
        kind="fragments",
        atoms=atoms,
        density_g_cm3=0.9,
        fragment_atoms=20,
        cross_linking=cross_linking,
        seed=seed,
    )
    return fragment_structure(None, spec, atoms, 0.9, seed, 0.2, lambda *_: None)  # type: ignore[arg-type]


@pytest.mark.slow
def test_cross_linking_reaches_its_target_and_rises_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonize.crosslinking.CarbonRelaxer", Still)
    reached = []
    for target in (0.0, 0.04, 0.1):
        atoms, _, extra = fragments(target)
        found = extra["fragments"]
        assert abs(found["cross_linking"] - target) <= CROSS_LINK_TOLERANCE
        assert extra["warnings"] == []
        reached.append(found["cross_linking"])
        # told from the atoms alone: four neighbours, one of them elsewhere
        bonds = bonds_within(atoms.positions, float(atoms.cell[0, 0]))
        fragment = atoms.arrays["fragment"]
        four = np.flatnonzero(np.bincount(bonds.ravel(), minlength=len(atoms)) == 4)
        across = bonds[fragment[bonds[:, 0]] != fragment[bonds[:, 1]]]
        assert found["bridge_atoms"] == len(np.intersect1d(four, across))
        assert found["links"] == len(across)
        again, _, _ = fragments(target)
        assert np.array_equal(again.positions, atoms.positions)
    assert not np.array_equal(fragments(0.1, seed=2)[0].positions, atoms.positions)
    assert reached == sorted(set(reached))
    assert reached[0] == 0


@pytest.mark.slow
def test_what_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tears(Still):
        def __call__(self, positions: np.ndarray, *_: object) -> Minimum:
            return Minimum(start, 0.0, 0.0, 0, True)

        def __init__(self, _potential: object, positions: np.ndarray, _cell: object) -> None:
            nonlocal start
            start = positions

    start = np.empty(0)
    monkeypatch.setattr("carbonize.crosslinking.CarbonRelaxer", Tears)
    _, _, extra = fragments(0.1)
    assert extra["fragments"]["cross_linking"] == 0
    (warning,) = extra["warnings"]
    assert "0.0 % of the atoms are sp3 bridges, 10.0 % were asked for" in warning


def test_a_single_fragment_has_nothing_to_be_linked_to() -> None:
    spec = FragmentsSpec(kind="fragments", atoms=28, density_g_cm3=0.3, fragment_atoms=25)
    with pytest.raises(InputError, match="nothing to be linked to"):
        fragment_structure(None, spec, 28, 0.3, 1, 0.2, lambda *_: None)  # type: ignore[arg-type]


def test_fragments_relaxed_with_a_potential_keep_their_links_density_and_distance() -> None:
    spec = parse_build(
        {
            "kind": "fragments",
            "atoms": 80,
            "density_g_cm3": 0.8,
            "fragment_atoms": 20,
            "cross_linking": 0.06,
            "potential": TERSOFF,
            "force_tolerance_eV_A": 0.5,
        }
    )
    atoms, measured = build(spec)
    assert len(atoms) == measured["n_atoms"] == 80
    assert measured["density_g_cm3"] == pytest.approx(0.8, rel=1e-9)
    assert abs(measured["fragments"]["cross_linking"] - 0.06) <= CROSS_LINK_TOLERANCE
    assert measured["sp3"] >= measured["fragments"]["cross_linking"]
    assert measured["relaxed"]
    distances = atoms.get_all_distances(mic=True)
    assert distances[np.triu_indices(80, 1)].min() > 1.2
    assert atoms.info["fragments_count"] == 4


@pytest.mark.slow
def test_random_atoms_around_a_template_leave_a_cavity_of_its_size() -> None:
    spec = parse_build(
        {
            "kind": "templated",
            "matrix": {"kind": "random"},
            "atoms": 200,
            "density_g_cm3": 0.9,
            "template_size_A": 8,
            "number": 1,
            "potential": TERSOFF,
            "force_tolerance_eV_A": 1.0,
        }
    )
    atoms, measured = build(spec)
    assert measured["density_g_cm3"] == pytest.approx(0.9, rel=1e-9)
    (size,) = measured["templates"]["sizes_A"]
    assert size == pytest.approx(8, abs=CAVITY_TOLERANCE_A)
    assert measured["largest_included_sphere_A"] == pytest.approx(size, abs=0.3)
    assert len(atoms) == 200


@pytest.mark.parametrize(("template", "size"), [("sphere", 9.0), ("slit", 6.0)])
def test_cavities_cut_from_a_file_have_their_size(
    template: str, size: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Diamond: between its atoms nothing is wider than 1 A."""
    monkeypatch.setattr(
        "carbonize.templating.relax",
        lambda _p, atoms, *_: (atoms, Minimum(atoms.positions, 0.0, 0.0, 0, True)),
    )
    path = tmp_path / "diamond.extxyz"
    bulk("C", "diamond", a=3.567, cubic=True).repeat(5).write(path)
    matrix = {"kind": "file", "path": "diamond.extxyz"}
    common = {"kind": "templated", "matrix": matrix, "template": template, "template_size_A": size}
    spec = parse_build({**common, "number": 1}, base=tmp_path)
    atoms, measured = build(spec)
    # up to the next plane of atoms on either side, 0.89 A each, and the pits in it
    assert size - 0.01 <= measured["templates"]["sizes_A"][0] <= size + 2.0
    assert size - 0.01 <= measured["largest_included_sphere_A"] <= size + 2.0
    density = measured["density_g_cm3"]
    same, _ = build(parse_build({**common, "density_g_cm3": density}, base=tmp_path))
    assert len(same) == len(atoms)


def test_a_cavity_is_measured_where_its_template_stood() -> None:
    carbon = bulk("C", "diamond", a=3.567, cubic=True).repeat(5)
    hole = Cavities("sphere", np.array([[0.52, 0.5, 0.47]]), 8.0)
    empty = measure_cavities(carbon, hole)
    assert empty["sizes_A"][0] < 1.5
    kept = carbon[hole.depth(carbon.positions, carbon.cell.array) <= 0]
    assert measure_cavities(kept, hole)["sizes_A"][0] == pytest.approx(8.0, abs=1.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "needs a 'kind'"),
        ({"kind": "fragmnts"}, "did you mean fragments"),
        ({"kind": "fragments", "atoms": 100}, "density_g_cm3: is missing"),
        ({"kind": "fragments", "atoms": 100, "density_g_cm3": -1}, "density_g_cm3"),
        ({"kind": "fragments", "atoms": 100, "density_g_cm3": 1, "cross_linking": 1.5}, "cross_linking"),
        (
            {"kind": "fragments", "atoms": 100, "density_g_cm3": 1, "fragmnt_atoms": 30},
            "did you mean 'fragment_atoms'",
        ),
        (
            {
                "kind": "fragments",
                "atoms": 99,
                "density_g_cm3": 1,
                "curvature": "flat",
                "curvature_radius_A": 9,
            },
            "flat fragments have no curvature_radius_A",
        ),
        ({"kind": "templated", "matrix": {"kind": "random"}, "atoms": 100, "density_g_cm3": 1}, "number"),
        (
            {"kind": "templated", "matrix": {"kind": "file", "path": "x"}, "number": 1, "porosity": 0.2},
            "not both",
        ),
    ],
)
def test_a_wrong_spec_is_refused_in_one_line(data: dict, message: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_build(data)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_walls_denser_than_diamond_are_refused() -> None:
    spec = TemplatedSpec.model_validate(
        {
            "kind": "templated",
            "matrix": {"kind": "random"},
            "atoms": 500,
            "density_g_cm3": 2.0,
            "template": "slit",
            "template_size_A": 7,
            "number": 1,
            "potential": TERSOFF,
        }
    )
    with pytest.raises(InputError, match="walls would be denser"):
        build(spec)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["carbonize", "build", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_prints_json_and_keeps_numbers_in_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("carbonize.crosslinking.CarbonRelaxer", Still)
    out = tmp_path / "f.extxyz"
    arguments = ["fragments", "--atoms", "100", "--density", "0.8", "--fragment-atoms", "20", "-o", str(out)]
    assert command(monkeypatch, *arguments, "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    atoms = read(out)
    assert atoms.info["fragments_cross_linking"] == pytest.approx(measured["fragments"]["cross_linking"])
    assert atoms.info["seed"] == 1
    assert set(atoms.arrays["fragment"]) == set(range(5))
    # the origin is a spec: it makes the same structure again
    spec = parse_build(json.loads(atoms.info["origin"].removeprefix("carbonize build: ")))
    with monkeypatch.context() as patch:
        patch.setattr("carbonize.building.measure", lambda *_: {})  # that of the first is enough
        assert build(spec)[0].positions == pytest.approx(atoms.positions, abs=1e-6)
    assert command(monkeypatch, *arguments) == 0
    shown = capsys.readouterr().out
    for text in ("sp3 bridges between them", "% of atoms", "g/cm³", "radius of curvature (sphere)"):
        assert text in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fragments", "--atoms", "100", "--density", "-1"), "--density"),
        (("fragments", "--atoms", "100", "--density", "9"), "--density"),
        (
            ("fragments", "--atoms", "100", "--density", "1", "--fragment-diameter", "-3"),
            "--fragment-diameter",
        ),
        (("fragments", "--atoms", "100", "--density", "1", "--cross-linking", "1.2"), "--cross-linking"),
        (("fragments", "--atoms", "100", "--density", "1", "--fragment-atoms", "300"), "do not fit"),
        (("fragments", "--atoms", "150", "--density", "2", "--fragment-atoms", "70"), "beside its own image"),
        (("fragments", "--atoms", "100", "--density", "1", "--curvature", "conical"), "--curvature"),
        (("templated", "--atoms", "200", "--density", "1", "--size", "40", "--number", "1"), "needs a cell"),
        (("templated", "--atoms", "200", "--density", "1"), "number"),
        (("templated", "--matrix", "nowhere.extxyz", "--number", "1"), "nowhere.extxyz"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "x.extxyz"
    assert command(monkeypatch, *arguments, "-o", str(out)) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert message in said
    assert not out.exists()
