"""Structures from files: any format that ASE reads, and GSD trajectories.

GSD (:mod:`carbonize.io.gsd_frames`) is what runs write and what ASE cannot read.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from carbonize.errors import InputError, first_line
from carbonize.io.gsd_frames import atoms_from_gsd, open_gsd

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_frames"]

_SPARE_BYTES = 2 << 30  # libraries that a reader loads are in it
_BYTES_PER_BYTE = 500  # of memory for one in a file
_COLUMNS = re.compile(rb":[A-Za-z]:(\d+)")
_GSD_MAGIC = b"\xdfe\xdfe\xdfe\xdfe"


def read_frames(source: str | Path, which: Literal["all"] | int = "all") -> Iterator[tuple[int, Atoms]]:
    """Frames of a structure or trajectory file, one after the other.

    Parameters
    ----------
    source
        A file that ASE reads, or a GSD file (told by its content, not by its name).
    which
        "all", or the number of one frame; negative numbers count from the end.

    Yields
    ------
    index, atoms
        Number of the frame in the file, and its atoms. From GSD, ``atoms.info`` holds
        ``step`` and every logged scalar, and ``atoms.arrays`` every logged per-particle value.

    Raises
    ------
    InputError
        If the file is missing, empty, unreadable, of an unknown format or cut off, has no
        such frame, or a frame has no atoms.
    """
    path = Path(source)
    frames = _checked(path, _open(path))
    if which == "all":
        yield from frames
        return
    if which >= 0:
        count = 0
        for index, atoms in frames:
            count = index + 1
            if index == which:
                yield index, atoms
                return
    else:
        last: deque[tuple[int, Atoms]] = deque(maxlen=-which)
        for item in frames:
            last.append(item)
        count = last[-1][0] + 1
        if len(last) == -which:
            yield last[0]
            return
    raise InputError(
        f"{path}: there is no frame {which}; the file has {count} "
        f"({'frame 0' if count == 1 else f'frames 0 to {count - 1}'}; -1 is the last)"
    )


def _open(path: Path) -> Iterator[Atoms]:
    """Frames of a file of either kind; errors that the file's path explains are raised here."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; give a structure or trajectory file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a regular file; give a structure or trajectory file")
        with open(path, "rb") as file:
            start = file.read(len(_GSD_MAGIC))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not start:
        raise InputError(f"{path} is empty; write it again")
    if start == _GSD_MAGIC:
        return _read_gsd(path)
    if path.suffix.lower() == ".gsd":
        raise InputError(f"{path} is not a GSD file although its name says so; it may be damaged")
    return _read_ase(path)


def _checked(path: Path, frames: Iterator[Atoms]) -> Iterator[tuple[int, Atoms]]:
    """Number the frames, and turn whatever a reader raises into one line."""
    index = 0
    while True:
        try:
            with warnings.catch_warnings(), _memory_in_proportion(path):
                warnings.simplefilter("ignore")  # readers warn about details of formats
                atoms = next(frames)
        except StopIteration:
            break
        except InputError:
            raise
        except MemoryError:
            raise InputError(
                f"{path}: frame {index} asks for far more memory than a file of its size can need; it is damaged"
            ) from None
        except Exception as error:
            if isinstance(error, KeyError) and _is_label(error.args):
                raise InputError(
                    f"{path}: frame {index}: {error.args[0]!r} is not a chemical element; name atoms after elements"
                ) from None
            # ASE's many readers raise about anything; the first line of it says most
            raise InputError(
                f"{path}: frame {index} cannot be read ({first_line(error)}); "
                "the file may be cut off, damaged, or in another format than its name says"
            ) from None
        if len(atoms) == 0:
            raise InputError(f"{path}: frame {index} has no atoms")
        yield index, atoms
        index += 1
    if index == 0:
        raise InputError(f"{path} has no frames")


def _is_label(arguments: tuple[Any, ...]) -> bool:
    """Whether what was looked up in vain is an atom's name in a file."""
    from ase.data import atomic_numbers

    return (
        len(arguments) == 1
        and isinstance(arguments[0], str)
        and re.fullmatch(r"[A-Z][a-z]?[0-9]{0,3}", arguments[0]) is not None
        and arguments[0] not in atomic_numbers
    )


@contextlib.contextmanager
def _memory_in_proportion(path: Path) -> Iterator[None]:
    """Let a reader take memory in proportion to its file, and no more.

    A number of atoms in a file of a few lines makes some of ASE's readers ask for all the
    memory there is. Where the system cannot tell or limit it, nothing is done.
    """
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + _SPARE_BYTES + _BYTES_PER_BYTE * path.stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY and soft <= limit:
            yield
            return
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _read_ase(path: Path) -> Iterator[Atoms]:
    """Frames of a file that ASE reads."""
    from ase import Atoms
    from ase.io import iread
    from ase.io.formats import UnknownFileTypeError, filetype

    try:
        file_format = filetype(str(path))
    except UnknownFileTypeError:
        raise InputError(
            f"{path}: unknown format; use one that ASE reads (for example extxyz, cif, POSCAR) or GSD"
        ) from None
    if file_format in ("extxyz", "xyz"):
        _check_counts(path)
    # the explicit format and the "@" switch keep odd characters in a path from being interpreted
    for atoms in iread(str(path), slice(None), format=file_format, do_not_split_by_at_sign=True):
        if not isinstance(atoms, Atoms):
            raise InputError(f"{path}: its format ({file_format}) holds no structures")
        yield atoms


def _check_counts(path: Path) -> None:
    """Refuse an xyz file that claims more atoms or columns than can follow: ASE would go through each of them."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        frame = 0
        while line := file.readline():
            if line.startswith(b"VEC"):  # cell vectors after a frame, in one dialect
                continue
            try:
                count = int(line)
            except ValueError:
                return  # no number of atoms: what that means is ASE's to say
            if count > size - file.tell():
                raise InputError(
                    f"{path}: frame {frame} cannot be read: it is said to have {count} atoms, but only "
                    f"{size - file.tell()} bytes follow"
                )
            comment = file.readline()
            columns = max((int(n[:20]) for n in _COLUMNS.findall(comment)), default=0)
            if columns > size - file.tell():
                raise InputError(
                    f"{path}: frame {frame} cannot be read: its Properties name {columns} columns, but only "
                    f"{size - file.tell()} bytes follow"
                )
            for _ in range(count):
                file.readline()
            frame += 1


def _read_gsd(path: Path) -> Iterator[Atoms]:
    """Frames of a GSD file."""
    with open_gsd(path) as trajectory:
        for number in range(len(trajectory)):
            yield atoms_from_gsd(trajectory[number], f"{path}: frame {number}")
