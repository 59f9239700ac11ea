"""What is written: volumes that add up, files that agree with each other, refusals in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from ase import Atoms
from ase.build import bulk
from ase.io import write
from typer.testing import CliRunner

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.cli.track import track
from carbonize.errors import InputError
from carbonize.tracking.flows import COLUMNS, ROWS, flow
from carbonize.tracking.settings import Settings
from carbonize.tracking.track import follow, track_run
from carbonize.tracking.words import told

app = typer.Typer()
app.command()(track)
runner = CliRunner()


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    """A random solid in motion: pores divide, merge, die and open in it all the time."""
    random = np.random.default_rng(5)
    atoms = bulk("C", "diamond", a=5.2, cubic=True).repeat(3)
    atoms.rattle(0.5, seed=1)
    found = []
    for k in range(12):
        atoms.positions += 0.35 * random.standard_normal(atoms.positions.shape)
        atoms.wrap()
        atoms.info.update(step=100 * k, time_ps=0.1 * k, temperature_K=3000.0)
        found.append(atoms.copy())
    return found


def call(*arguments: Any) -> Any:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_flows_add_up_to_the_volumes_and_counts_of_both_frames(frames: list[Atoms]) -> None:
    lives = follow(frames)
    assert {event.kind for event in lives.events} & {"merged", "split", "died", "born"}
    for first, last in [(0, 11), (0, 1), (3, 8), (5, 5)]:
        moved = flow(lives, first, last)
        assert moved.volume_A3.min() >= -1e-9
        for place, sums in (
            (first, moved.volume_A3[:4].sum(axis=1)),
            (last, moved.volume_A3[:, :4].sum(axis=0)),
        ):
            frame, held = lives.history.frames[place], np.array(lives.held_classes(place))
            volumes = [frame.volume_A3[held == name].sum() for name in CLASS_NAMES]
            np.testing.assert_allclose(sums, volumes, rtol=1e-9, atol=1e-9)
        held = lives.held_classes(first)
        np.testing.assert_array_equal(moved.count[:4].sum(axis=1), [held.count(name) for name in CLASS_NAMES])


def test_nothing_flows_between_a_frame_and_itself(frames: list[Atoms]) -> None:
    moved = flow(follow(frames[:3]), 1, 1)
    np.testing.assert_allclose(moved.volume_A3, np.diag(np.diag(moved.volume_A3)), atol=1e-9)


def test_the_files_agree_with_each_other_and_with_the_frames(frames: list[Atoms], tmp_path: Path) -> None:
    found = track_run({0: frames, 3: frames[:6]}, tmp_path / "t", "here")
    assert found == json.loads((tmp_path / "t" / "tracking.json").read_text())
    assert found["schema_version"] == 1 and found["structures"] == "frame" and found["source"] == "here"
    assert found["settings"]["hysteresis"]["hold_frames"] == 3
    tracks, events = rows(tmp_path / "t" / "pore_tracks.csv"), rows(tmp_path / "t" / "pore_events.csv")
    lives, flows = rows(tmp_path / "t" / "pore_lives.csv"), rows(tmp_path / "t" / "pore_flows.csv")
    assert {row["replica"] for row in tracks} == {"0", "3"}
    assert sum(found["events"].values()) == len(events)
    assert found["tracks"]["number"] == sum(row["sure"] == "1" for row in lives)
    for life in lives:
        own = [row for row in tracks if (row["replica"], row["track"]) == (life["replica"], life["track"])]
        assert len(own) == int(life["frames"])
        assert (own[0]["frame"], own[-1]["frame"]) == (life["first_frame"], life["last_frame"])
        assert float(own[-1]["time_ps"]) == float(life["last_time_ps"])
    matrix = np.array(found["replicas"][0]["transitions"]["first_to_last"]["volume_A3"])
    first = [row for row in tracks if row["replica"] == "0" and row["frame"] == "0"]
    for name, total in zip(CLASS_NAMES, matrix[:4].sum(axis=1), strict=True):
        assert total == pytest.approx(
            sum(float(r["volume_A3"]) for r in first if r["class_held"] == name), abs=1e-4
        )
    step = [row for row in flows if (row["replica"], row["first_frame"]) == ("0", "0")]
    assert sum(float(row["volume_A3"]) for row in step if row["from"] != "new") == pytest.approx(
        sum(float(row["volume_A3"]) for row in first)
    )
    assert {row["from"] for row in flows} <= set(ROWS) and {row["to"] for row in flows} <= set(COLUMNS)


def test_the_last_frame_is_told_as_measured_and_as_held(frames: list[Atoms], tmp_path: Path) -> None:
    found = track_run({0: frames, 3: frames[:6]}, tmp_path / "t", "here")
    of = rows(tmp_path / "t" / "pore_tracks.csv")
    last = [row for row in of if (row["replica"], row["frame"]) in (("0", "11"), ("3", "5"))]
    for kind, column in (("measured_A3", "class"), ("held_A3", "class_held")):
        for name in CLASS_NAMES:
            volume = sum(float(row["volume_A3"]) for row in last if row[column] == name)
            assert found["last_frame"][kind][name] == pytest.approx(volume, abs=1e-5)


def test_a_class_that_flicker_hides_is_said() -> None:
    last = {
        "measured_A3": {"open": 0.0, "quasi-closed": 90.0, "closed": 0.0, "fully-closed": 10.0},
        "held_A3": {"open": 60.0, "quasi-closed": 30.0, "closed": 0.0, "fully-closed": 10.0},
    }
    found = {
        "frames": 9,
        "tracks": {"number": 2, "brief": 0},
        "events": {},
        "closing_temperature_K": {},
        "last_frame": last,
    }
    said = told(found)[-1]
    assert "60 % of the void counts as open here, and 0 %" in said
    assert not any(
        "counts as" in line for line in told(found | {"last_frame": last | {"held_A3": last["measured_A3"]}})
    )


def test_a_second_time_the_files_are_the_same(frames: list[Atoms], tmp_path: Path) -> None:
    for name in ("a", "b"):
        track_run({0: frames[:5]}, tmp_path / name, "here")
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_command_follows_a_trajectory(frames: list[Atoms], tmp_path: Path) -> None:
    path = tmp_path / "movie.extxyz"
    write(path, frames[:7])
    found = json.loads(
        call(path, "--json", "-", "--hold", 2, "--gap", 1, "--hysteresis", 0.2, "--probe", "Na=2.04")
    )
    assert found["frames"] == 7
    assert list(found["closing_temperature_K"]) == ["He", "CO2", "N2", "EC", "Na"]
    assert found["settings"]["hysteresis"]["hold_frames"] == 2
    folder = tmp_path / "movie-tracking"
    assert {p.name for p in folder.iterdir()} == {
        "pore_tracks.csv", "pore_events.csv", "pore_lives.csv", "pore_flows.csv", "tracking.json",
    }  # fmt: skip
    said = call(path, "--every", 2, "--out", tmp_path / "other", "--on", "averaged", "--window", 3)
    assert "through 4 frames" in said
    other = json.loads((tmp_path / "other" / "tracking.json").read_text())
    assert other["structures"] == "averaged" and other["settings"]["averaged_frames"] == 3
    assert {row["frame"] for row in rows(tmp_path / "other" / "pore_tracks.csv")} <= {"0", "2", "4", "6"}


def test_few_frames_are_said_to_be_too_few(frames: list[Atoms], tmp_path: Path) -> None:
    write(tmp_path / "one.extxyz", frames[0])
    assert "Too few frames to follow pores" in call(tmp_path / "one.extxyz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on", "inherent"], "--on inherent"),
        (["--window", "4"], "--window 4"),
        (["--replica", "1"], "--replica"),
        (["--radius", "Xq=1"], "not a chemical element"),
        (["--probe", "He=-1"], "probe He"),
        (["--persistence", "-1"], "--persistence"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    path = tmp_path / "x.extxyz"
    write(path, bulk("C", "diamond", a=5.0, cubic=True))
    with pytest.raises(InputError, match=message) as caught:
        call(path, *arguments)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["x.extxyz"]


def test_a_bad_frame_is_named(tmp_path: Path) -> None:
    good = bulk("C", "sc", a=8.0, cubic=True)
    bad = Atoms("C2", positions=np.zeros((2, 3)), cell=[8, 8, 8], pbc=True)
    write(tmp_path / "bad.extxyz", [good, bad])
    with pytest.raises(InputError, match=r"bad.extxyz, frame 1.*overlap"):
        call(tmp_path / "bad.extxyz")


def test_a_solid_without_pores_and_a_molecule_in_vacuum_are_followed() -> None:
    solid = follow([bulk("C", "diamond", a=3.567, cubic=True)] * 3)
    assert not solid.history.tracks and not solid.events
    molecule = follow([Atoms("C4", positions=np.eye(4, 3) * 1.5)] * 3, Settings())
    assert all(track.seen == 3 for track in molecule.history.tracks) and not molecule.events
