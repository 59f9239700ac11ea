"""One process at a time on one run folder, and who that is.

The lock is an exclusive ``flock`` on the file ``.lock`` of the run folder: the kernel frees it
when its process ends, however it ends. The file says in JSON who holds it. Some network file
systems know no ``flock``; there the file alone is the lock, and its owner is believed to live
while its process runs (same host) or while the file was touched within the hour (another host).
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import getpass
import json
import os
import shlex
import socket
import stat
import sys
import time
import weakref
from pathlib import Path
from typing import Any

from carbonize.errors import InputError

__all__ = ["LOCK_NAME", "RunLock", "describe_owner", "lock_owner"]

HEARTBEAT_S = 3600.0
"""Without ``flock``, an owner on another host that was silent for so long (s) is taken for dead."""

LOCK_NAME = ".lock"
_MAX_BYTES = 16384
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_PATIENCE_S = 1.0  # a look at the lock (lock_owner) holds it for a moment
_SETTLE_S = 0.2

_held: weakref.WeakSet[RunLock] = weakref.WeakSet()


class RunLock:
    """The lock of one run folder; also a context manager.

    Attributes
    ----------
    stale
        After :meth:`acquire`: who held the lock before and was killed, or None.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> with RunLock(root):
    ...     lock_owner(root)["pid"] == os.getpid()
    True
    >>> lock_owner(root) is None
    True
    """

    def __init__(self, root: Path) -> None:
        self.stale: dict[str, Any] | None = None
        self._root = Path(root)
        self._path = self._root / LOCK_NAME
        self._fd: int | None = None
        self._mine: dict[str, Any] = {}

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        InputError
            If another process has it (naming the owner), or the file cannot be made.
        """
        if self._fd is not None:
            raise RuntimeError(f"{self._root}: this lock is held already")
        until = time.monotonic() + _PATIENCE_S
        while True:
            fd = self._open()
            try:
                kernel = self._flock(fd)
                if kernel is not False and _is_at(fd, self._path):
                    self._take(fd, kernel is True)
                    return
                # held by another, or removed by its last owner between opening and locking
                owner = _read_owner(fd)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            if time.monotonic() > until:
                raise InputError(_in_use(self._root, owner))
            time.sleep(0.02)

    def refresh(self) -> None:
        """Say that the owner lives (needed where there is no ``flock``; call it at every checkpoint).

        Raises
        ------
        InputError
            If the lock was lost to another process, which can happen only without ``flock``.
        """
        if self._fd is None:
            return
        with contextlib.suppress(OSError):
            os.utime(self._fd)
        if self._mine["lock"] == "heartbeat":
            self._check_mine()

    def release(self) -> None:
        """Give the lock back and remove its file."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        _held.discard(self)
        with contextlib.suppress(OSError):
            # removed while still locked: who opened the file before finds it gone and opens anew
            if _is_at(fd, self._path) and _read_owner(fd) == self._mine:
                self._path.unlink()
        os.close(fd)

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _open(self) -> int:
        try:
            # never through a link, and without waiting at a pipe
            fd = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644
            )
        except OSError as err:
            raise InputError(
                f"{self._path}: the lock file cannot be written: {err.strerror or err}; choose another --out"
            ) from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise InputError(f"{self._path}: not a regular file; remove it, or choose another --out")
        return fd

    def _flock(self, fd: int) -> bool | None:
        """Whether the kernel gave the lock; None where it knows no such locks."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as err:
            if err.errno in _UNSUPPORTED:
                return None
            raise InputError(f"{self._path}: cannot be locked: {err.strerror or err}") from None
        return True

    def _take(self, fd: int, kernel: bool) -> None:
        before = _read_owner(fd)
        # under flock whoever is named is gone, unless that one had no flock
        if before and not (kernel and before.get("lock") == "flock") and _lives(before, fd):
            raise InputError(_in_use(self._root, before))
        self._mine = _about_me("flock" if kernel else "heartbeat")
        raw = json.dumps(self._mine).encode()
        try:
            os.pwrite(fd, raw, 0)
            os.ftruncate(fd, len(raw))
        except OSError as err:
            if not before:
                self._path.unlink(missing_ok=True)
            raise InputError(
                f"{self._path}: the lock file cannot be written: {err.strerror or err}; choose another --out"
            ) from None
        if not kernel:
            # of two that came at once the last to write has it, and the other one sees that
            time.sleep(_SETTLE_S)
            self._check_mine()
        self.stale = before
        self._fd = fd
        _held.add(self)

    def _check_mine(self) -> None:
        """Raise if the file names another owner by now."""
        with contextlib.suppress(FileNotFoundError):
            fd = _open_to_look(self._path)
            try:
                owner = _read_owner(fd)
            finally:
                os.close(fd)
            if owner == self._mine:
                return
            raise InputError(_in_use(self._root, owner))
        raise InputError(f"{self._root}: the lock was removed by another process; run the same command again")


def lock_owner(root: Path) -> dict[str, Any] | None:
    """Who works on a run folder: ``pid``, ``host``, ``user``, ``started``, ``command``; None if nobody.

    Of an owner that did not leave its name ``pid`` is None.
    """
    path = Path(root) / LOCK_NAME
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fd = _open_to_look(path)
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = _read_owner(fd)
                if owner is None and time.monotonic() < until:
                    time.sleep(0.02)  # the owner is about to write its name
                    continue
                return owner or {"pid": None}
            except OSError as err:
                if err.errno not in _UNSUPPORTED:
                    return None
                owner = _read_owner(fd)
                return owner if owner and _lives(owner, fd) else None
            owner = _read_owner(fd)
            without_flock = owner is not None and owner.get("lock") != "flock"
            return owner if owner and without_flock and _lives(owner, fd) else None
        finally:
            os.close(fd)


def describe_owner(owner: dict[str, Any] | None) -> str:
    """The owner of a lock in words.

    >>> describe_owner({"pid": 7, "host": "n1", "started": "2026-01-01T00:00:00+00:00"})
    'process 7 on host n1 since 2026-01-01T00:00:00+00:00'
    """
    if not owner or owner.get("pid") is None:
        return "another process"
    text = (
        f"process {owner.get('pid')} on host {_line(owner.get('host'))} since {_line(owner.get('started'))}"
    )
    return f"{text} ({_line(owner['command'])})" if owner.get("command") else text


def _in_use(root: Path, owner: dict[str, Any] | None) -> str:
    text = f"{root}: in use by {describe_owner(owner)}"
    if owner and owner.get("lock") == "heartbeat":
        text += (
            "; this file system has no locks, so if that process is gone, wait until its last sign of life "
            f"is {HEARTBEAT_S / 60:.0f} minutes old; or choose another --out"
        )
        return text
    return f"{text}; wait for it or choose another --out"


def _about_me(kind: str) -> dict[str, Any]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a name for this user
        user = str(os.getuid())
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": user,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:500] if sys.argv else "",
        "lock": kind,
        "birth": _birth(os.getpid()),
    }


def _read_owner(fd: int) -> dict[str, Any] | None:
    """Whom the file names; None if nobody, or not yet."""
    try:
        owner = json.loads(os.pread(fd, _MAX_BYTES, 0))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(owner, dict) or type(owner.get("pid")) is not int or owner["pid"] <= 0:
        return None
    return owner


def _lives(owner: dict[str, Any], fd: int) -> bool:
    """Whether an owner without ``flock`` is to be believed alive."""
    if owner.get("host") == socket.gethostname():
        try:
            os.kill(owner["pid"], 0)
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:
            pass  # it lives, as somebody else
        # the number may belong to another process by now
        return owner.get("birth") is None or owner["birth"] == _birth(owner["pid"])
    return time.time() - os.fstat(fd).st_mtime < HEARTBEAT_S


def _birth(pid: int) -> str | None:
    """When a process began, in ticks since the host's start; None where that cannot be had."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, ValueError):
        return None


def _is_at(fd: int, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _open_to_look(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _line(value: Any) -> str:
    """Anything in a file as a short piece of one line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= 200 else f"{text[:197]}..."


def _forget_in_child() -> None:
    """A forked child must not keep its parent's lock alive."""
    for lock in list(_held):
        fd, lock._fd = lock._fd, None
        if fd is not None:
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
