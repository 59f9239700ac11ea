"""The tracker on movies whose every event is known: all are found within one frame, none is invented."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from pore_movies import BOX, Scene, movie, neck_centers

from carbonize.tracking.events import Lives
from carbonize.tracking.track import follow

FRAMES = 18
PAIR, DYING, BLINKING = (
    np.array([18.0, 18.0, 0.0]),
    np.array([-12.0, 12.0, 7.2]),
    np.array([12.0, -12.0, 7.2]),
)

# (place, event) -> frame; the necks, in order: shrinking, flickering at CO2's 3.3 A, stepping, constant
TRUTH = {
    ("neck 0", "lost_N2"): 8,  # 5.15 - 0.2 k < 3.64
    ("neck 0", "lost_CO2"): 10,
    ("neck 0", "lost_He"): 13,
    ("neck 2", "lost_N2"): 9,
    ("neck 2", "lost_CO2"): 9,
    ("pair", "merged"): 11,
    ("dying", "died"): 11,  # 4.7 - 0.2 k < 2.6
}


def scene(k: int, wider: float = 0.0, blinking: bool = True) -> Scene:
    """Frame k. The pair's centres approach until their common neck is 0.5 A narrower than they are."""
    apart = max(8.6 - 0.4 * k, 2.0) / 2
    spheres = [(tuple(PAIR - [apart, 0, 0]), 6.0), (tuple(PAIR + [apart, 0, 0]), 6.0)]
    if blinking:
        spheres.append((tuple(BLINKING), 2.8 if k % 3 else 2.4))
    if 4.7 - 0.2 * k > 1.0:
        spheres.append((tuple(DYING), 4.7 - 0.2 * k))
    necks = (max(5.15 - 0.2 * k, 1.6), 3.38 if k % 2 else 3.22, 4.6 if k < 9 else 3.0, 4.4)
    return Scene(tuple(neck + wider for neck in necks), tuple(spheres))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clean() -> list[Atoms]:
    return movie([scene(k) for k in range(FRAMES)])


@pytest.fixture(scope="module")
def followed(clean: list[Atoms]) -> Lives:
    return follow(clean)


def place_of(lives: Lives, number: int, drift: np.ndarray | None = None) -> str:
    """Which of the known voids a track is."""
    track = lives.history.tracks[number]
    frame = lives.history.frames[track.first]
    center = frame.center_A[list(frame.track).index(number)] - (0 if drift is None else drift[track.first])
    known = {f"neck {k}": c for k, c in enumerate(neck_centers())}
    known |= {"pair": BOX / 2 + PAIR, "dying": BOX / 2 + DYING, "blinking": BOX / 2 + BLINKING}
    distance = {}
    for name, place in known.items():
        offset = center - place
        distance[name] = float(np.linalg.norm(offset - BOX * np.round(offset / BOX)))
    name = min(distance, key=lambda n: distance[n])
    return name if distance[name] < 5.0 else "channel"


def check(
    lives: Lives, truth: dict[tuple[str, str], int], drift: np.ndarray | None = None, within: int = 1
) -> None:
    found = {(place_of(lives, event.track, drift), event.kind): event.place for event in lives.events}
    assert len(found) == len(lives.events)
    assert found.keys() == truth.keys()
    for key, frame in truth.items():
        assert abs(found[key] - frame) <= within, (key, found[key], frame)


def test_every_event_is_found_within_a_frame_and_none_is_invented(followed: Lives) -> None:
    check(followed, TRUTH)


def test_without_noise_closings_are_dated_to_the_frame(followed: Lives) -> None:
    for event in followed.events:
        if event.kind.startswith("lost_"):
            assert event.place == TRUTH[place_of(followed, event.track), event.kind]
            assert event.for_good
            assert event.before is not None and event.after is not None and event.after < event.before


def test_the_atom_count_changes_and_pores_that_do_nothing_have_one_life(
    clean: list[Atoms], followed: Lives
) -> None:
    assert len({len(atoms) for atoms in clean}) > 5
    places = Counter(place_of(followed, track.number) for track in followed.history.tracks)
    assert places == {
        **{f"neck {k}": 1 for k in range(4)}, "pair": 2, "dying": 1, "blinking": 1, "channel": 1,
    }  # fmt: skip
    for track in followed.history.tracks:
        if place_of(followed, track.number) in ("neck 1", "neck 3", "channel"):
            assert (track.first, track.last, track.seen) == (0, FRAMES - 1, FRAMES)


def test_a_pore_that_flickers_in_and_out_of_existence_is_one_pore(followed: Lives) -> None:
    [track] = [t for t in followed.history.tracks if place_of(followed, t.number) == "blinking"]
    assert track.first == 1 and len(track.gaps) == 5  # away in frames 3, 6, 9, 12, 15
    assert all(gap.host is None and gap.first == gap.last for gap in track.gaps)


def test_the_flickering_neck_keeps_its_class(followed: Lives) -> None:
    [number] = [t.number for t in followed.history.tracks if place_of(followed, t.number) == "neck 1"]
    raw = {frame.class_name[list(frame.track).index(number)] for frame in followed.history.frames}
    assert raw == {"closed", "quasi-closed"}
    assert len(set(followed.held[number])) == 1


@pytest.mark.parametrize("noise", [0.05, pytest.param(0.1, marks=pytest.mark.slow)])
def test_thermal_noise_a_breathing_cell_and_a_drift_change_nothing(noise: float) -> None:
    random = np.random.default_rng(7)
    first, last = 4, 17
    # a ring of trembling atoms is as wide as its innermost lets it be: about twice the noise less
    frames = movie([scene(k, 2 * noise, blinking=False) for k in range(first, last)], noise, seed=1)
    drift = np.outer(0.02 * np.arange(last - first), np.ones(3))
    for shift, atoms in zip(drift, frames, strict=True):
        atoms.positions += shift
        atoms.set_cell(atoms.cell * (1 + 0.01 * random.uniform(-1, 1)), scale_atoms=True)
        atoms.wrap()
    # so much noise moves the pair's neck itself by a frame
    within = 1 if noise < 0.1 else 2
    check(follow(frames), {key: frame - first for key, frame in TRUTH.items()}, drift, within)


def test_shifting_and_wrapping_all_atoms_changes_no_track(clean: list[Atoms]) -> None:
    part = clean[7:13]
    moved = [atoms.copy() for atoms in part]
    for atoms in moved:
        atoms.positions += [3.3, -17.1, 5.7]
        atoms.wrap()
    before, after = follow(part), follow(moved)
    lived = [
        Counter((t.first, t.last, t.seen, t.end) for t in lives.history.tracks) for lives in (before, after)
    ]
    assert lived[0] == lived[1]
    events = [Counter((e.kind, e.place) for e in lives.events) for lives in (before, after)]
    assert events[0] == events[1] and events[0]
    void = [[frame.volume_A3.sum() for frame in lives.history.frames] for lives in (before, after)]
    np.testing.assert_allclose(void[0], void[1], rtol=1e-4)


def test_a_drift_of_many_angstroms_between_frames_is_no_change() -> None:
    one = movie([scene(0)])[0]
    frames = [one.copy() for _ in range(4)]
    for k, atoms in enumerate(frames):
        atoms.positions += k * np.array([7.0, -5.0, 3.0])
        atoms.wrap()
    lives = follow(frames)
    assert not lives.events
    assert all(track.seen == 4 for track in lives.history.tracks)


@pytest.mark.slow
def test_a_repeated_cell_has_every_event_as_often(clean: list[Atoms]) -> None:
    part = clean[7:12]
    once = Counter((event.kind, event.place) for event in follow(part).events)
    twice = Counter((event.kind, event.place) for event in follow([a.repeat((1, 1, 2)) for a in part]).events)
    assert once and twice == {key: 2 * count for key, count in once.items()}


@pytest.mark.slow
def test_played_backwards_the_movie_has_the_opposite_events(clean: list[Atoms]) -> None:
    opposite = {"merged": "split", "died": "born"}
    first, last = 6, 16
    truth = {
        (where, opposite.get(kind, kind.replace("lost", "reopened"))): last - frame
        for (where, kind), frame in TRUTH.items()
    }
    check(follow(clean[first:last][::-1]), truth)
