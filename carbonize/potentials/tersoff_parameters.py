"""Parameters of the Tersoff potential: published sets, and files in the LAMMPS format.

A LAMMPS ``.tersoff`` file holds entries of three element symbols and 14 numbers (m, gamma,
lambda3, c, d, costheta0, n, beta, lambda2, B, R, D, lambda1, A) in units of eV and A; an
entry may span lines and ``#`` starts a comment.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from carbonize.errors import InputError

__all__ = [
    "NAMED_SETS",
    "ParameterTable",
    "TersoffEntry",
    "Triplet",
    "lammps_text",
    "missing_entries",
    "read_lammps_table",
    "read_lammps_tersoff",
]

Triplet = tuple[str, str, str]
"""Centre, bonded neighbour, third atom."""


@dataclasses.dataclass(frozen=True)
class TersoffEntry:
    """The 14 numbers of one triplet of elements, in the order of LAMMPS files."""

    m: float
    gamma: float
    lambda3_per_A: float
    c: float
    d: float
    cos_theta0: float
    n: float
    beta: float
    lambda2_per_A: float
    B_eV: float
    R_A: float
    D_A: float
    lambda1_per_A: float
    A_eV: float

    @property
    def cutoff_A(self) -> float:
        """R + D, beyond which nothing interacts."""
        return self.R_A + self.D_A


_MAX_BYTES = 4 * 1024 * 1024
_MOST_NAMED = 4
_NUMBERS = len(dataclasses.fields(TersoffEntry))
_NAMES = (
    "m",
    "gamma",
    "lambda3",
    "c",
    "d",
    "costheta0",
    "n",
    "beta",
    "lambda2",
    "B",
    "R",
    "D",
    "lambda1",
    "A",
)

NAMED_SETS: dict[str, dict[Triplet, TersoffEntry]] = {
    # J. Tersoff, Phys. Rev. B 39, 5566 (1989), carbon (the same as in Phys. Rev. Lett. 61, 2879
    # (1988)); LAMMPS SiC_1989.tersoff. SiC.tersoff rounds B to 346.7 eV.
    "tersoff-1989": {
        ("C", "C", "C"): TersoffEntry(
            3.0, 1.0, 0.0, 38049.0, 4.3484, -0.57058, 0.72751,
            1.5724e-7, 2.2119, 346.74, 1.95, 0.15, 3.4879, 1393.6,
        )
    },
    # P. Erhart and K. Albe, Phys. Rev. B 71, 035211 (2005), C-C; LAMMPS SiC_Erhart-Albe.tersoff.
    "erhart-albe-2005": {
        ("C", "C", "C"): TersoffEntry(
            1.0, 0.11233, 0.0, 181.91, 6.28433, -0.5556, 1.0,
            1.0, 1.93090093, 175.426651, 2.0, 0.15, 4.18426232, 2019.8449,
        )
    },
    # L. Lindsay and D. A. Broido, Phys. Rev. B 81, 205441 (2010): the 1989 set with B and
    # cos(theta0) refitted to the phonons of graphene; LAMMPS BNC.tersoff, entry C C C.
    "lindsay-broido-2010": {
        ("C", "C", "C"): TersoffEntry(
            3.0, 1.0, 0.0, 38049.0, 4.3484, -0.93, 0.72751,
            1.5724e-7, 2.2119, 430.0, 1.95, 0.15, 3.4879, 1393.6,
        )
    },
}  # fmt: skip


class ParameterTable(NamedTuple):
    """The entries of a file.

    Attributes
    ----------
    entries
        Those that can be used.
    faults
        What is wrong with the others: an error only where a structure needs them, since files
        often serve several purposes.
    """

    entries: dict[Triplet, TersoffEntry]
    faults: dict[Triplet, str]


def read_lammps_table(path: str | Path) -> ParameterTable:
    """All entries of a LAMMPS ``.tersoff`` file.

    Raises
    ------
    InputError
        The file cannot be read, holds no entries or is not in the format.
    """
    path = Path(path)
    tokens = _tokens(path)
    if not tokens:
        raise InputError(f"{path}: no entries; give a LAMMPS .tersoff file")
    entries: dict[Triplet, TersoffEntry] = {}
    faults: dict[Triplet, str] = {}
    first: dict[Triplet, int] = {}
    size = 3 + _NUMBERS
    for start in range(0, len(tokens), size):
        words = tokens[start : start + size]
        line = words[0][0]
        entry = _entry(words, path)
        triplet: Triplet = tuple(word for _, word in words[:3])  # type: ignore[assignment]
        if triplet in first:
            fault = f"second entry {' '.join(triplet)} (first on line {first[triplet]}); keep one"
        else:
            fault = _fault(entry, pair=triplet[1] == triplet[2])
        first.setdefault(triplet, line)
        if fault is None:
            entries[triplet] = entry
        else:
            entries.pop(triplet, None)
            faults.setdefault(triplet, f"{path}:{line}: {fault}")
    return ParameterTable(entries, faults)


def read_lammps_tersoff(path: str | Path, triplet: Triplet = ("C", "C", "C")) -> TersoffEntry:
    """The entry of ``triplet`` in a LAMMPS ``.tersoff`` file.

    Raises
    ------
    InputError
        The file cannot be read, is not in the format, lacks the triplet or holds numbers with
        which the potential makes no sense.
    """
    entries, faults = read_lammps_table(path)
    if triplet not in entries:
        raise InputError(faults.get(triplet) or missing_entries(str(path), [triplet]))
    return entries[triplet]


def missing_entries(source: str, triplets: Sequence[Triplet]) -> str:
    """One line that names entries that a structure needs and ``source`` lacks."""
    names = [" ".join(triplet) for triplet in triplets]
    if len(names) == 1:
        which = f"no entry {names[0]}; add one"
    else:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        which = f"no entries {', '.join(names[:_MOST_NAMED])}{more}; add them"
    elements = ", ".join(sorted({element for triplet in triplets for element in triplet}))
    return f"{source}: {which}, or use a file with parameters for {elements}"


def _entry(words: Sequence[tuple[int, str]], path: Path) -> TersoffEntry:
    """The entry that (line number, word) pairs spell."""
    for where, word in words[:3]:
        if _number(word) is not None:
            raise InputError(
                f"{path}:{where}: expected an element symbol, got the number {_short(word)}; "
                f"the entry before has more than {_NUMBERS} numbers: remove the surplus"
            )
    values = []
    for name, (where, word) in zip(_NAMES, words[3:], strict=False):
        value = _number(word)
        if value is None:
            hint = f"every entry needs {_NUMBERS} numbers after its 3 symbols"
            raise InputError(f"{path}:{where}: {name} must be a number, got {_short(word)!r}; {hint}")
        if not math.isfinite(value):
            raise InputError(f"{path}:{where}: {name} is {_short(word)}; give a finite number")
        values.append(value)
    if len(values) < _NUMBERS:
        raise InputError(
            f"{path}:{words[0][0]}: the last entry has {len(values)} numbers, expected {_NUMBERS}; "
            f"add {', '.join(_NAMES[len(values) :])}"
        )
    return TersoffEntry(*values)


def lammps_text(entries: dict[Triplet, TersoffEntry]) -> str:
    """The entries as the text of a LAMMPS ``.tersoff`` file, to full precision."""
    lines = [
        " ".join([*triplet, *(repr(float(value)) for value in dataclasses.astuple(entry))])
        for triplet, entry in entries.items()
    ]
    return "\n".join(lines) + "\n"


def _tokens(path: Path) -> list[tuple[int, str]]:
    """(line number, word) of every word outside comments."""
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)  # a device can be endless
        if len(raw) > _MAX_BYTES:
            raise InputError(f"{path}: over 4 MB; give a LAMMPS .tersoff file")
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path of the Tersoff parameters") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give a LAMMPS .tersoff file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; give a LAMMPS .tersoff file") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); check the path and its permissions") from None
    if "\0" in text:
        raise InputError(f"{path}: not a text file; give a LAMMPS .tersoff file")
    return [
        (number, word)
        for number, line in enumerate(text.splitlines(), start=1)
        for word in line.split("#", 1)[0].split()
    ]


def _number(word: str) -> float | None:
    if not word.isascii() or "_" in word:
        return None  # Python reads these as numbers, no other program does
    try:
        return float(word)
    except ValueError:
        return None


def _short(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:37]}..."


def _fault(entry: TersoffEntry, pair: bool) -> str | None:
    """A number for which the functional form has no meaning.

    Only entries of a ``pair`` (neighbour and third atom alike) have two-body parameters; files
    put 0 for those of the others.
    """
    faults = [
        (entry.m not in (1.0, 3.0), f"m is {entry.m:g}; it must be 1 or 3"),
        (entry.gamma < 0, f"gamma is {entry.gamma:g}; it must not be negative"),
        (entry.c < 0, f"c is {entry.c:g}; it must not be negative"),
        (entry.d <= 0, f"d is {entry.d:g}; it must be positive"),
        (abs(entry.cos_theta0) > 1, f"costheta0 is {entry.cos_theta0:g}; a cosine lies in -1..1"),
        (entry.R_A <= 0, f"R is {entry.R_A:g} A; it must be positive"),
        (entry.D_A <= 0, f"D is {entry.D_A:g} A; it must be positive"),
        (entry.D_A >= entry.R_A, f"D is {entry.D_A:g} A; it must be smaller than R = {entry.R_A:g} A"),
        (entry.cutoff_A > 20, f"R + D is {entry.cutoff_A:g} A; lengths are in A and must not exceed 20"),
        (pair and entry.n <= 0, f"n is {entry.n:g}; it must be positive"),
        (pair and entry.beta < 0, f"beta is {entry.beta:g}; it must not be negative"),
        (pair and entry.lambda1_per_A < 0, f"lambda1 is {entry.lambda1_per_A:g}; it must not be negative"),
        (pair and entry.lambda2_per_A < 0, f"lambda2 is {entry.lambda2_per_A:g}; it must not be negative"),
        (pair and entry.A_eV < 0, f"A is {entry.A_eV:g} eV; it must not be negative"),
        (pair and entry.B_eV < 0, f"B is {entry.B_eV:g} eV; it must not be negative"),
    ]
    return next((what for wrong, what in faults if wrong), None)
