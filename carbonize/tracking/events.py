"""What happened to pores: births and ends, and probes that can no longer enter."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Int

from carbonize.analysis.pores.survey import HELIUM_DIAMETER_A
from carbonize.tracking.history import History, Track
from carbonize.tracking.hysteresis import held_levels, tremble
from carbonize.tracking.settings import Settings

__all__ = ["Event", "Lives", "lives"]

_CLASS_ABOVE = {"closed": "closed", "quasi-closed": "quasi-closed", "open": "open"}


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened to a track.

    Attributes
    ----------
    track
        Its number.
    kind
        born, split (out of ``partner``), died, merged (into ``partner``), lost_<probe> or
        reopened_<probe>.
    place
        The first frame, as a place in the history, in which it is so.
    before, after
        Entrance (A) in the last frame of the old state and the first of the new one; 0 where
        nothing enters, None where the pore is not there.
    volume_A3
        Of the pore after the event, or before it where the pore is gone.
    partner
        The other track.
    for_good
        For a lost probe: whether it never gets in again. True for all else.
    """

    track: int
    kind: str
    place: int
    before: float | None
    after: float | None
    volume_A3: float
    partner: int | None = None
    for_good: bool = True


@dataclasses.dataclass(frozen=True)
class Lives:
    """A history with what it means.

    Attributes
    ----------
    history
        Frames and tracks.
    sure
        Whether each track was seen in enough frames, and was once wide enough, to have events.
    held
        Per track, from its first to its last place: the class with hysteresis.
    events
        In the order of time, then of tracks.
    """

    history: History
    sure: tuple[bool, ...]
    held: tuple[tuple[str, ...], ...]
    events: tuple[Event, ...]

    def held_classes(self, place: int) -> list[str]:
        """Class with hysteresis of every pore of a frame."""
        tracks = self.history.tracks
        return [self.held[n][place - tracks[n].first] for n in self.history.frames[place].track]


def lives(history: History, settings: Settings) -> Lives:
    """Hold classes and find the events of a history."""
    hysteresis = settings.analysis.tracking
    thresholds = settings.thresholds_A
    values = np.array(list(thresholds.values()))
    entrances = history.entrances()
    volumes = _volumes(history)
    sure = _sure(history, settings)
    levels: list[Int[np.ndarray, " frame"]] = []
    events: list[Event] = []
    for track in history.tracks:  # parents come before their children
        number = track.number
        past, past_entrance = -1, None
        if track.parent is not None:
            parent = history.tracks[track.parent]
            at = min(track.first - 1, parent.last) - parent.first
            past, past_entrance = (
                int(levels[track.parent][at]),
                _last_known(entrances[track.parent][: at + 1]),
            )
        width = max(hysteresis.hysteresis_A, hysteresis.hysteresis_noise * tremble(entrances[number]))
        own = held_levels(entrances[number], values, width, hysteresis.hold_frames, past)
        levels.append(own)
        if not sure[number]:
            continue
        events += _ends(history, track, sure, entrances, volumes, hysteresis.gap_frames)
        events += _crossings(track, own, past, past_entrance, entrances[number], volumes[number], thresholds)
    events.sort(key=lambda event: (event.place, event.track, event.kind))
    held = tuple(tuple(_class(level, list(thresholds)) for level in own) for own in levels)
    return Lives(history, sure, held, tuple(events))


def _sure(history: History, settings: Settings) -> tuple[bool, ...]:
    """Which tracks were seen for long enough, and were once wide enough, to be more than a flicker."""
    hysteresis = settings.analysis.tracking
    widest = np.zeros(len(history.tracks))
    for frame in history.frames:
        np.maximum.at(widest, frame.track, frame.diameter_A)
    least = settings.analysis.probes_A.get("He", HELIUM_DIAMETER_A) + hysteresis.hysteresis_A
    return tuple(
        track.seen >= hysteresis.hold_frames and bool(widest[track.number] >= least)
        for track in history.tracks
    )


def _volumes(history: History) -> list[np.ndarray]:
    found = [np.full(track.last - track.first + 1, np.nan) for track in history.tracks]
    for t, frame in enumerate(history.frames):
        for number, volume in zip(frame.track, frame.volume_A3, strict=True):
            found[number][t - history.tracks[number].first] = volume
    return found


def _class(level: int, names: list[str]) -> str:
    passed = [name for name in names[:level] if name in _CLASS_ABOVE]
    return passed[-1] if passed else "fully-closed"


def _last_known(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else None


def _ends(
    history: History,
    track: Track,
    sure: tuple[bool, ...],
    entrances: list[np.ndarray],
    volumes: list[np.ndarray],
    gap_frames: int,
) -> list[Event]:
    """Birth and end of a track."""
    number, found = track.number, []
    # what was away for so few frames may have been there before them, as at the end of the record
    if track.first > gap_frames:
        parent = _sure_relative(history, track.parent, sure, "parent")
        kind = "born" if parent is None else "split"
        before = None if parent is None else _at(history, entrances, parent, track.first - 1)
        found.append(
            Event(
                number,
                kind,
                track.first,
                before,
                float(entrances[number][0]),
                float(volumes[number][0]),
                parent,
            )
        )
    if track.end in ("died", "merged"):
        heir = _sure_relative(history, track.heir, sure, "heir")
        kind = "died" if heir is None else "merged"
        after = None if heir is None else _at(history, entrances, heir, track.last + 1)
        found.append(
            Event(
                number,
                kind,
                track.last + 1,
                float(entrances[number][-1]),
                after,
                float(volumes[number][-1]),
                heir,
            )
        )
    return found


def _sure_relative(history: History, number: int | None, sure: tuple[bool, ...], way: str) -> int | None:
    """The nearest parent (or heir) that is more than a flicker."""
    passed: set[int] = set()
    while number is not None and not sure[number] and number not in passed:
        passed.add(number)
        number = getattr(history.tracks[number], way)
    return None if number in passed else number


def _at(history: History, entrances: list[np.ndarray], number: int, place: int) -> float | None:
    """Entrance of a track at a place; None where it was not seen."""
    track = history.tracks[number]
    if not track.first <= place <= track.last:
        return None
    value = float(entrances[number][place - track.first])
    return None if np.isnan(value) else value


def _crossings(
    track: Track,
    levels: Int[np.ndarray, " frame"],
    past: int,
    past_entrance: float | None,
    entrance: np.ndarray,
    volume: np.ndarray,
    thresholds: dict[str, float],
) -> list[Event]:
    """Probes lost and reopened along a track."""
    names = list(thresholds)
    found: list[Event] = []
    level, last = (past, past_entrance) if past >= 0 else (int(levels[0]), None)
    for k in range(len(levels)):
        if np.isnan(entrance[k]):  # what happens in a gap is dated to its end
            continue
        now = int(levels[k])
        word = "lost" if now < level else "reopened"
        for name in names[min(now, level) : max(now, level)]:
            if name.startswith("probe "):
                kind = f"{word}_{name.removeprefix('probe ')}"
                found.append(
                    Event(track.number, kind, track.first + k, last, float(entrance[k]), float(volume[k]))
                )
        level, last = now, float(entrance[k])
    opened = {event.kind: event.place for event in found if event.kind.startswith("reopened_")}
    return [
        dataclasses.replace(
            event, for_good=opened.get(event.kind.replace("lost_", "reopened_", 1), -1) < event.place
        )
        if event.kind.startswith("lost_")
        else event
        for event in found
    ]
