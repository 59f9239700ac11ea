"""Run a study on this machine: every run in a process of its own, one after the other or several at once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from carbonize.errors import Interrupted, SimulationError
from carbonize.io.files import make_subfolder
from carbonize.io.lock import describe_owner, lock_owner
from carbonize.io.study import StudyManifest, StudyRun
from carbonize.stopping import Stop
from carbonize.studies.child import Child, Outcome
from carbonize.studies.progress import forget_failure, glance, note_failure, settled

__all__ = ["StudyObserver", "run_study"]

_LOOK_S = 0.1
_LOOK_AT_OTHERS_S = 2.0


class StudyObserver(Protocol):
    """Told about a study as it goes."""

    def said(self, message: str) -> None:
        """One sentence about what happens now."""

    def looked(self, rows: Sequence[dict[str, Any]]) -> None:
        """How far all runs are, now and then; rows of :func:`carbonize.studies.progress.glance`."""


class _Work:
    """What is to be done, what is being done, and how it went."""

    def __init__(self, folder: Path, manifest: StudyManifest, report: bool) -> None:
        self.folder, self.manifest, self.report = folder, manifest, report
        self.todo: list[StudyRun] = []
        self.running: dict[int, tuple[StudyRun, Child]] = {}
        self.failed: dict[str, str] = {}
        self.stopped: dict[str, str] = {}
        self.finished = 0
        self.began, self.done_here = time.monotonic(), 0
        for run in manifest.runs:
            self._sort(run)

    def _sort(self, run: StudyRun) -> None:
        found = settled(self.folder / run.folder, self.report)
        if found is None:
            self.todo.append(run)
        else:
            self._note_end(run, found)

    def _note_end(self, run: StudyRun, found: dict[str, Any]) -> None:
        if found.get("status") == "finished":
            self.finished += 1
        else:
            self.failed[run.id] = str(found.get("message"))

    def next(self) -> StudyRun | None:
        """A run that nobody works on; runs that others have ended meanwhile are noted."""
        for run in list(self.todo):
            root = self.folder / run.folder
            if lock_owner(root) is not None:
                continue
            self.todo.remove(run)
            found = settled(root, self.report)
            if found is None:
                return run
            self._note_end(run, found)
        return None

    def next_is_taken(self) -> bool:
        """Whether somebody else works on every run that is left."""
        return all(lock_owner(self.folder / run.folder) is not None for run in self.todo)

    def ended(self, run: StudyRun, outcome: Outcome) -> str:
        """Note how a run ended; what to say of it."""
        root = self.folder / run.folder
        if outcome.code == 0:
            self.finished += 1
            self.done_here += 1
            return f"{run.id}: finished"
        if outcome.code == 75:
            self.stopped[run.id] = outcome.message
            return f"{run.id}: {outcome.message}"
        if lock_owner(root) is not None or (outcome.code == 2 and settled(root, self.report)):
            # another process was quicker
            self.todo.append(run)
            return f"{run.id}: {outcome.message}"
        with contextlib.suppress(Exception):  # a full disk may not take it; it is said all the same
            note_failure(root, outcome.code, outcome.message)
        self.failed[run.id] = outcome.message
        return f"{run.id}: failed: {outcome.message}"


def run_study(
    folder: Path,
    manifest: StudyManifest,
    command: Sequence[str],
    observer: StudyObserver,
    jobs: int = 1,
    report: bool = True,
) -> None:
    """Run what is unfinished of a study, and come back when all of it has ended.

    Parameters
    ----------
    folder, manifest
        The study.
    command
        The program of a run; see :class:`carbonize.studies.child.Child`.
    observer
        Who is told.
    jobs
        How many runs at once; they share the cores of the machine. One run alone shows its own
        progress, of several each writes ``<id>.txt`` into ``logs/``.
    report
        Whether each run gets a report.html.

    Raises
    ------
    Interrupted
        If a signal came: the runs in progress have checkpoints.
    SimulationError
        If runs failed; the others have reached their ends.
    """
    work = _Work(folder, manifest, report)
    logs = folder / "logs"
    if jobs > 1:
        make_subfolder(logs)
    with Stop(observer.said) as stop:
        stop.hold_on()
        waiting, looked = False, 0.0
        while work.todo or work.running:
            if stop.requested is not None:
                _stop_all(work, observer)
                break
            while len(work.running) < jobs and (run := work.next()) is not None:
                slot = min(set(range(jobs)) - work.running.keys())
                if jobs == 1:
                    observer.said(_overall(work, run))
                forget_failure(folder / run.folder)
                log = logs / f"{run.id}.txt" if jobs > 1 else None
                share, environment = _share(slot, jobs)
                options = [*([] if report else ["--no-report"]), *share]
                work.running[slot] = (run, Child([*command, *options], folder / run.folder, log, environment))
            for slot, (run, child) in list(work.running.items()):
                outcome = child.outcome()
                if outcome is not None:
                    del work.running[slot]
                    observer.said(work.ended(run, outcome))
            others = not work.running and bool(work.todo) and work.next_is_taken()
            if not others:
                waiting = False
            elif not waiting:
                waiting = True
                owner = describe_owner(lock_owner(folder / work.todo[0].folder))
                observer.said(f"waiting for {len(work.todo)} run(s) that others work on: {owner}")
            if jobs > 1 and time.monotonic() - looked > _LOOK_AT_OTHERS_S:
                looked = time.monotonic()
                observer.looked([glance(folder, run) for run in manifest.runs])
            time.sleep(_LOOK_AT_OTHERS_S if waiting else _LOOK_S)
        asked = stop.requested
    _conclude(work, asked)


def _stop_all(work: _Work, observer: StudyObserver) -> None:
    for _, child in work.running.values():
        child.stop()
    while work.running:
        for slot, (run, child) in list(work.running.items()):
            outcome = child.outcome()
            if outcome is not None:
                del work.running[slot]
                observer.said(work.ended(run, outcome))
        time.sleep(_LOOK_S)


def _conclude(work: _Work, asked: str | None) -> None:
    name, total = f"study {work.manifest.name}", len(work.manifest.runs)
    failed = "; ".join(f"{run}: {message}" for run, message in work.failed.items())
    if work.todo or work.stopped:
        why = f"stopped by {asked}" if asked else "; ".join(f"{r}: {m}" for r, m in work.stopped.items())
        also = f" (failed: {failed})" if failed else ""
        raise Interrupted(
            f"{name}: {why} with {work.finished} of {total} runs finished{also}; run the same command again to continue"
        )
    if failed:
        raise SimulationError(f"{name}: {len(work.failed)} of {total} runs failed: {failed}")


def _overall(work: _Work, run: StudyRun) -> str:
    number = len(work.manifest.runs) - len(work.todo)
    failed = f", {len(work.failed)} failed" if work.failed else ""
    left = ""
    if work.done_here:
        seconds = round((time.monotonic() - work.began) / work.done_here * (len(work.todo) + 1))
        left = f", about {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left"
    return (
        f"study {work.manifest.name}: run {number} of {len(work.manifest.runs)}, {run.id} "
        f"({work.finished} finished{failed}{left})"
    )


def _share(slot: int, jobs: int) -> tuple[list[str], dict[str, str]]:
    """Options and variables that give one of several runs its part of the machine."""
    if jobs == 1 or not hasattr(os, "sched_getaffinity"):
        return [], {}
    cores = sorted(os.sched_getaffinity(0))
    mine = cores[slot::jobs] or [cores[slot % len(cores)]]
    cards = [card for card in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if card]
    environment = {"CUDA_VISIBLE_DEVICES": cards[slot % len(cards)]} if len(cards) > 1 else {}
    return ["--cores", ",".join(map(str, mine))], environment
