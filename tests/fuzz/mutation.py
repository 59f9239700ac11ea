"""Ways to spoil a file: hypothesis strategies, and the property that every reader must keep."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from carbonize.errors import CarbonizeError

QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    # explaining a failure would trace every line of every case
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
MANY = settings(QUICK, max_examples=1000)

LIMIT_S = 10.0
MEMORY_BYTES = 2 << 30

WORDS = (
    "nan -nan inf -inf 1e308 -1e308 1e400 1e-320 0 -0 -1 1 2 3 0.0 0.5 1e5 99999999999 4294967296 2147483648 "
    "-2147483649 18446744073709551616 1_0 0x10 1d3 1e 1,5 . - + C H Xx c CC C1 T F true null ~ None {} [] "
    "' \" # : = ; * & ! % @ \\ / ,"
).split() + [
    "",
    " ",
    "\n",
    "\t",
    "\0",
    "\x1b[31m",
    "é",
    "٣",
    "１",
    "\u2028",
    "\ufeff",
    "9" * 5000,
    "x" * 100_000,
]


class TooLong(BaseException):
    """A reader took longer than a file of this size can need."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Within a time, and within a memory far above what small files need."""

    def late(*_: object) -> None:
        raise TooLong(f"more than {LIMIT_S} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def reads_or_refuses() -> Iterator[None]:
    """The property: what is inside ends well or with one line, soon, with little memory, and silently."""
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        except CarbonizeError as err:
            message = str(err)
            assert message, "an error without a word"
            assert len(message.splitlines()) == 1, message
            assert len(message) < 2000, message[:3000]
            assert "MemoryError" not in message, message


@st.composite
def spoiled_bytes(draw: st.DrawFn, wholes: list[bytes], places: list[int] | None = None) -> bytes:
    """One of some files with a few bytes changed, cut, doubled or taken from another one."""
    raw = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        if places and draw(st.booleans()):
            at = min(draw(st.sampled_from(places)), len(raw) - 1)
        length = draw(st.integers(1, 64))
        how = draw(st.sampled_from(["bit", "byte", "word", "cut", "drop", "double", "splice", "insert"]))
        if how == "bit":
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "byte":
            raw[at] = draw(st.sampled_from([0, 1, 127, 128, 255, *b"09.-eC \n"]))
        elif how == "word":
            number = draw(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1, len(raw), 2**59]))
            raw[at : at + 8] = number.to_bytes(8, "little")
        elif how == "cut":
            del raw[at:]
        elif how == "drop":
            del raw[at : at + length]
        elif how == "double":
            raw[at:at] = raw[at : at + length]
        elif how == "splice":
            other = draw(st.sampled_from(wholes))
            start = draw(st.integers(0, len(other) - 1))
            raw[at : at + length] = other[start : start + length]
        else:
            raw[at:at] = draw(st.binary(max_size=32))
    return bytes(raw)


@st.composite
def spoiled_text(draw: st.DrawFn, wholes: list[str]) -> bytes:
    """One of some text files with words and lines exchanged, dropped, doubled or replaced by odd ones."""
    text = draw(st.sampled_from(wholes))
    for _ in range(draw(st.integers(1, 4))):
        how = draw(st.sampled_from(["word", "word", "word", "line", "join"]))
        if how == "word":
            words = list(re.finditer(r"[^\s=\"':,\[\]{}]+", text))
            if not words:
                break
            place = words[draw(st.integers(0, len(words) - 1))]
            new = draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)))
            text = text[: place.start()] + new + text[place.end() :]
        else:
            lines = text.split("\n")
            k = draw(st.integers(0, len(lines) - 1))
            m = draw(st.integers(0, len(lines) - 1))
            if how == "line":
                lines[k : k + 1] = draw(st.sampled_from([[], [lines[k]] * 2, [lines[m]], lines[m : m + 5]]))
            else:
                lines[k : k + 2] = [" ".join(lines[k : k + 2])]
            text = "\n".join(lines)
    return text.encode("utf-8", "surrogatepass")


def spoiled(wholes: list[str]) -> st.SearchStrategy[bytes]:
    """A text file spoiled in either way."""
    return st.one_of(spoiled_text(wholes), spoiled_text(wholes), spoiled_bytes([w.encode() for w in wholes]))


def put(path: Path, raw: bytes) -> Path:
    """Write a case; returns its path."""
    path.write_bytes(raw)
    return path


def finite(*arrays: Any) -> bool:
    """Whether all numbers are finite."""
    import numpy as np

    return all(bool(np.isfinite(np.asarray(a)).all()) for a in arrays)
