"""What is written about the life of pores: tables, and tracking.json.

``pore_tracks.csv``: a row a pore a frame. ``pore_events.csv``: a row an event. ``pore_lives.csv``:
a row a track. ``pore_flows.csv``: void from class to class, a row each two classes each step.
Numbers that are not known (no time in the trajectory, no entrance) are empty.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.io.files import make_folder, write_atomic
from carbonize.tracking.events import Lives
from carbonize.tracking.flows import COLUMNS, ROWS, Flow, flow, mean_step
from carbonize.tracking.settings import Settings

__all__ = ["SCHEMA_VERSION", "document", "write_outputs"]

SCHEMA_VERSION = 1

_SHOWN_TIMES = 6

_TRACK_COLUMNS = (
    "replica,track,sure,frame,step,time_ps,temperature_K,class,class_held,entrance_A,diameter_A,volume_A3,"
    "center_x_A,center_y_A,center_z_A"
).split(",")
_EVENT_COLUMNS = (
    "replica,track,event,frame,step,time_ps,temperature_K,partners,entrance_before_A,entrance_after_A,"
    "volume_A3,for_good"
).split(",")
_LIFE_COLUMNS = (
    "replica,track,sure,origin,parent,end,heir,first_frame,last_frame,frames,first_time_ps,last_time_ps,"
    "first_class,last_class,first_entrance_A,last_entrance_A,narrowest_entrance_A,widest_entrance_A,"
    "mean_volume_A3,largest_volume_A3"
).split(",")
_FLOW_COLUMNS = "replica,first_frame,last_frame,from,to,volume_A3,count".split(",")


def write_outputs(
    folder: Path, source: str, replicas: Mapping[int, Lives], settings: Settings
) -> dict[str, Any]:
    """Write all files; returns the content of tracking.json.

    Raises
    ------
    InputError
        If the folder cannot be made.
    CarbonizeError
        If a file cannot be written.
    """
    make_folder(folder)
    steps = {replica: _steps(lives) for replica, lives in replicas.items()}
    found = document(source, replicas, settings, steps)
    write_atomic(folder / "pore_tracks.csv", _table(_TRACK_COLUMNS, _track_rows(replicas)))
    write_atomic(folder / "pore_events.csv", _table(_EVENT_COLUMNS, _event_rows(replicas)))
    write_atomic(folder / "pore_lives.csv", _table(_LIFE_COLUMNS, _life_rows(replicas)))
    write_atomic(folder / "pore_flows.csv", _table(_FLOW_COLUMNS, _flow_rows(replicas, steps)))
    # last: who finds it finds the tables that belong to it
    write_atomic(folder / "tracking.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    return found


def document(
    source: str,
    replicas: Mapping[int, Lives],
    settings: Settings,
    steps: Mapping[int, list[Flow]] | None = None,
) -> dict[str, Any]:
    """The content of tracking.json; ``steps`` are the flows from each frame to the next, if known."""
    steps = steps or {replica: _steps(lives) for replica, lives in replicas.items()}
    fewest = min((len(lives.history.frames) for lives in replicas.values()), default=0)
    return {
        "schema_version": SCHEMA_VERSION,
        "source": source,
        "structures": settings.on,
        "settings": settings.described(),
        "frames": fewest,
        "tracks": _track_numbers(replicas),
        "events": _event_numbers(replicas),
        "closing_temperature_K": {
            name: _closing(replicas, name, diameter) for name, diameter in settings.analysis.probes_A.items()
        },
        "transitions": _transitions(replicas, steps),
        "last_frame": _last_frame(replicas),
        "replicas": [_replica(replica, lives, steps[replica]) for replica, lives in replicas.items()],
    }


def _replica(replica: int, lives: Lives, steps: list[Flow]) -> dict[str, Any]:
    frames = lives.history.frames
    shown = sorted(set(np.linspace(0, len(frames) - 1, _SHOWN_TIMES).round().astype(int).tolist()))
    return {
        "replica": replica,
        "frames": len(frames),
        "tracks": _track_numbers({replica: lives}),
        "events": _event_numbers({replica: lives}),
        "transitions": _transitions({replica: lives}, {replica: steps}),
        "shown": {
            "frames": [
                {
                    "frame": frames[t].index,
                    "time_ps": frames[t].time_ps,
                    "temperature_K": frames[t].temperature_K,
                    "mass_amu": frames[t].mass_amu,
                }
                for t in shown
            ],
            "volume_A3": [_rounded(flow(lives, a, b).volume_A3) for a, b in itertools.pairwise(shown)],
        },
    }


def _transitions(replicas: Mapping[int, Lives], steps: Mapping[int, list[Flow]]) -> dict[str, Any]:
    """Void (A^3) and pores from class to class, summed over replicas."""
    whole = [flow(lives, 0, len(lives.history.frames) - 1) for lives in replicas.values()]
    means = [mean_step(steps[replica]) for replica in replicas]
    return {
        "rows": list(ROWS),
        "columns": list(COLUMNS),
        "first_to_last": {
            "volume_A3": _rounded(np.sum([found.volume_A3 for found in whole], axis=0)),
            "count": np.sum([found.count for found in whole], axis=0).tolist(),
        },
        "mean_per_step": {
            "volume_A3": _rounded(np.sum([volume for volume, _ in means], axis=0)),
            "count": _rounded(np.sum([count for _, count in means], axis=0)),
        },
    }


def _last_frame(replicas: Mapping[int, Lives]) -> dict[str, dict[str, float]]:
    """Void (A^3) of each class in the last frames, by the entrances of the moment and as held against flicker."""
    volumes: dict[str, dict[str, float]] = {
        kind: dict.fromkeys(CLASS_NAMES, 0.0) for kind in ("measured_A3", "held_A3")
    }
    for lives in replicas.values():
        last = len(lives.history.frames) - 1
        if last < 0:
            continue
        frame = lives.history.frames[last]
        for volume, measured, held in zip(
            frame.volume_A3.tolist(), frame.class_name, lives.held_classes(last), strict=True
        ):
            volumes["measured_A3"][measured] += volume
            volumes["held_A3"][held] += volume
    return {kind: {name: round(v, 6) for name, v in by.items()} for kind, by in volumes.items()}


def _steps(lives: Lives) -> list[Flow]:
    return [flow(lives, t, t + 1) for t in range(len(lives.history.frames) - 1)]


def _track_numbers(replicas: Mapping[int, Lives]) -> dict[str, Any]:
    """How many tracks, and how long those lasted that were more than a flicker."""
    sure = [
        (lives, track)
        for lives in replicas.values()
        for track in lives.history.tracks
        if lives.sure[track.number]
    ]
    whole = [(lives, track) for lives, track in sure if track.first > 0 and track.end in ("died", "merged")]
    return {
        "number": len(sure),
        "brief": sum(len(lives.history.tracks) for lives in replicas.values()) - len(sure),
        "lifetime_frames": _distribution([float(track.last - track.first + 1) for _, track in sure]),
        "lifetime_ps": _distribution([_lasted(lives, track) for lives, track in sure]),
        "whole_lives": {
            "number": len(whole),
            "lifetime_ps": _distribution([_lasted(lives, track) for lives, track in whole]),
        },
    }


def _lasted(lives: Lives, track: Any) -> float | None:
    begin, end = (lives.history.frames[t].time_ps for t in (track.first, track.last))
    return None if begin is None or end is None else end - begin


def _event_numbers(replicas: Mapping[int, Lives]) -> dict[str, int]:
    kinds = [event.kind for lives in replicas.values() for event in lives.events]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _closing(replicas: Mapping[int, Lives], probe: str, diameter_A: float) -> dict[str, Any]:
    """Temperatures at which pores lost a probe for good."""
    found = [
        (lives.history.frames[event.place].temperature_K, event.volume_A3)
        for lives in replicas.values()
        for event in lives.events
        if event.kind == f"lost_{probe}" and event.for_good
    ]
    known = [(t, v) for t, v in found if t is not None]
    return {
        "diameter_A": diameter_A,
        "closed": len(found),
        **_distribution([t for t, _ in known]),
        "values": [t for t, _ in known],
        "volumes_A3": [v for _, v in known],
    }


def _distribution(values: Iterable[float | None]) -> dict[str, Any]:
    """Median and quantiles of what is known."""
    known = np.array([v for v in values if v is not None])
    if not len(known):
        return {"median": None, "quantiles": None}
    parts = (0.0, 0.1, 0.25, 0.75, 0.9, 1.0)
    return {
        "median": float(np.median(known)),
        "quantiles": {f"{part:g}": float(np.quantile(known, part)) for part in parts},
    }


def _rounded(matrix: np.ndarray) -> list[list[float]]:
    """Volumes to 1e-6 A^3; -0.0 is 0."""
    return [[round(float(value), 6) + 0.0 for value in row] for row in matrix]


def _table(columns: Iterable[str], rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


def _when(lives: Lives, place: int) -> list[Any]:
    frame = lives.history.frames[place]
    return [frame.index, frame.step, frame.time_ps, frame.temperature_K]


def _track_rows(replicas: Mapping[int, Lives]) -> Iterable[list[Any]]:
    for replica, lives in replicas.items():
        for place, frame in enumerate(lives.history.frames):
            held, when = lives.held_classes(place), _when(lives, place)
            for k in np.argsort(frame.track, kind="stable").tolist():
                number = int(frame.track[k])
                yield [
                    *(replica, number, int(lives.sure[number]), *when, frame.class_name[k], held[k]),
                    float(frame.entrance_A[k]) or None,
                    *(float(frame.diameter_A[k]), float(frame.volume_A3[k]), *frame.center_A[k].tolist()),
                ]


def _event_rows(replicas: Mapping[int, Lives]) -> Iterable[list[Any]]:
    for replica, lives in replicas.items():
        for event in lives.events:
            yield [
                *(replica, event.track, event.kind, *_when(lives, event.place), event.partner),
                *(event.before or None, event.after or None, event.volume_A3, int(event.for_good)),
            ]


def _life_rows(replicas: Mapping[int, Lives]) -> Iterable[list[Any]]:
    for replica, lives in replicas.items():
        entrances = lives.history.entrances()
        volumes: list[list[float]] = [[] for _ in lives.history.tracks]
        for frame in lives.history.frames:
            for number, volume in zip(frame.track, frame.volume_A3.tolist(), strict=True):
                volumes[number].append(volume)
        for track in lives.history.tracks:
            first, last = (lives.history.frames[t] for t in (track.first, track.last))
            entrance, held = entrances[track.number], lives.held[track.number]
            if track.parent is not None:
                origin = "split"
            else:
                origin = "born" if track.first else "first frame"
            yield [
                *(
                    replica,
                    track.number,
                    int(lives.sure[track.number]),
                    origin,
                    track.parent,
                    track.end,
                    track.heir,
                ),
                *(first.index, last.index, track.seen, first.time_ps, last.time_ps, held[0], held[-1]),
                *(float(entrance[0]) or None, float(entrance[-1]) or None),
                *(float(np.nanmin(entrance)) or None, float(np.nanmax(entrance)) or None),
                *(float(np.mean(volumes[track.number])), float(np.max(volumes[track.number]))),
            ]


def _flow_rows(replicas: Mapping[int, Lives], steps: Mapping[int, list[Flow]]) -> Iterable[list[Any]]:
    for replica, lives in replicas.items():
        for step in steps[replica]:
            where = [lives.history.frames[t].index for t in (step.first, step.last)]
            for i, j in zip(*np.nonzero(step.volume_A3 + step.count), strict=True):
                yield [
                    *(replica, *where, ROWS[i], COLUMNS[j]),
                    *(float(step.volume_A3[i, j]), int(step.count[i, j])),
                ]
