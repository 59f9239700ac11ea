"""Run a protocol to its fixed end: start it, continue it, or say that it is finished."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from carbonize.config import RunConfig, load_protocol, parse_protocol
from carbonize.errors import InputError, SimulationError
from carbonize.following import follow_pores
from carbonize.io.files import check_folder, make_folder, read_json
from carbonize.io.lock import LOCK_NAME, RunLock, describe_owner
from carbonize.io.rundir import Run, RunPaths, load_run
from carbonize.manifest import check_prepared, check_same_run
from carbonize.observing import Observer, SilentObserver
from carbonize.session import Session
from carbonize.stopping import Stop

__all__ = ["run"]

# what a study has put there, and a start that was killed
_BEFORE_A_RUN = {LOCK_NAME, "protocol.yaml", "failure.json"}
_ENOUGH_ATOMS = 2**20  # a batch of so many keeps any of today's devices busy


def run(
    protocol: str | Path | Mapping[str, Any] | RunConfig,
    out: str | Path | None = None,
    observer: Observer | None = None,
    report: bool = True,
    replica: int | None = None,
    replicas: int | Literal["auto"] | None = None,
) -> Run:
    """Run a protocol to its end and return the opened run folder.

    Parameters
    ----------
    protocol
        A protocol file, its content as a mapping, or a :class:`carbonize.config.RunConfig`.
    out
        Run folder; default ``runs/<name>``. A folder that holds an unfinished run of the
        same protocol is continued, a finished one is returned as it is.
    observer
        Who is told about progress; default nobody.
    report
        Whether to write report.html and its figures at the end.
    replica
        Run only this one of the protocol's replicas: the very history it has in the batch.
    replicas
        How many replicas, instead of ``dynamics.replicas``; "auto": as many as the device's
        memory holds (on a CPU, one a core).

    Raises
    ------
    InputError
        If the protocol, its structure or the folder cannot be used; nothing is written then.
    SimulationError
        If a replica broke down, or the run cannot go on; what was written before is kept, and
        replicas that are sound have reached the end.
    Interrupted
        If SIGTERM, SIGINT or SIGUSR1 came; the run has a checkpoint and can be continued.
    """
    config = _as_config(protocol)
    paths = RunPaths(Path(out) if out is not None else Path("runs") / config.name)
    observer = observer or SilentObserver()
    check_folder(paths.root)
    auto = replicas == "auto"
    config = _with_replicas(config, _stored_replicas(paths) if auto else replicas)
    with Stop(observer.said) as stop:
        if _ended(paths, config, replica, observer, report):
            return load_run(paths.root)
        if paths.manifest.is_file():
            with _lock(paths, observer) as lock:
                if not _ended(paths, config, replica, observer, report):
                    _go(Session(config, paths, observer, _numbers(config, replica), stop), lock, stop, report)
        else:
            _start(config, paths, observer, replica, stop, report, auto)
    return load_run(paths.root)


def _start(
    config: RunConfig,
    paths: RunPaths,
    observer: Observer,
    replica: int | None,
    stop: Stop,
    report: bool,
    auto: bool,
) -> None:
    """A new run; with ``auto``, first find how many replicas fit."""
    from carbonize.simulation.memory import OutOfMemory

    session = Session(config, paths, observer, _numbers(config, replica), stop)
    if auto:
        config = _with_replicas(config, _most_replicas(config, session, observer))
        session = Session(config, paths, observer, _numbers(config, replica), stop)
    make_folder(paths.root)
    with _lock(paths, observer) as lock:
        if paths.manifest.is_file():
            raise InputError(
                f"{paths.root}: another process began a run here meanwhile; choose another --out"
            )
        while True:
            try:
                _go(session, lock, stop, report)
                return
            except OutOfMemory:
                fewer = _fewer(config)
                if not auto or fewer is None or paths.checkpoints.exists():
                    raise
                observer.said(
                    f"{config.dynamics.replicas} replicas do not fit into the device's memory: trying {fewer}"
                )
                config = _with_replicas(config, fewer)
                session = Session(config, paths, observer, _numbers(config, replica), stop)


def _go(session: Session, lock: RunLock, stop: Stop, report: bool) -> None:
    session.lock = lock
    session.go()
    stop.let_go()
    with session.watch("track_s"):
        follow_pores(session.paths, session.config, session.observer)
    session.manifest.write_again()
    if report:
        _write_report(session.paths, session.observer, session)
    if session.manifest.failed:
        raise SimulationError(str(read_json(session.paths.manifest).get("message")))


def _write_report(paths: RunPaths, observer: Observer, session: Session | None = None) -> None:
    from carbonize.report.page import write_report

    observer.said("writing the report")
    if session is None:
        write_report(paths.root)
    else:
        with session.watch("report_s"):
            write_report(paths.root)
        session.manifest.write_again()
    observer.ended()


def _as_config(protocol: str | Path | Mapping[str, Any] | RunConfig) -> RunConfig:
    if isinstance(protocol, RunConfig):
        return protocol
    if isinstance(protocol, Mapping):
        return parse_protocol(protocol)
    return load_protocol(protocol)


def _combinations(config: RunConfig) -> int:
    return len(config.structure.starts) * len(config.named_schedules)


def _with_replicas(config: RunConfig, replicas: int | Literal["auto"] | None) -> RunConfig:
    """The protocol with another number of replicas."""
    if replicas is None or isinstance(replicas, str):
        return config
    if replicas < 1:
        raise InputError(f"--replicas {replicas}: expected a number of at least 1, or auto")
    data = config.model_dump(mode="json", exclude_none=True)
    return parse_protocol({**data, "dynamics": {**data["dynamics"], "replicas": replicas}})


def _stored_replicas(paths: RunPaths) -> int | None:
    """How many replicas a run begun with ``--replicas auto`` has."""
    if not paths.manifest.is_file():
        return None
    found = read_json(paths.manifest).get("replicas")
    return found if type(found) is int else None


def _numbers(config: RunConfig, replica: int | None) -> list[int]:
    count = config.dynamics.replicas
    if replica is None:
        return list(range(count))
    if not 0 <= replica < count:
        raise InputError(
            f"--replica {replica}: the protocol has replicas 0 to {count - 1} (dynamics.replicas)"
        )
    return [replica]


def _ended(paths: RunPaths, config: RunConfig, replica: int | None, observer: Observer, report: bool) -> bool:
    """Whether the folder holds this run, at its end; refuses a folder with something else.

    Raises
    ------
    InputError
        If the folder holds something else.
    SimulationError
        If the run has ended and replicas had broken down.
    """
    if not paths.manifest.is_file():
        if paths.root.is_dir() and any(p.name not in _BEFORE_A_RUN for p in paths.root.iterdir()):
            raise InputError(f"{paths.root}: not empty and not a run folder; choose another --out")
        if paths.protocol.is_file():
            check_prepared(paths.protocol, config)
        return False
    manifest = read_json(paths.manifest)
    check_same_run(manifest, paths.protocol, config, _numbers(config, replica))
    if manifest.get("status") == "finished" or manifest.get("ended"):
        # a kill may have come between the end of the dynamics and these
        if paths.summary.is_file():
            if not (paths.tracking / "tracking.json").is_file():
                follow_pores(paths, config, observer)
            if report and not paths.report.is_file():
                _write_report(paths, observer)
        if manifest.get("failed"):
            raise SimulationError(f"{paths.root}: ended already: {manifest.get('message')}")
        observer.said(f"{paths.root}: finished already")
        return True
    return False


def _lock(paths: RunPaths, observer: Observer) -> RunLock:
    return _SpokenLock(paths.root, observer)


class _SpokenLock(RunLock):
    """A lock that says when it was left by a killed process."""

    def __init__(self, root: Path, observer: Observer) -> None:
        super().__init__(root)
        self._observer = observer

    def acquire(self) -> None:
        """See :class:`RunLock`."""
        super().acquire()
        if self.stale is not None:
            self._observer.said(f"the run was left by {describe_owner(self.stale)}, which is gone")


def _most_replicas(config: RunConfig, session: Session, observer: Observer) -> int:
    """How many replicas to run at once on this device: a multiple of what the protocol combines."""
    import jax

    from carbonize.simulation.memory import available_bytes, readable

    device, unit = jax.devices()[0], _combinations(config)
    each, free = session.bytes_per_replica(), available_bytes(device)
    fits = int(0.8 * free / each) if free is not None and each else unit
    if device.platform == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
        wanted, why = min(fits, cores), f"one a core ({cores})"
    else:
        wanted, why = min(fits, -(-_ENOUGH_ATOMS // session.n_atoms)), f"{session.n_atoms} atoms each"
    chosen = max(unit, wanted // unit * unit)
    room = "" if free is None else f" of {readable(free)} free"
    observer.said(
        f"--replicas auto: {chosen} replica(s) on {device.device_kind}, {readable(each)} each{room}; {why}"
    )
    return chosen


def _fewer(config: RunConfig) -> int | None:
    """Half as many replicas, or None where that is not possible."""
    unit = _combinations(config)
    half = config.dynamics.replicas // 2 // unit * unit
    return half if half >= unit else None
