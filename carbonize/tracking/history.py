"""What was seen: frames, and tracks of pores through them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from carbonize.tracking.footprints import Footprints

__all__ = ["Frame", "Gap", "History", "Track", "carrier"]


@dataclasses.dataclass
class Frame:
    """The pores of one frame.

    Attributes
    ----------
    index
        Number of the frame in its trajectory.
    step, time_ps, temperature_K
        As far as the trajectory tells.
    mass_amu
        Of all atoms.
    entrance_A
        0 where nothing enters.
    diameter_A, volume_A3, center_A
        Of each pore.
    class_name
        The raw class of each pore.
    footprints
        Where the pores are; let go once they have been compared.
    track
        The track of each pore.
    passed
        Void that lies in another track's pore than in the frame before, as (from, to, A^3): the
        border between two pores trembles, and shifts.
    """

    index: int
    step: int | None
    time_ps: float | None
    temperature_K: float | None
    mass_amu: float
    entrance_A: Float[np.ndarray, " pore"]
    diameter_A: Float[np.ndarray, " pore"]
    volume_A3: Float[np.ndarray, " pore"]
    center_A: Float[np.ndarray, "pore 3"]
    class_name: tuple[str, ...]
    footprints: Footprints | None = None
    track: Int[np.ndarray, " pore"] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    passed: list[tuple[int, int, float]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Gap:
    """Places ``first`` to ``last`` in which a track was not seen, and the track that held its void then."""

    first: int
    last: int
    host: int | None


@dataclasses.dataclass
class Track:
    """One pore through time. Times are places in :attr:`History.frames`.

    Attributes
    ----------
    number
        The tracks of a history are numbered from 0, in the order in which they begin.
    first, last
        Where it was seen first and last.
    seen
        In how many frames it was seen.
    parent
        The track out of whose void it came; None if its void was new.
    end
        "alive" at the last frame, "missing" there but not for long enough to be sure, "merged" or "died".
    heir
        The track that took its void; None if the void closed up.
    gaps
        Short absences.
    """

    number: int
    first: int
    last: int
    seen: int = 1
    parent: int | None = None
    end: str = "alive"
    heir: int | None = None
    gaps: list[Gap] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class History:
    """Frames and tracks of one replica."""

    frames: list[Frame]
    tracks: list[Track]

    def places(self, track: int) -> Int[np.ndarray, " frame"]:
        """Places at which a track was seen."""
        own = self.tracks[track]
        absent = {t for gap in own.gaps for t in range(gap.first, gap.last + 1)}
        return np.array([t for t in range(own.first, own.last + 1) if t not in absent], dtype=np.int64)

    def entrances(self) -> list[Float[np.ndarray, " frame"]]:
        """Entrance (A) of every track from its first to its last place; nan where it was not seen."""
        found = [np.full(track.last - track.first + 1, np.nan) for track in self.tracks]
        for t, frame in enumerate(self.frames):
            for number, entrance in zip(frame.track, frame.entrance_A, strict=True):
                found[number][t - self.tracks[number].first] = entrance
        return found


def carrier(tracks: list[Track], number: int, place: int) -> int | None:
    """The track that holds the void of a track at another time: before its birth or after its end too.

    None where that void is solid.
    """
    at: int | None = number
    passed: set[int] = set()
    while at is not None and at not in passed:
        passed.add(at)
        track = tracks[at]
        if place < track.first:
            at = track.parent
        elif place > track.last:
            at = track.heir
        else:
            gap = next((gap for gap in track.gaps if gap.first <= place <= gap.last), None)
            if gap is None:
                return at
            at = gap.host
    return None
