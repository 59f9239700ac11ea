"""Structures from files: any format that ASE reads, and GSD trajectories.

GSD (https://gsd.readthedocs.io, schema hoomd) is what runs write and what ASE cannot
read. :func:`validate_atoms` finds what no analysis or simulation could make sense of.
"""

from __future__ import annotations

import contextlib
import re
import time
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["atoms_from_gsd", "first_line", "open_gsd", "read_frames", "validate_atoms"]

_SPARE_BYTES = 2 << 30  # libraries that a reader loads are in it
_BYTES_PER_BYTE = 500  # of memory for one in a file
_COLUMNS = re.compile(rb":[A-Za-z]:(\d+)")
_GSD_MAGIC = b"\xdfe\xdfe\xdfe\xdfe"

CLOSEST_ATOMS_A = 0.1
"""Two atoms nearer than this are a broken structure."""

FARTHEST_A = 1e7
"""No structure of atoms is a millimetre wide; beyond, distances lose their digits."""


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


def first_line(error: Exception) -> str:
    """Kind and first line of a library's error, cut to a length that a message can hold.

    >>> first_line(ValueError("no\\nmore"))
    'ValueError: no'
    """
    reason = (str(error).strip().splitlines() or [""])[0]
    reason = "".join(c if c.isprintable() else "?" for c in reason)
    return f"{type(error).__name__}: {reason if len(reason) <= 300 else reason[:297] + '...'}"


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


def open_gsd(path: Path) -> Any:
    """A GSD file opened for reading (:class:`gsd.hoomd.HOOMDTrajectory`), looked over before.

    Raises
    ------
    InputError
        If it is damaged.
    """
    import gsd.hoomd

    from carbonize.io.gsd_layout import check_gsd

    tries = 4
    while True:
        tries -= 1
        check_gsd(path)
        try:
            return gsd.hoomd.open(str(path), "r")
        except Exception as error:
            # a run that appends a frame in this moment looks damaged to the library
            if tries == 0 or not isinstance(error, RuntimeError):
                raise InputError(f"{path}: not a readable GSD file: {first_line(error)}") from None
            time.sleep(0.01)


def atoms_from_gsd(frame: Any, where: str = "the frame") -> Atoms:
    """ASE atoms of one GSD frame (schema hoomd), lengths in A, origin at the cell's corner.

    ``info`` has ``step`` and every logged scalar (our own without the prefix ``carbonize/``),
    ``arrays`` every logged per-particle value.
    """
    from ase import Atoms
    from ase.data import chemical_symbols

    particles = frame.particles
    count = int(particles.N)
    types = [str(name) for name in particles.types]
    unknown = [name for name in types if name not in chemical_symbols]
    if unknown:
        raise InputError(
            f"{where}: particle type {unknown[0]!r} is not a chemical element; name the types after elements"
        )
    position = np.zeros((count, 3)) if particles.position is None else particles.position
    cell, pbc = _cell_from_hoomd(frame.configuration)
    # HOOMD's origin is the centre of the box, ASE's a corner
    positions = np.asarray(position, dtype=float) + cell.sum(axis=0) / 2
    typeid = np.zeros(count, dtype=int) if particles.typeid is None else particles.typeid
    if np.shape(position) != (count, 3) or np.shape(typeid) != (count,):
        raise InputError(f"{where}: positions or types are not those of {count} particles")
    if count and not 0 <= int(np.min(typeid)) <= int(np.max(typeid)) < len(types):
        raise InputError(f"{where}: a particle is of a type that the file does not name")
    atoms = Atoms([types[k] for k in typeid], positions=positions, cell=cell, pbc=pbc)
    atoms.info["step"] = int(frame.configuration.step or 0)
    for key, value in frame.log.items():
        array = np.asarray(value)
        if key.startswith("particles/") and len(array) == count:
            # ASE's writers know no unsigned numbers
            array = array.astype(np.int64) if array.dtype.kind == "u" else array
            atoms.new_array(key.removeprefix("particles/"), array)
        elif array.size == 1:
            atoms.info[key.removeprefix("carbonize/")] = array.reshape(()).item()
    return atoms


def _cell_from_hoomd(configuration: Any) -> tuple[np.ndarray, np.ndarray]:
    """Cell vectors as rows (A) and periodicity from HOOMD's Lx, Ly, Lz, xy, xz, yz.

    A length of zero, or the third of a two-dimensional box, is an open direction.
    """
    box = configuration.box
    lx, ly, lz, xy, xz, yz = (float(value) for value in (np.zeros(6) if box is None else box))
    if configuration.dimensions == 2:
        lz = xz = yz = 0.0
    cell = np.array([[lx, 0.0, 0.0], [xy * ly, ly, 0.0], [xz * lz, yz * lz, lz]])
    return cell, np.array([lx != 0, ly != 0, lz != 0])


def validate_atoms(atoms: Atoms, where: str = "the structure") -> None:
    """Check that a structure can be analysed or simulated at all.

    Parameters
    ----------
    atoms
        Any structure.
    where
        What the messages call it, for example "x.xyz, frame 3".

    Raises
    ------
    InputError
        Without atoms; with a position or cell vector that is not finite or beyond
        :data:`FARTHEST_A`, a periodic cell without volume, or two atoms (or images) closer
        than :data:`CLOSEST_ATOMS_A`.
    """
    from carbonize.periodic import make_lattice, neighbor_pairs

    if len(atoms) == 0:
        raise InputError(f"{where} has no atoms")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        x, y, z = atoms.positions[bad[0]]
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InputError(
            f"{where}: the position of atom {bad[0]}{more} is not finite ({x:g}, {y:g}, {z:g}); mend the file"
        )
    cell, pbc = atoms.cell.array, np.asarray(atoms.pbc)
    if not np.isfinite(cell).all():
        raise InputError(f"{where}: the cell has a component that is not finite; mend the file")
    for what, vectors in (("position of an atom", atoms.positions), ("cell vector", cell)):
        largest = np.abs(vectors).max()
        if largest > FARTHEST_A:
            raise InputError(f"{where}: a {what} has a component of {largest:.3g} A; lengths are in A")
    if pbc.any():
        periods = cell[pbc]
        lengths = np.linalg.norm(periods, axis=1)
        # the volume spanned by the periodic vectors: a length, an area or a volume
        extent = np.sqrt(max(np.linalg.det(periods @ periods.T), 0.0))
        if not extent > 1e-6 * lengths.prod():
            raise InputError(
                f"{where}: the cell has zero volume along its periodic directions; "
                "give cell vectors, or set the boundary conditions to open (pbc F F F)"
            )
        shortest = np.linalg.norm(make_lattice(cell, pbc).vectors[pbc], axis=1).min()
        if shortest < CLOSEST_ATOMS_A:
            raise InputError(
                f"{where}: a cell vector of {shortest:.3g} A puts each atom on top of its own image; "
                "lengths are in A"
            )
    lattice = make_lattice(cell, pbc)
    wrapped = lattice.fractional(np.asarray(atoms.positions, float)) @ lattice.vectors
    same = _same_voxel(wrapped)
    # many atoms in one place would be too many pairs to hold: one such pair is enough
    few = slice(None) if same is None else list(same)
    pairs = neighbor_pairs(atoms.positions[few], cell, pbc, CLOSEST_ATOMS_A)
    if len(pairs.distance):
        nearest = int(np.argmin(pairs.distance))
        numbers = np.arange(len(atoms))[few]
        one, two = sorted(int(numbers[of[nearest]]) for of in (pairs.first, pairs.second))
        raise InputError(
            f"{where}: atoms {one} and {two} overlap "
            f"({pairs.distance[nearest]:.3g} A apart, images included); remove one of them"
        )


def _same_voxel(positions: np.ndarray) -> tuple[int, int] | None:
    """Two atoms in one cube so small that they certainly overlap; None if there are none."""
    edge = 0.5 * CLOSEST_ATOMS_A  # its diagonal is shorter than the closest distance
    voxels = np.floor(positions / edge).astype(np.int64)
    order = np.lexsort(voxels.T)
    equal = np.flatnonzero((voxels[order[1:]] == voxels[order[:-1]]).all(axis=1))
    return (int(order[equal[0]]), int(order[equal[0] + 1])) if len(equal) else None
