"""The life of pores in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbonize.tracking.track import FEWEST_FRAMES

__all__ = ["TOO_FEW", "told"]

TOO_FEW = "Too few frames to follow pores"

_NOTICED = 0.05  # share of the void whose class is not that of the moment


def told(found: Mapping[str, Any]) -> list[str]:
    """What tracking.json says, a sentence a line."""
    frames, tracks, events = int(found["frames"]), found["tracks"], found["events"]
    if frames < FEWEST_FRAMES:
        return [
            f"{TOO_FEW}: there {'is' if frames == 1 else 'are'} {frames}, and {FEWEST_FRAMES} are the least."
        ]
    lines = [f"{_count(tracks['number'], 'pore')} could be followed through {frames} frames."]
    if tracks["brief"]:
        lines[0] = lines[0][:-1] + f"; {_count(tracks['brief'], 'more')} only flickered up."
    fates = [
        f"{events[kind]} {word}"
        for kind, word in (
            ("born", "opened in what had been solid"),
            ("split", "came out of a pore that divided"),
            ("merged", "became part of another"),
            ("died", "filled up entirely"),
        )
        if events.get(kind)
    ]
    if fates:
        lines.append(f"{_listed(fates)}.")
    closings = []
    for probe, closing in found["closing_temperature_K"].items():
        if closing["closed"]:
            more = ""
            if closing["median"] is not None:
                volume = sum(closing["volumes_A3"])
                held = f"{volume:.0f}" if volume >= 1.0 else "less than 1"
                more = f" (median {closing['median']:.0f} K, {held} Å³ then)"
            closings.append(f"{closing['closed']} to {probe}{more}")
    if closings:
        lines.append(f"Pores that closed for good: {_listed(closings)}.")
    else:
        lines.append("No pore closed to any probe for good.")
    reopened = {k.removeprefix("reopened_"): n for k, n in events.items() if k.startswith("reopened_")}
    if reopened:
        said = [f"{n} to {probe}" for probe, n in reopened.items()]
        lines.append(f"Openings of pores that had been shut: {_listed(said)}.")
    lines.extend(_undecided(found.get("last_frame")))
    return lines


def _undecided(last: Mapping[str, Mapping[str, float]] | None) -> list[str]:
    """A sentence where the classes of the last frame are not those that are held against flicker."""
    if last is None:
        return []
    measured, held = last["measured_A3"], last["held_A3"]
    void = sum(measured.values())
    # what left its class must have gone to another: half of all changes is the share that differs
    apart = sum(abs(measured[name] - held[name]) for name in measured) / 2
    if not apart > _NOTICED * void:
        return []
    most = max(held, key=lambda name: held[name] - measured[name])
    before, after = (100 * volumes[most] / void for volumes in (measured, held))
    return [
        f"In the last frame {after:.0f} % of the void counts as {most.replace('fully-', 'fully ')} here, and {before:.0f} % "
        "by the entrances of that moment: they have not been on the other side of a limit for long enough, "
        "against their own trembling, to tell a change from flicker."
    ]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("s" if number != 1 and word != "more" else "")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
