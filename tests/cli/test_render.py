"""``carbonize render``: pictures, movies and files of structures and runs; what it refuses."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write
from matplotlib.colors import to_rgb

from carbonize.cli.app import main
from carbonize.io.frames import read_frames
from carbonize.report.style import CLASS_COLORS

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from fake_run import make_run

ROOT = Path(__file__).resolve().parents[2]
CARBON = ROOT / "structures" / "precursor-500.extxyz"
HAS_OVITO = importlib.util.find_spec("ovito") is not None


def call(
    *arguments: str | Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    patch.setattr("sys.argv", ["carbonize", "render", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures by matplotlib, which starts faster."""
    monkeypatch.setattr("carbonize.report.canvas.has_ovito", lambda: False)


def size(picture: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(picture) as image:
        return image.size


def test_pores_of_a_file_with_everything_for_the_desktop(
    tmp_path: Path, plain: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, gsd, folder = tmp_path / "a.png", tmp_path / "a.gsd", tmp_path / "meshes"
    code, said, err = call(
        CARBON, "--pores", "--out", out, "--size", "300x320", "--gsd", gsd, "--surfaces", folder,
        patch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "OVITO is not installed" in err
    assert size(out) == (300, 320)
    atoms = read(CARBON)
    [(_, frame)] = read_frames(gsd)
    assert set(frame.arrays["pore_class"]) == {3}
    np.testing.assert_allclose(
        frame.get_all_distances(mic=True)[0], atoms.get_all_distances(mic=True)[0], atol=1e-4
    )
    assert [p.name for p in folder.iterdir()] == ["pores-closed.vtk"]
    assert "a.gsd: 1 frame with pore_class" in said and "pores-closed.vtk" in said
    # the surfaces lie about the origin, as what is in the GSD file does
    lines = (folder / "pores-closed.vtk").read_text().splitlines()
    count = int(lines[4].split()[1])
    points = np.array([line.split() for line in lines[5 : 5 + count]], float)
    half = atoms.cell.lengths() / 2
    np.testing.assert_allclose(points.max(axis=0), half, atol=1e-3)
    np.testing.assert_allclose(points.min(axis=0), -half, atol=1e-3)


def test_a_run_shows_its_last_frame_or_all(
    tmp_path: Path, plain: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", frames=3, replicas=2)
    code, said, _ = call(
        run, "--out", tmp_path / "a.png", "--size", "200x220", patch=monkeypatch, capsys=capsys
    )
    assert code == 0 and said.strip() == str(tmp_path / "a.png")
    from PIL import Image

    with Image.open(tmp_path / "a.png") as image:
        assert "7.50 ps, 320 K" in image.info["Description"]
        assert "sp² (3 neighbours)" in image.info["Description"]
    code, said, _ = call(
        run, "--frame", "all", "--replica", "1", "--out", tmp_path / "b.png", "--size", "200x220",
        patch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert sorted(p.name for p in tmp_path.glob("b*")) == ["b-0000.png", "b-0001.png", "b-0002.png"]


def test_a_movie_has_every_frame(
    tmp_path: Path, plain: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    run = make_run(tmp_path / "run", frames=3)
    out = tmp_path / "a.gif"
    code, _, _ = call(
        run, "--pores", "--out", out, "--size", "200x240", "--fps", "5", patch=monkeypatch, capsys=capsys
    )
    assert code == 0
    with Image.open(out) as movie:
        assert movie.size == (200, 240)
        assert movie.info["duration"] == 200
        assert getattr(movie, "n_frames", 1) == 3
        colors = np.asarray(movie.convert("RGB"), int).reshape(-1, 3)
    for name, color in CLASS_COLORS.items():  # of the legend at least
        assert np.abs(colors - 255 * np.array(to_rgb(color))).max(axis=1).min() < 12, name
    code, _, err = call(run, "--out", tmp_path / "a.mp4", patch=monkeypatch, capsys=capsys)
    assert code == 2 and "OVITO" in err and ".gif" in err


@pytest.mark.skipif(not HAS_OVITO, reason="OVITO is not installed")
def test_ovito_writes_mp4_and_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trajectory = tmp_path / "two.extxyz"
    cell = bulk("C", cubic=True) * (2, 2, 2)
    write(trajectory, [cell, cell])
    movie = tmp_path / "a.mp4"
    code, _, err = call(trajectory, "--out", movie, "--size", "160x180", patch=monkeypatch, capsys=capsys)
    if err:
        pytest.skip(err)
    assert code == 0
    assert movie.read_bytes()[4:8] == b"ftyp"
    session = tmp_path / "a.ovito"
    code, said, _ = call(
        trajectory, "--out", tmp_path / "a.png", "--ovito", session, "--size", "160x180",
        patch=monkeypatch, capsys=capsys,
    )  # fmt: skip
    assert code == 0 and session.stat().st_size > 1000 and str(session) in said
    # the desktop finds in it what was drawn: atoms, sticks and edges with their colours
    look = (
        "import sys, ovito; ovito.scene.load(sys.argv[1]); data = ovito.scene.pipelines[0].compute();"
        "print(data.particles.count, 'Color' in data.particles, len(data.lines))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    seen = subprocess.run(
        [sys.executable, "-c", look, session], capture_output=True, text=True, env=environment, check=True
    )
    assert seen.stdout.split() == ["64", "True", "2"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.xyz", "--out", "a.png"], "none.xyz: no such file"),
        (["empty.xyz", "--out", "a.png"], "empty.xyz is empty"),
        ([CARBON], "nothing to write"),
        ([CARBON, "--out", "a.jpg"], "must end in .png, .mp4 or .gif"),
        ([CARBON, "--out", "nowhere/a.png"], "there is no folder"),
        ([CARBON, "--out", "a.png", "--classes", "closed,shut"], "unknown pore class 'shut'"),
        ([CARBON, "--out", "a.png", "--size", "wide"], "--size wide"),
        ([CARBON, "--out", "a.png", "--size", "10x10"], "between 100 and"),
        ([CARBON, "--out", "a.png", "--color", "charge"], "unknown colouring 'charge'"),
        ([CARBON, "--out", "a.png", "--dpi", "7"], "--dpi 7"),
        ([CARBON, "--out", "a.png", "--slab", "-1"], "--slab"),
        ([CARBON, "--out", "a.png", "--slab", "nan"], "--slab"),
        ([CARBON, "--out", "a.gif", "--fps", "0"], "frames per second"),
        ([CARBON, "--out", "a.png", "--fps", "5"], "belongs to a movie"),
        ([CARBON, "--out", "a.gif", "--transparent"], "a movie has no empty background"),
        ([CARBON, "--out", "a.png", "--replica", "2"], "goes with a run folder"),
        ([CARBON, "--out", "a.png", "--frame", "4"], "no frame 4"),
        ([CARBON, "--out", "a.png", "--frame", "x"], "--frame x"),
        ([CARBON, "--out", "a.png", "--radius", "Q=1"], "not a chemical element"),
        ([CARBON, "--out", "a.png", "--pores", "--radius", "C=-1"], "between 0 and 10"),
        ([CARBON, "--out", "a.png", "--bond-cutoff", "nan"], "--bond-cutoff"),
        ([CARBON, "--gsd", "a.txt"], "must end in .gsd"),
        ([CARBON, "--out", "a.gif", "--ovito", "a.ovito"], "one picture"),
        (["molecule.xyz", "--out", "a.png"], "no volume"),
        ([".", "--out", "a.png"], "not a run folder"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    plain: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.xyz").touch()
    Path("molecule.xyz").write_text("2\n\nC 0 0 0\nC 0 0 1.4\n")
    before = sorted(Path().iterdir())
    code, _, err = call(*arguments, patch=monkeypatch, capsys=capsys)
    assert code == 2
    assert says in err and err.count("\n") == 1
    assert sorted(Path().iterdir()) == before
