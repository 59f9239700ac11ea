"""Files of neuroevolution potentials (``nep.txt``) as GPUMD writes them, versions 3 and 4.

A header of six or seven lines (``zbl`` only where the first line says so), then one number a line:

    nep4_zbl 2 C H
    zbl 0.7 1.4            or: zbl 0.7 1.4 FACTOR (typewise), zbl 0 0 (flexible)
    cutoff 4.2 3.7 80 47   or: two cutoffs for every element, then two numbers that are not used;
                           or: cutoff 4.2 3.7 80 47 RADIAL ANGULAR ZBL (typewise factors)
    n_max 10 8
    basis_size 10 8
    l_max 4 2 1            three-body order; 2 for four-body, 1 for five-body terms
    ANN 100 0

The numbers are, for every element (version 4) or once (version 3), the weights of the hidden
layer, its biases and the weights of the output; then one bias, the radial and the angular
expansion coefficients with the pair of elements varying fastest, a scale for every descriptor
and, for a flexible ZBL, ten numbers for every pair.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from carbonize.errors import InputError
from carbonize.potentials.nep_radii import covalent_radii_A

__all__ = ["NepModel", "Zbl", "read_nep"]

_MAX_BYTES = 64 * 1024 * 1024
_MAX_CUTOFF_A = 20.0
_MOST = {"n_max": 19, "basis_size": 19, "ANN": 1000}
_SUPPORTED = ("nep3", "nep3_zbl", "nep4", "nep4_zbl")
_KINDS = (
    ("charge", "charges"),
    ("dipole", "dipoles"),
    ("polarizability", "polarizabilities"),
    ("temperature", "a temperature among its inputs"),
    ("spin", "magnetic moments"),
    ("vdw", "dispersion terms"),
    ("nep5", "version 5"),
)
_MORE_TERMS = ("q_112", "q_123", "q_233", "q_134")
_HARDLY = 1e30  # beyond this single precision overflows


@dataclasses.dataclass(frozen=True, eq=False)
class Zbl:
    """Screened nuclear repulsion between every pair of elements, arrays of shape (element, element).

    Attributes
    ----------
    inner_A, outer_A
        The repulsion is switched off between these distances.
    strength_eV_A
        Product of the nuclear charges over 4 pi epsilon_0.
    inverse_length_per_A
        Inverse of the screening length.
    amplitudes, decays
        Of the four exponentials, shape (4, element, element).
    """

    inner_A: np.ndarray
    outer_A: np.ndarray
    strength_eV_A: np.ndarray
    inverse_length_per_A: np.ndarray
    amplitudes: np.ndarray
    decays: np.ndarray


@dataclasses.dataclass(frozen=True)
class NepModel:
    """What a file holds; equal and hashed by the digest of its bytes alone.

    Attributes
    ----------
    digest
        SHA-256 of the file.
    elements
        Chemical symbols; species are indices into them.
    radial_A, angular_A
        Cutoffs (A) of every pair, shape (element, element).
    l_max, four_body, five_body
        Largest order of the harmonics; whether there are four- and five-body terms.
    input_weights
        Shape (network, neuron, descriptor), the scale of the descriptors included. There is one
        network (version 3), or one for every element (version 4).
    input_biases, output_weights
        Shape (network, neuron); the latter in eV.
    bias_eV
        Subtracted from every atom's energy.
    radial, angular
        Expansion coefficients, shape (element, element, n, k).
    zbl
        Repulsion at short range, if any.
    """

    digest: str
    elements: tuple[str, ...] = dataclasses.field(compare=False)
    radial_A: np.ndarray = dataclasses.field(compare=False, repr=False)
    angular_A: np.ndarray = dataclasses.field(compare=False, repr=False)
    l_max: int = dataclasses.field(compare=False)
    four_body: bool = dataclasses.field(compare=False)
    five_body: bool = dataclasses.field(compare=False)
    input_weights: np.ndarray = dataclasses.field(compare=False, repr=False)
    input_biases: np.ndarray = dataclasses.field(compare=False, repr=False)
    output_weights: np.ndarray = dataclasses.field(compare=False, repr=False)
    bias_eV: float = dataclasses.field(compare=False, repr=False)
    radial: np.ndarray = dataclasses.field(compare=False, repr=False)
    angular: np.ndarray = dataclasses.field(compare=False, repr=False)
    zbl: Zbl | None = dataclasses.field(compare=False, repr=False)


def read_nep(path: str | Path) -> NepModel:
    """The potential in a ``nep.txt`` file.

    Raises
    ------
    InputError
        The file cannot be read, is not in the format, is cut short or too long, holds numbers that
        are not finite, or asks for something that is not supported, which is named then.
    """
    path = Path(path)
    raw = _read(path)
    lines = [
        (number, words)
        for number, line in enumerate(raw.decode("utf-8").split("\n"), start=1)
        if (words := line.split())
    ]
    header = _Header(path, lines)
    names = header.first()
    tag, elements = names[0], tuple(names[1:])
    version = int(tag[3])
    pairs = len(elements) ** 2
    zbl = header.zbl() if tag.endswith("_zbl") else None
    radial_A, angular_A, old_zbl_factor = header.cutoffs(elements)
    n_radial, n_angular = (n + 1 for n in header.pair("n_max"))
    k_radial, k_angular = (k + 1 for k in header.pair("basis_size"))
    l_max, four_body, five_body = header.l_max()
    neurons = header.neurons()

    descriptors = n_radial + n_angular * (l_max + four_body + five_body)
    networks = len(elements) if version == 4 else 1
    flexible = zbl is not None and zbl[0] == zbl[1] == 0.0
    sizes = [
        networks * neurons * (descriptors + 2) + 1,
        pairs * n_radial * k_radial,
        pairs * n_angular * k_angular,
        descriptors,
        10 * len(elements) * (len(elements) + 1) // 2 if flexible else 0,
    ]
    values = _numbers(path, lines[header.used :], sizes)
    network, radial, angular, scale, table = np.split(values, np.cumsum(sizes)[:-1])
    bias_eV = float(network[-1])
    network = network[:-1].reshape(networks, neurons * (descriptors + 2))
    weights, biases, output = np.split(network, [neurons * descriptors, neurons * (descriptors + 1)], axis=1)
    shape = (len(elements), len(elements))
    return NepModel(
        digest=hashlib.sha256(raw).hexdigest(),
        elements=elements,
        radial_A=radial_A,
        angular_A=angular_A,
        l_max=l_max,
        four_body=four_body,
        five_body=five_body,
        input_weights=weights.reshape(networks, neurons, descriptors) * scale,
        input_biases=biases,
        output_weights=output,
        bias_eV=bias_eV,
        radial=np.moveaxis(radial.reshape(n_radial, k_radial, *shape), (2, 3), (0, 1)),
        angular=np.moveaxis(angular.reshape(n_angular, k_angular, *shape), (2, 3), (0, 1)),
        zbl=None if zbl is None else _repulsion(path, elements, zbl, old_zbl_factor, table, angular_A),
    )


class _Header:
    """The lines before the numbers, read one after the other."""

    def __init__(self, path: Path, lines: list[tuple[int, list[str]]]) -> None:
        self._path, self._lines = path, lines
        self.used = 0
        if not lines:
            raise InputError(f"{path}: is empty; give a nep.txt file of GPUMD")

    def _next(self, name: str) -> list[str]:
        """Words after ``name`` on the next line."""
        if self.used == len(self._lines):
            raise InputError(f"{self._path}: ends before the line {name}; give a complete nep.txt file")
        self.where, words = self._lines[self.used]
        self.used += 1
        if name and words[0] != name:
            raise self._error(f"expected the line {name}, got {_short(words[0])!r}; keep the order of GPUMD")
        return words[1:] if name else words

    def _error(self, what: str) -> InputError:
        return InputError(f"{self._path}:{self.where}: {what}")

    def _float(self, name: str, word: str) -> float:
        value = _number(word)
        if value is None or not math.isfinite(value):
            raise self._error(f"{name} must be a finite number, got {_short(word)!r}")
        return value

    def _int(self, name: str, word: str, low: int, high: int) -> int:
        if not (word.isascii() and word.isdigit() and len(word) < 10 and low <= int(word) <= high):
            raise self._error(f"{name} must be a whole number from {low} to {high}, got {_short(word)!r}")
        return int(word)

    def first(self) -> list[str]:
        words = self._next("")
        tag = words[0]
        if not tag.startswith("nep"):
            raise self._error(
                f"expected nep3, nep3_zbl, nep4 or nep4_zbl, got {_short(tag)!r}; give a nep.txt file"
            )
        if tag not in _SUPPORTED:
            why = next((f" ({what})" for key, what in _KINDS if key in tag), "")
            raise self._error(f"{_short(tag)}{why} is not supported; give nep3, nep4 or one with _zbl")
        if len(words) < 3:
            raise self._error("the number of elements and their symbols are missing; add them")
        count = self._int("the number of elements", words[1], 1, len(atomic_numbers))
        symbols = words[2:]
        if len(symbols) != count:
            raise self._error(
                f"{count} element(s) announced, {len(symbols)} symbol(s) given; make them agree"
            )
        for symbol in symbols:
            if atomic_numbers.get(symbol, 0) == 0:
                raise self._error(f"{_short(symbol)!r} is no chemical element; give symbols such as C")
        if len(set(symbols)) != count:
            raise self._error("an element is named twice; name each once")
        return [tag, *symbols]

    def zbl(self) -> tuple[float, float, float]:
        """Inner and outer cutoff (A) and the typewise factor, 0 for none."""
        words = self._next("zbl")
        if len(words) not in (2, 3):
            raise self._error(f"zbl needs an inner and an outer cutoff, got {len(words)} number(s)")
        inner, outer = (self._float("a ZBL cutoff", word) for word in words[:2])
        factor = self._float("the ZBL factor", words[2]) if len(words) == 3 else 0.0
        if not (0 <= inner < outer or inner == outer == 0) or factor < 0:
            raise self._error("ZBL cutoffs must satisfy 0 <= inner < outer, or both be 0 (flexible ZBL)")
        return inner, outer, factor

    def cutoffs(self, elements: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, float]:
        """Radial and angular cutoffs of every pair (A), and the older format's ZBL factor."""
        words = self._next("cutoff")
        each = 2 * len(elements) + 2
        if len(words) not in (4, 7, each):
            raise self._error(
                f"cutoff needs 4 numbers ({each} where every element has its own, "
                f"7 with typewise factors), got {len(words)}"
            )
        numbers = [self._float("a cutoff", word) for word in words]
        own = len(words) == each
        radial = np.array(numbers[0 : 2 * len(elements) : 2] if own else numbers[:1])
        angular = np.array(numbers[1 : 2 * len(elements) : 2] if own else numbers[1:2])
        if not ((angular > 0).all() and (angular <= radial).all() and (radial <= _MAX_CUTOFF_A).all()):
            raise self._error(f"cutoffs must satisfy 0 < angular <= radial <= {_MAX_CUTOFF_A:g} A")
        ones = np.ones(len(elements))
        radial_A = 0.5 * (radial * ones)[:, None] + 0.5 * (radial * ones)
        angular_A = 0.5 * (angular * ones)[:, None] + 0.5 * (angular * ones)
        factors = numbers[4:] if len(words) == 7 and not own else [0.0, 0.0, 0.0]
        if factors[0] > 0:
            radii = covalent_radii_A(elements, f"{self._path}:{self.where}")
            sums = radii[:, None] + radii
            radial_A = np.minimum(radial_A, factors[0] * sums)
            angular_A = np.minimum(angular_A, factors[1] * sums)
            if not (angular_A > 0).all() or (angular_A > radial_A).any():
                raise self._error("typewise factors must satisfy 0 < angular <= radial")
        return radial_A, angular_A, max(factors[2], 0.0)

    def pair(self, name: str) -> tuple[int, int]:
        """A radial and an angular size."""
        words = self._next(name)
        if len(words) != 2:
            raise self._error(f"{name} needs a radial and an angular number, got {len(words)}")
        radial, angular = (self._int(name, word, 0, _MOST[name]) for word in words)
        return radial, angular

    def l_max(self) -> tuple[int, bool, bool]:
        words = self._next("l_max")
        if not 1 <= len(words) <= 3 + len(_MORE_TERMS):
            raise self._error(f"l_max needs three numbers (three-, four-, five-body), got {len(words)}")
        most = self._int("the three-body l_max", words[0], 1, 8)
        four = self._int("the four-body l_max", words[1], 0, 2) if len(words) > 1 else 0
        five = self._int("the five-body l_max", words[2], 0, 1) if len(words) > 2 else 0
        for name, word in zip(_MORE_TERMS, words[3:], strict=False):
            if self._int(name, word, 0, 1):
                raise self._error(f"the four-body term {name} is not supported; only q_222 (l_max 4 2) is")
        if four and most < 2:
            raise self._error("four-body terms need a three-body l_max of at least 2")
        return most, four > 0, five > 0

    def neurons(self) -> int:
        words = self._next("ANN")
        if len(words) != 2:
            raise self._error(f"ANN needs the number of neurons and a 0, got {len(words)} number(s)")
        neurons = self._int("the number of neurons", words[0], 1, _MOST["ANN"])
        if words[1] != "0":
            raise self._error(f"a second hidden layer ({_short(words[1])}) is not supported; it must be 0")
        return neurons


def _numbers(path: Path, lines: list[tuple[int, list[str]]], sizes: list[int]) -> np.ndarray:
    """The numbers after the header, checked one by one."""
    expected = sum(sizes)
    if len(lines) != expected:
        surplus = f"; line {lines[expected][0]} is the first too many" if len(lines) > expected else ""
        raise InputError(
            f"{path}: {len(lines)} lines of numbers after the header, expected {expected}{surplus}; "
            "the file is incomplete or its header wrong"
        )
    values = np.empty(expected)
    for k, (where, words) in enumerate(lines):
        value = _number(words[0])
        if len(words) != 1 or value is None:
            raise InputError(
                f"{path}:{where}: expected one number, got {_short(' '.join(words))!r}; give one number a line"
            )
        if not abs(value) < _HARDLY:
            raise InputError(f"{path}:{where}: {_short(words[0])} is not a usable number; give a finite one")
        values[k] = value
    return values


def _repulsion(
    path: Path,
    elements: tuple[str, ...],
    cutoffs: tuple[float, float, float],
    old_factor: float,
    table: np.ndarray,
    angular_A: np.ndarray,
) -> Zbl:
    """Universal ZBL (Ziegler, Biersack and Littmark 1985), or the flexible one of the file's table."""
    inner, outer, factor = cutoffs
    factor = factor or old_factor
    charges = np.array([atomic_numbers[symbol] for symbol in elements], float)
    shape = (len(elements), len(elements))
    amplitudes = np.empty((4, *shape))
    decays = np.empty((4, *shape))
    inner_A, outer_A = np.full(shape, inner), np.full(shape, outer)
    if len(table):
        upper = np.triu_indices(len(elements))
        for i, j, row in zip(*upper, table.reshape(-1, 10), strict=True):
            for a, b in ((i, j), (j, i)):
                inner_A[a, b], outer_A[a, b] = row[:2]
                amplitudes[:, a, b], decays[:, a, b] = row[2::2], row[3::2]
        if not ((inner_A >= 0) & (inner_A < outer_A)).all():
            raise InputError(f"{path}: a flexible ZBL pair lacks 0 <= inner < outer; check the last numbers")
        if (decays < 0).any():
            raise InputError(f"{path}: a flexible ZBL pair has a negative decay; check the last numbers")
    else:
        amplitudes[:] = np.array([0.18175, 0.50986, 0.28022, 0.02817])[:, None, None]
        decays[:] = np.array([3.1998, 0.94229, 0.4029, 0.20162])[:, None, None]
        if factor > 0:
            radii = covalent_radii_A(elements, str(path))
            outer_A = np.minimum(outer_A, factor * (radii[:, None] + radii))
            inner_A = 0.5 * outer_A
    if (outer_A > angular_A).any():
        raise InputError(f"{path}: ZBL reaches beyond the angular cutoff, which no program evaluates")
    powers = charges**0.23
    return Zbl(
        inner_A=inner_A,
        outer_A=outer_A,
        strength_eV_A=14.399645 * charges[:, None] * charges,
        inverse_length_per_A=2.134563 * (powers[:, None] + powers),
        amplitudes=amplitudes,
        decays=decays,
    )


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)  # a device can be endless
        if len(raw) > _MAX_BYTES:
            raise InputError(f"{path}: over 64 MB; give a nep.txt file of GPUMD")
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path of the NEP file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give a nep.txt file of GPUMD") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; give a nep.txt file of GPUMD") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); check the path and its permissions") from None
    if "\0" in text:
        raise InputError(f"{path}: not a text file; give a nep.txt file of GPUMD")
    return raw


def _number(word: str) -> float | None:
    if not word.isascii() or "_" in word:
        return None  # Python reads these as numbers, no other program does
    try:
        return float(word)
    except ValueError:
        return None


def _short(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:37]}..."
