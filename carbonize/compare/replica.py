"""One history under one protocol, and what makes two of them a pair."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from carbonize.io.rundir import Run

__all__ = ["Block", "Key", "Replica"]


class Block(NamedTuple):
    """What replicas have in common when nothing but chance tells them apart."""

    precursor: str
    potential: str


class Key(NamedTuple):
    """What makes two replicas of different protocols a pair; runs outside a study also share the seed."""

    block: Block
    seed: int | None
    replica: int


@dataclasses.dataclass(frozen=True)
class Replica:
    """One history under one protocol.

    Attributes
    ----------
    protocol
        Name of the protocol.
    key
        Precursor, potential, and number.
    run
        The run folder.
    number
        Its number there.
    records
        Its analysis records, in order of time.
    """

    protocol: str
    key: Key
    run: Run
    number: int
    records: list[dict[str, Any]] = dataclasses.field(repr=False)
