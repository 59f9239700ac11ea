"""Writing that is either done or not done, and reading that says what is wrong."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carbonize.errors import CarbonizeError, InputError

__all__ = [
    "append_json_line",
    "check_folder",
    "check_target",
    "cut_json_lines",
    "make_folder",
    "make_subfolder",
    "read_json",
    "read_json_lines",
    "remove_leftovers",
    "sync_file",
    "write_atomic",
]


_MAX_JSON_BYTES = 16 * 1024 * 1024


def write_atomic(path: Path, data: bytes | memoryview | str) -> None:
    """Write a file aside, force it to disk, rename it into place, and force that to disk too.

    Raises
    ------
    CarbonizeError
        If the disk is full or the folder cannot be written; what was there before is kept.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(aside, "wb") as f:
            f.write(raw)
            f.flush()
            os.fsync(f.fileno())
        os.replace(aside, path)
        _sync_folder(path.parent)
    except OSError as err:
        _remove(aside)
        raise _not_written(path, err) from None
    except BaseException:
        _remove(aside)
        raise


def sync_file(path: Path) -> None:
    """Force what was written to an existing file to disk.

    Raises
    ------
    CarbonizeError
        If there is no such file, or the disk does not take it.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as err:
        raise _not_written(path, err) from None


def make_subfolder(path: Path) -> None:
    """Create one folder in an existing one, so that it outlasts a power failure.

    Raises
    ------
    CarbonizeError
        If it cannot be made.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(exist_ok=True)
        _sync_folder(path.parent)
    except OSError as err:
        raise _not_written(path, err) from None


def remove_leftovers(folder: Path) -> None:
    """Remove the files that a killed process was writing aside in a folder.

    Only for who holds the run's lock: another process's unfinished files look the same.
    """
    for path in folder.glob(".*.tmp"):
        _remove(path)


def _sync_folder(path: Path) -> None:
    """Force a folder's names to disk: a rename is not safe before that."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as err:
        # some network file systems know no fsync of a folder; there the server sees to it
        if err.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _not_written(path: Path, err: OSError) -> CarbonizeError:
    return CarbonizeError(f"{path}: cannot be written: {err.strerror or err}")


def check_folder(path: Path) -> None:
    """Say before any work that a folder could not be made or written; changes nothing.

    Raises
    ------
    InputError
        Naming the folder and the reason.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, and a folder is needed here; give another name")
    here = path.absolute()
    while not here.exists() and here != here.parent:
        here = here.parent
    if not here.is_dir():
        raise InputError(f"{path}: the folder cannot be written: {here} is a file; choose another --out")
    if not os.access(here, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {here} cannot be written; choose another --out")


def make_folder(path: Path) -> None:
    """Create a folder (and its parents) and make sure that it can be written.

    Raises
    ------
    InputError
        Naming the folder and the reason.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError:
        raise InputError(f"{path}: is a file, and a folder is needed here; give another name") from None
    except OSError as err:
        raise InputError(
            f"{path}: the folder cannot be written: {err.strerror or err}; choose another --out"
        ) from None


def check_target(path: Path, source: Path | None = None) -> None:
    """Make sure, before the work that leads to it, that a file can be written.

    Raises
    ------
    InputError
        Naming the file and the reason; also if it is the ``source`` that is read.
    """
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path}: is the file that is read; give another name for the output")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file name")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    probe = path.with_name(f".writable.{os.getpid()}")
    try:
        probe.touch()
        probe.unlink()
    except OSError as err:
        raise InputError(f"{path}: cannot be written: {err.strerror or err}; choose another place") from None


def append_json_line(path: Path, row: dict[str, Any]) -> None:
    """Append one record to a JSON Lines file and hand it to the operating system.

    An unfinished last line (a killed writer) is dropped first.

    Raises
    ------
    CarbonizeError
        If the disk is full or the file cannot be written; the lines before are kept.
    """
    raw = (json.dumps(row, allow_nan=False) + "\n").encode()
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            end = _end_of_lines(fd)
            try:
                at = end
                while raw:
                    written = os.pwrite(fd, raw, at)
                    raw, at = raw[written:], at + written
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, end)
                raise
        finally:
            os.close(fd)
    except OSError as err:
        raise _not_written(path, err) from None


def _end_of_lines(fd: int) -> int:
    """Where the next line begins; cuts an unfinished one off."""
    size = end = os.fstat(fd).st_size
    while end > 0:
        begin = max(0, end - 65536)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            end = begin + found + 1
            break
        end = begin
    if end < size:
        os.ftruncate(fd, end)
    return end


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a JSON Lines file; an unfinished last line (a killed writer) is left out.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is no record of finite numbers.
    """
    try:
        if not path.exists():
            return
        if not path.is_file():
            raise InputError(f"{path}: not a regular file")
        file = open(path, "rb")  # noqa: SIM115 - its errors are told apart from those of the lines
    except OSError as err:
        raise InputError(f"{path}: cannot be read: {err.strerror or err}") from None
    with file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line, parse_constant=_no_constant)
            except json.JSONDecodeError as err:
                raise InputError(f"{path}: line {number} is damaged: {err.msg}") from None
            except (ValueError, RecursionError) as err:
                raise InputError(f"{path}: line {number} is damaged: {err}") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}: line {number} is damaged: expected a record")
            yield row


def cut_json_lines(path: Path, last_step: int) -> None:
    """Drop the records after ``last_step``, and an unfinished last line."""
    if not path.exists():
        return
    kept = []
    for number, row in enumerate(read_json_lines(path), start=1):
        step = row.get("step", 0)
        if type(step) is not int:
            raise InputError(f"{path}: line {number} is damaged: step is {step!r}")
        if step <= last_step:
            kept.append(json.dumps(row) + "\n")
    write_atomic(path, "".join(kept))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds a mapping.

    Raises
    ------
    InputError
        If it is missing, not JSON, or not a mapping.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file")  # a pipe would be waited for for ever
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise InputError(f"{path}: too long for what it should be")
        data = json.loads(path.read_text(encoding="utf-8"))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as err:
        raise InputError(f"{path}: cannot be read as JSON: {err}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a JSON mapping")
    return data
