"""The lock of a run folder: one owner at a time, named; a killed owner's lock is recognised."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from carbonize.errors import InputError
from carbonize.io import lock
from carbonize.io.lock import RunLock, lock_owner

HOLD = """
import sys, time
from pathlib import Path
from carbonize.io.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
"""


def holder(root: Path) -> Any:
    """Another process that holds the lock until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def kill(child: Any) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system without locks."""

    def missing(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)


def test_a_second_process_is_refused_in_one_line_that_names_the_owner(tmp_path: Path) -> None:
    child = holder(tmp_path)
    try:
        with pytest.raises(InputError) as refused:
            RunLock(tmp_path).acquire()
        message = str(refused.value)
        assert refused.value.exit_code == 2
        assert len(message.splitlines()) == 1
        assert message.startswith(f"{tmp_path}: in use by process {child.pid} on host {socket.gethostname()}")
        assert " since 20" in message
        assert message.endswith("; wait for it or choose another --out")
        owner = lock_owner(tmp_path)
        assert owner is not None
        assert owner["pid"] == child.pid
        assert {"host", "user", "started", "command"} <= owner.keys()
    finally:
        child.communicate("\n")
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path) as free:
        assert free.stale is None


@pytest.mark.parametrize("way", ["kernel", "heartbeat"])
def test_a_killed_owner_is_recognised_and_named(
    tmp_path: Path, way: str, request: pytest.FixtureRequest
) -> None:
    child = holder(tmp_path)
    kill(child)
    if way == "heartbeat":
        request.getfixturevalue("no_flock")
    assert (tmp_path / ".lock").exists()
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path) as taken:
        assert taken.stale is not None
        assert taken.stale["pid"] == child.pid
        owner = lock_owner(tmp_path)
        assert owner is not None
        assert owner["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["kernel", "heartbeat"])
def test_a_released_lock_leaves_nothing_behind_and_can_be_taken_again(
    tmp_path: Path, way: str, request: pytest.FixtureRequest
) -> None:
    if way == "heartbeat":
        request.getfixturevalue("no_flock")
    one, other = RunLock(tmp_path), RunLock(tmp_path)
    for _ in range(2):
        one.acquire()
        assert (lock_owner(tmp_path) or {}).get("pid") == os.getpid()
        with pytest.raises(InputError, match=f"in use by process {os.getpid()}"):
            other.acquire()
        one.refresh()
        one.release()
        one.release()
        assert list(tmp_path.iterdir()) == []
        assert lock_owner(tmp_path) is None
    with other:
        assert other.stale is None


RACE = """
import sys, time
from pathlib import Path
from carbonize.errors import InputError
from carbonize.io.lock import RunLock, lock_owner
root, counter = Path(sys.argv[1]), Path(sys.argv[2])
done = 0
while done < 60:
    lock = RunLock(root)
    try:
        lock.acquire()
    except InputError:
        continue
    number = int(counter.read_text())
    time.sleep(0.0005)
    counter.write_text(str(number + 1))
    lock.release()
    lock_owner(root)
    done += 1
"""


def test_of_processes_that_race_only_one_at_a_time_is_inside(tmp_path: Path) -> None:
    root, counter = tmp_path / "run", tmp_path / "counter"
    root.mkdir()
    counter.write_text("0")
    command = [sys.executable, "-c", RACE, str(root), str(counter)]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 3
    assert counter.read_text() == "180"
    assert list(root.iterdir()) == []


def test_children_do_not_keep_a_lock(tmp_path: Path) -> None:
    mine = RunLock(tmp_path)
    mine.acquire()
    sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
    reading, writing = os.pipe()
    forked = os.fork()
    if forked == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent is done with it
        os._exit(0)
    try:
        mine.release()
        with RunLock(tmp_path):
            pass
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(forked, 0)
        sleeper.kill()
        sleeper.wait()


def test_a_forked_child_that_ends_does_not_free_its_parents_lock(tmp_path: Path) -> None:
    with RunLock(tmp_path) as mine:
        forked = os.fork()
        if forked == 0:
            mine.release()
            os._exit(0)
        os.waitpid(forked, 0)
        assert (lock_owner(tmp_path) or {}).get("pid") == os.getpid()
        with pytest.raises(InputError, match="in use"):
            RunLock(tmp_path).acquire()


def elsewhere(root: Path, age_s: float) -> None:
    """A lock without flock, made on another host and last refreshed some time ago."""
    about = {"pid": 1, "host": "elsewhere", "started": "2026-01-01T00:00:00+00:00", "lock": "heartbeat"}
    (root / ".lock").write_text(json.dumps(about))
    then = time.time() - age_s
    os.utime(root / ".lock", (then, then))


@pytest.mark.parametrize("way", ["kernel", "heartbeat"])
def test_an_owner_on_another_host_without_flock_is_believed_for_an_hour(
    tmp_path: Path, way: str, request: pytest.FixtureRequest
) -> None:
    if way == "heartbeat":
        request.getfixturevalue("no_flock")
    elsewhere(tmp_path, 3500)
    assert (lock_owner(tmp_path) or {}).get("host") == "elsewhere"
    with pytest.raises(InputError, match=r"process 1 on host elsewhere since .*60 minutes"):
        RunLock(tmp_path).acquire()
    elsewhere(tmp_path, 3700)
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path) as taken:
        assert (taken.stale or {})["host"] == "elsewhere"


def test_refreshing_without_flock_touches_the_file_and_notices_a_lost_lock(
    tmp_path: Path, no_flock: None
) -> None:
    with RunLock(tmp_path) as mine:
        os.utime(tmp_path / ".lock", (0, 0))
        mine.refresh()
        assert time.time() - (tmp_path / ".lock").stat().st_mtime < 60
        elsewhere(tmp_path, 0)
        with pytest.raises(InputError, match="in use by process 1 on host elsewhere"):
            mine.refresh()
    assert (tmp_path / ".lock").exists(), "another's lock is left alone"


def test_a_process_number_that_was_given_out_again_is_not_the_owner(tmp_path: Path, no_flock: None) -> None:
    about = {**lock._about_me("heartbeat"), "birth": "1"}
    (tmp_path / ".lock").write_text(json.dumps(about))
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path) as taken:
        assert taken.stale == about


def test_a_planted_link_or_pipe_is_refused_and_what_it_leads_to_is_kept(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("{}")
    root = tmp_path / "run"
    root.mkdir()
    (root / ".lock").symlink_to(precious)
    assert lock_owner(root) is None
    with pytest.raises(InputError, match=r"\.lock: "):
        RunLock(root).acquire()
    assert precious.read_text() == "{}"
    (root / ".lock").unlink()
    os.mkfifo(root / ".lock")
    assert lock_owner(root) is None
    with pytest.raises(InputError, match="not a regular file"):
        RunLock(root).acquire()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"pid": -1}',
        b'{"pid": "x"}',
        b'{"pid": true}',
        b"[" * 9000,
        b"x" * 10**6,
    ],
)
def test_what_a_lock_file_holds_can_be_anything(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".lock").write_bytes(content)
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path) as taken:
        assert taken.stale is None
    assert list(tmp_path.iterdir()) == []


def test_an_owners_words_are_shown_as_one_line(tmp_path: Path) -> None:
    about = {
        "pid": 5,
        "host": "a\nb",
        "started": "\x1b[31m" + "x" * 999,
        "command": "\r\n",
        "lock": "heartbeat",
    }
    (tmp_path / ".lock").write_text(json.dumps(about))
    with pytest.raises(InputError) as refused:
        RunLock(tmp_path).acquire()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert lock_owner(tmp_path / "none") is None
    with pytest.raises(InputError, match=r"none.*the lock file cannot be written"):
        RunLock(tmp_path / "none").acquire()
