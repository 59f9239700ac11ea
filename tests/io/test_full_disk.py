"""A disk that is full at any byte: a named error, and what was good is still there.

The largest size of a file (RLIMIT_FSIZE) stands for the full disk, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SETUP = """
import json, os, resource, sys
from pathlib import Path
import numpy as np
from carbonize.errors import CarbonizeError
from carbonize.io.files import append_json_line, cut_json_lines, read_json_lines, sync_file, write_atomic
from carbonize.io.trajectory import TrajectoryReader, TrajectoryWriter, make_frame

folder = Path(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

def refused(what, path):
    try:
        what()
    except CarbonizeError as err:
        assert str(err).startswith(f"{path}: cannot be written: "), err
        assert len(str(err).splitlines()) == 1
        return True
    return False
"""


def in_a_process(folder: Path, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETUP + textwrap.dedent(code), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_a_file_written_as_a_whole_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    in_a_process(
        tmp_path,
        """
        path = folder / "manifest.json"
        write_atomic(path, "old")
        for size in (0, 1, 4095, 4096, 9999):
            limit(size)
            assert refused(lambda: write_atomic(path, "n" * 10000), path)
            limit(hard)
            assert path.read_text() == "old"
            assert os.listdir(folder) == ["manifest.json"]
        write_atomic(path, "new")
        assert path.read_text() == "new"
        """,
    )


def test_a_record_is_appended_whole_or_not_at_all(tmp_path: Path) -> None:
    in_a_process(
        tmp_path,
        """
        path = folder / "series.jsonl"
        rows = [{"step": k, "text": "x" * 50} for k in range(4)]
        for row in rows[:2]:
            append_json_line(path, row)
        good = path.stat().st_size
        for size in range(good, good + 70, 3):
            limit(size)
            assert refused(lambda: append_json_line(path, rows[2]), path)
            limit(hard)
            assert path.stat().st_size == good
        append_json_line(path, rows[2])
        assert list(read_json_lines(path)) == rows[:3]
        # a writer that was killed in the middle
        with open(path, "a") as file:
            file.write('{"step": 3, "te')
        assert list(read_json_lines(path)) == rows[:3]
        append_json_line(path, rows[3])
        assert list(read_json_lines(path)) == rows
        with open(path, "a") as file:
            file.write('{"step": 4')
        cut_json_lines(path, 1)
        assert list(read_json_lines(path)) == rows[:2]
        """,
    )


TRAJECTORY = """
path = folder / "replica-000.gsd"
cell = np.diag([9.0, 9.0, 9.0])
mass = np.full(40, 12.0)

def frame(step):
    places = np.random.default_rng(step).uniform(0, 9, (40, 3))
    return make_frame(places, cell, ["C"] * 40, mass, step, {"time_ps": step * 1.0, "target_K": 1.0})

def check(count):
    reader = TrajectoryReader(path)
    assert [a.info["step"] for a in reader] == list(range(count)), (count, len(reader))
    for step, atoms in enumerate(reader):
        assert atoms.info["time_ps"] == step
        expected = np.random.default_rng(step).uniform(0, 9, (40, 3))
        assert np.allclose(atoms.positions % 9, expected % 9, atol=1e-5)

def fill():
    '''Append until the disk is full; returns how many frames were taken.'''
    done = 0
    writer = None
    try:
        writer = TrajectoryWriter(path)
        while done < 60:
            writer.append(frame(done))
            done += 1
    except CarbonizeError as err:
        assert str(err).startswith(f"{path}: cannot be written: "), err
        if writer is not None:
            assert refused(lambda: writer.append(frame(done)), path)
    finally:
        if writer is not None:
            writer.close()
    return done
"""


def test_a_trajectory_keeps_its_frames_wherever_the_disk_is_full(tmp_path: Path) -> None:
    in_a_process(
        tmp_path,
        TRAJECTORY
        + textwrap.dedent("""
        assert fill() == 60
        check(60)
        whole = path.stat().st_size
        counts = set()
        for size in [0, 100, 300, 5000, 5500, 6000, *range(6100, whole, 1499)]:
            path.unlink()
            limit(size)
            done = fill()
            limit(hard)
            counts.add(done)
            if done:
                check(done)
                # there is room again
                for resumed in (done - 1, done):
                    writer = TrajectoryWriter(path, resume_at=resumed - 1)
                    assert writer.steps == list(range(resumed))
                    writer.append(frame(resumed))
                    writer.close()
                    check(resumed + 1)
        assert len(counts) > 20, counts
        """),
    )


def test_a_file_can_be_forced_to_disk_by_its_name(tmp_path: Path) -> None:
    in_a_process(
        tmp_path,
        """
        (folder / "x").write_text("x")
        sync_file(folder / "x")
        assert refused(lambda: sync_file(folder / "none"), folder / "none")
        """,
    )


@pytest.mark.parametrize("lost", [2, 31, 32, 33, 100, 400])
def test_a_frame_that_was_not_written_in_full_is_dropped_when_the_run_goes_on(
    tmp_path: Path, lost: int
) -> None:
    in_a_process(
        tmp_path,
        TRAJECTORY
        + textwrap.dedent(f"""
        from carbonize.io import gsd_layout
        writer = TrajectoryWriter(path)
        for step in range(5):
            writer.append(frame(step))
        writer.close()
        with open(path, "r+b") as file:
            layout = gsd_layout.read_layout(file.fileno())
            first = int(np.searchsorted(layout.entries["frame"], 4))
            end = layout.index_at + 32 * len(layout.entries)
            # as after a power failure: the end of the last frame's entries never reached the disk
            at = max(end - {lost}, layout.index_at + 32 * first)
            os.pwrite(file.fileno(), bytes(end - at), at)
        writer = TrajectoryWriter(path, resume_at=4)
        assert writer.steps == [0, 1, 2, 3]
        writer.append(frame(4))
        writer.close()
        check(5)
        """),
    )
