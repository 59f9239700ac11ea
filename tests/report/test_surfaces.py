"""Surfaces of pores: closed, of the right volume, of the right class, and readable by OVITO."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from matplotlib.image import imread

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.analysis.pores.survey import PoreSurvey, survey
from carbonize.config.models import AnalysisConfig
from carbonize.errors import InputError
from carbonize.io.classified import classified_frame, standard_cell
from carbonize.io.frames import read_frames
from carbonize.io.trajectory import TrajectoryWriter
from carbonize.report.mesh_files import write_surfaces
from carbonize.report.render import render_pores
from carbonize.report.scene import View, build_scene
from carbonize.report.shots import check_classes, in_box
from carbonize.report.surface_nets import BORDER, Surface, enclosed_volume, make_surfaces, triangles
from carbonize.report.surfaces import class_of_atoms, pore_surfaces
from carbonize.report.void_grid import sample_void

ROOT = Path(__file__).resolve().parents[2]
PROBES = AnalysisConfig().probes_A
HAS_OVITO = importlib.util.find_spec("ovito") is not None


def carbon(atoms: int) -> Atoms:
    found = read(ROOT / "structures" / f"precursor-{atoms}.extxyz")
    assert isinstance(found, Atoms)
    return found


@pytest.fixture(scope="module")
def two_classes() -> tuple[Atoms, PoreSurvey]:
    """A carbon with open and quasi-closed pores, and its survey."""
    atoms = carbon(4096)
    return atoms, survey(atoms, 1.7, PROBES)


def assert_closed(surface: Surface) -> None:
    """Every edge is walked as often in one direction as in the other."""
    faces = triangles(surface)
    assert len(faces)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = len(surface.vertices)
    there, back = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    np.testing.assert_array_equal(np.sort(there), np.sort(back))


def ball(radius: float, middle: tuple[float, float, float], box: float = 14.0) -> tuple[np.ndarray, ...]:
    count = round(box / 0.45)
    x = (np.arange(count) + 0.5) * box / count
    points = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1)
    field = (radius - np.linalg.norm(points - np.array(middle), axis=-1)).astype(np.float32)
    return field, np.where(field > 0, 0, -1).astype(np.int8), points


@pytest.mark.parametrize("radius", [1.3, 2.0, 5.0])
def test_a_ball_has_the_volume_of_a_ball(radius: float) -> None:
    field, kind, _ = ball(radius, (7.1, 6.93, 7.02))
    surface = make_surfaces(field, kind, 14.0 * np.eye(3))
    assert_closed(surface)
    assert enclosed_volume(surface) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    distance = np.linalg.norm(surface.vertices - [7.1, 6.93, 7.02], axis=1)
    np.testing.assert_allclose(distance, radius, atol=0.06)


def test_what_the_border_cuts_is_closed_there() -> None:
    field, kind, _ = ball(4.0, (0.0, 7.0, 7.0))
    surface = make_surfaces(field, kind, 14.0 * np.eye(3))
    assert_closed(surface)
    assert enclosed_volume(surface) == pytest.approx(2 / 3 * np.pi * 4.0**3, rel=0.02)
    cut = surface.part(surface.beyond == BORDER)
    np.testing.assert_allclose(cut.vertices[:, 0], 0.0, atol=1e-12)


def test_a_slice_ends_where_it_is_said_to() -> None:
    field, kind, _ = ball(5.0, (7.0, 7.0, 7.0))
    surface = make_surfaces(field, kind, 14.0 * np.eye(3), 0.4, 0.6)
    assert_closed(surface)
    assert surface.vertices[:, 2].min() == pytest.approx(0.4 * 14)
    assert surface.vertices[:, 2].max() == pytest.approx(0.6 * 14)
    slice_volume = np.pi * (25 * 2.8 - 2 * 1.4**3 / 3)
    assert enclosed_volume(surface) == pytest.approx(slice_volume, rel=0.03)


def test_two_classes_are_closed_each_and_fill_the_ball_together() -> None:
    field, kind, points = ball(4.0, (7.1, 6.93, 7.02))
    kind[(kind == 0) & (points[..., 0] > 8.0)] = 1
    surface = make_surfaces(field, kind, 14.0 * np.eye(3))
    volumes = []
    for number in (0, 1):
        part = surface.part(surface.owner == number)
        assert_closed(part)
        volumes.append(enclosed_volume(part))
    assert sum(volumes) == pytest.approx(4 / 3 * np.pi * 4.0**3, rel=0.02)
    cap = np.pi * 3.1**2 * (4.0 - 3.1 / 3)
    assert volumes[1] == pytest.approx(cap, rel=0.15)  # the border between them lies between two samples


def test_helium_fills_all_that_one_atom_leaves() -> None:
    cell = np.array([[10.0, 0, 0], [2.0, 9.0, 0], [1.0, -1.5, 11.0]])
    atoms = Atoms("C", [[3.0, 2.0, 9.0]], cell=cell, pbc=True)
    found = survey(atoms, 1.7, PROBES)
    surface = pore_surfaces(atoms, found, np.array([1.7]))
    assert_closed(surface)
    free = abs(np.linalg.det(cell)) - 4 / 3 * np.pi * 1.7**3
    assert enclosed_volume(surface) == pytest.approx(free, rel=0.003)


def test_the_grid_has_the_class_volumes_of_the_survey(two_classes: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = two_classes
    nodes = np.flatnonzero(found.pore >= 0)
    kind = np.array([CLASS_NAMES.index(pore.class_name) for pore in found.pores])[found.pore[nodes]]
    grid = sample_void(
        atoms.cell.array,
        atoms.positions,
        np.full(len(atoms), 1.7),
        found.position_A[nodes],
        found.clearance_A[nodes],
        kind,
    )
    voxel = atoms.cell.volume / grid.kind.size
    for number, name in enumerate(CLASS_NAMES):
        exact = sum(pore.volume_A3 for pore in found.pores if pore.class_name == name)
        counted = ((grid.kind == number) & (grid.field_A >= 1.3)).sum() * voxel
        assert counted == pytest.approx(exact, rel=0.01, abs=1e-9), name


def test_surfaces_lie_on_the_atoms_and_classes_add_up(two_classes: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = two_classes
    surface = pore_surfaces(
        atoms, found, np.full(len(atoms), 1.7), spacing_A=0.3
    )  # large cells get 1.5 times that
    parts = [surface.part(surface.owner == number) for number in (0, 1)]
    for part in parts:
        assert_closed(part)
    volumes = [enclosed_volume(part) for part in parts]
    assert sum(volumes) == pytest.approx(enclosed_volume(surface))
    # the opening of a void is larger than the void of the centre, and smaller than that of a point
    point = survey(atoms, 1.7, {"point": 1e-6}).probes["point"]
    centre = found.probes["He"].accessible_volume_A3 + found.probes["He"].inaccessible_volume_A3
    assert centre < sum(volumes) < point.accessible_volume_A3 + point.inaccessible_volume_A3
    wall = surface.part(surface.beyond == -1).vertices
    from scipy.spatial import cKDTree

    length = atoms.cell.lengths()
    distance, _ = cKDTree(atoms.positions % length, boxsize=length).query(wall % (length * (1 - 1e-12)))
    assert distance.min() > 1.7 - 0.25
    assert np.median(distance) == pytest.approx(1.7, abs=0.1)


def test_each_atom_has_the_class_of_the_sphere_nearest_to_it(two_classes: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = two_classes
    given = class_of_atoms(atoms, found)
    assert set(given) == {1, 2}
    nodes = np.flatnonzero(found.pore >= 0)
    length = atoms.cell.lengths()
    for atom in range(0, len(atoms), 97):
        apart = found.position_A[nodes] - atoms.positions[atom]
        apart -= length * np.round(apart / length)
        gap = np.linalg.norm(apart, axis=1) - found.clearance_A[nodes]
        near = nodes[gap < gap.min() + 0.011]
        assert CLASS_NAMES[given[atom] - 1] in {found.pores[i].class_name for i in found.pore[near]}


def test_without_pores_there_is_nothing(tmp_path: Path, without_ovito: None) -> None:
    diamond = bulk("C", cubic=True) * (2, 2, 2)
    found = survey(diamond, 1.7, PROBES)
    surface = pore_surfaces(diamond, found, np.full(len(diamond), 1.7))
    assert enclosed_volume(surface) == 0.0
    assert not class_of_atoms(diamond, found).any()
    assert "No pores" in description(render_pores(diamond, tmp_path / "a.png", (300, 320)).path)


def description(picture: Path) -> str:
    from PIL import Image

    with Image.open(picture) as image:
        return str(image.info["Description"])


def test_the_legend_says_class_limits_volume_and_time(tmp_path: Path, without_ovito: None) -> None:
    atoms = carbon(500)
    atoms.info.update(time_ps=1.25, temperature_K=3499.7)
    picture = render_pores(atoms, tmp_path / "a.png", (320, 340), "closed,fully-closed")
    assert picture.renderer == "matplotlib" and "OVITO is not installed" in picture.note
    assert imread(picture.path).shape[:2] == (340, 320)
    text = description(picture.path)
    pores = survey(atoms, 1.7, PROBES).pores
    volume = (
        sum(p.volume_A3 for p in pores if p.class_name == "closed") / atoms.get_masses().sum() / 1.66053907
    )
    assert f"closed, 2.6 to 3.3 Å {volume:.4f} cm³/g" in text
    assert "1.25 ps, 3500 K" in text
    assert "quasi" not in text
    # the closed pores' yellow is on the picture
    red, green, blue = np.moveaxis(np.asarray(imread(picture.path))[..., :3], -1, 0)
    assert ((red > 0.5) & (green > 0.4) & (blue < 0.35)).mean() > 0.05


def test_classes_are_drawn_one_set_at_a_time(two_classes: tuple[Atoms, PoreSurvey]) -> None:
    atoms, found = two_classes
    surface = pore_surfaces(atoms, found, np.full(len(atoms), 1.7), View(slab_A=8.0))
    one = surface.part(surface.owner == 1)
    scene = build_scene(atoms, surface=one, view=View(slab_A=8.0))
    both = build_scene(atoms, surface=surface, view=View(slab_A=8.0))
    # alone, a class shows where it meets the other; together that is hidden
    assert len(scene.mesh_faces) == 2 * len(one.quads)
    assert len(both.mesh_faces) < 2 * len(surface.quads)


@pytest.mark.parametrize("names", ["open,shut", "", ["closed", "Open"]])
def test_an_unknown_class_is_named(names: str | list[str]) -> None:
    with pytest.raises(InputError, match="known: open"):
        check_classes(names)


def test_a_molecule_without_a_cell_has_no_picture() -> None:
    with pytest.raises(InputError, match="no volume"):
        in_box(Atoms("C2", [[0, 0, 0], [1.4, 0, 0]]))


def test_a_turned_cell_keeps_lengths_and_angles() -> None:
    cell = np.array([[3.0, 1, 0.5], [-1, 4, 0.2], [0.3, 0.1, 5]])
    turned = standard_cell(cell)
    assert np.allclose(np.triu(turned, 1), 0) and (np.diag(turned) > 0).all()
    np.testing.assert_allclose(turned @ turned.T, cell @ cell.T)


def test_ovito_reads_the_surfaces_and_the_classes_of_atoms(
    tmp_path: Path, two_classes: tuple[Atoms, PoreSurvey]
) -> None:
    atoms, found = two_classes
    kinds = class_of_atoms(atoms, found)
    writer = TrajectoryWriter(tmp_path / "a.gsd")
    writer.append(classified_frame(atoms, kinds, 3))
    writer.close()
    _, again = next(iter(read_frames(tmp_path / "a.gsd")))
    np.testing.assert_array_equal(again.arrays["pore_class"], kinds)
    np.testing.assert_allclose(again.positions, atoms.positions % atoms.cell.lengths(), atol=1e-4)

    surface = pore_surfaces(atoms, found, np.full(len(atoms), 1.7), spacing_A=0.8)
    (tmp_path / "pores-closed.vtk").write_text("from an earlier call")
    files = write_surfaces(surface, tmp_path)
    assert set(files) == {"open", "quasi-closed"}
    assert not (tmp_path / "pores-closed.vtk").exists()
    if not HAS_OVITO:
        pytest.skip("OVITO is not installed")
    code = """
import json, sys
import numpy as np
from ovito.io import import_file
mesh = import_file(sys.argv[1]).compute().triangle_meshes["mesh"]
data = import_file(sys.argv[2]).compute()
print(json.dumps([mesh.face_count, mesh.get_vertices().mean(axis=0).tolist(),
                  np.bincount(data.particles["pore_class"]).tolist()]))
"""
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    command = [sys.executable, "-c", code, str(files["open"]), str(tmp_path / "a.gsd")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    faces, middle, counts = json.loads(done.stdout.splitlines()[-1])
    part = surface.part(surface.owner == 0)
    assert faces == 2 * len(part.quads)
    np.testing.assert_allclose(middle, part.vertices.mean(axis=0), atol=1e-3)
    assert counts == np.bincount(kinds).tolist()


@pytest.mark.skipif(not HAS_OVITO, reason="OVITO is not installed")
def test_ovito_draws_the_pores_in_their_colours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture = render_pores(carbon(500), tmp_path / "a.png", (300, 320), legend=False)
    if picture.renderer != "ovito":
        pytest.skip(picture.note)
    red, green, blue = np.moveaxis(np.asarray(imread(picture.path))[..., :3], -1, 0)
    assert ((red > 0.5) & (green > 0.4) & (blue < 0.5)).mean() > 0.05
    assert capfd.readouterr() == ("", "")
