"""Shared array aliases and the integer codes that compiled code returns.

Compiled code cannot raise. It returns a :class:`Result` as an integer per replica,
and the host turns it into a sentence (:func:`describe_result`).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Result", "describe_result"]


class Result(IntEnum):
    """What a compiled chunk of steps reports for one replica."""

    OK = 0
    NON_FINITE = 1
    TOO_HOT = 2
    ATOMS_OVERLAP = 3
    ENERGY_RAN_AWAY = 4
    COLLAPSED = 5


_SENTENCES = {
    Result.OK: "the state is sound",
    Result.NON_FINITE: "a position, momentum or energy is not a finite number",
    Result.TOO_HOT: "the temperature ran away",
    Result.ATOMS_OVERLAP: "two atoms are on top of each other",
    Result.ENERGY_RAN_AWAY: "the potential energy ran away",
    Result.COLLAPSED: "the structure collapsed: an atom has more neighbours than any solid gives it",
}


def describe_result(code: int) -> str:
    """The sentence that belongs to a result code."""
    return _SENTENCES[Result(code)]
