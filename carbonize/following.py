"""The last thing a run does before its report: follow its pores through its trajectories."""

from __future__ import annotations

import contextlib

from carbonize.config import RunConfig
from carbonize.errors import CarbonizeError
from carbonize.io.files import append_json_line
from carbonize.io.rundir import RunPaths
from carbonize.io.trajectory import TrajectoryReader
from carbonize.observing import Observer
from carbonize.recording import now

__all__ = ["follow_pores"]


def follow_pores(paths: RunPaths, config: RunConfig, observer: Observer) -> None:
    """Write the life of the pores into the run folder.

    A run that has reached its end is not failed by this: what goes wrong becomes an event.
    """
    from carbonize.tracking.settings import Settings
    from carbonize.tracking.track import track_run

    found = sorted(paths.trajectories.glob("replica-*.gsd"))
    trajectories = {int(path.stem.removeprefix("replica-")): TrajectoryReader(path) for path in found}
    try:
        # a replica that broke down at its start has no frames
        trajectories = {replica: each for replica, each in trajectories.items() if len(each)}
        frames = sum(len(each) for each in trajectories.values())
        observer.said(f"following the pores through {frames} frames")
        if not frames:
            return
        track_run(trajectories, paths.tracking, config.name, Settings(config.analysis))
    except (CarbonizeError, OSError, MemoryError) as err:
        message = " ".join(str(err).splitlines()) or type(err).__name__
        observer.said(f"the pores could not be followed: {message}")
        with contextlib.suppress(CarbonizeError, OSError):
            append_json_line(paths.events, {"time": now(), "event": "tracking_failed", "message": message})
