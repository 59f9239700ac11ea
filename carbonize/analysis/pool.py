"""Work in other processes: as many as wanted, in order, and none of them outlives this one.

Every worker is a fresh interpreter that is given functions and arguments over a pipe. Forked
processes would share the threads and locks of JAX; those of :mod:`multiprocessing` run the main
script again, which a script without ``if __name__ == "__main__"`` does not survive.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from carbonize.analysis.pool_process import read_message, write_message
from carbonize.errors import CarbonizeError, InputError

__all__ = ["Pool", "WorkerDied", "available_cores", "ordered_map", "worker_count"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from carbonize.analysis.pool_process import main; main(int(sys.argv[1]))"
)

_PATIENCE_S = 5.0

# as many workers as cores, each with as many threads as cores, would only wait for each other
_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip


class WorkerDied(CarbonizeError):
    """A worker process ended before its work was done."""


class Pool:
    """Worker processes that call functions; they are started when there is work for them.

    A function must be importable by name, it and its argument and result must be picklable.
    Workers use one thread each and ignore SIGINT, SIGTERM and SIGUSR1. They end with this process
    in whatever way it ends.

    Parameters
    ----------
    jobs
        How many processes at most.
    niceness
        How far they step back behind other processes (as ``nice``).
    """

    def __init__(self, jobs: int, niceness: int = 0) -> None:
        self._jobs = jobs
        self._niceness = niceness
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._alive = 0
        self._unfinished = 0
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers that run."""
        return [p.pid for p in self._processes if p.poll() is None]

    @property
    def broken(self) -> bool:
        """Whether all workers have died: nothing is done any more."""
        with self._lock:
            return self._alive == 0 and len(self._processes) == self._jobs

    def submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Have ``function(item)`` called; work is begun in the order in which it was submitted.

        The future's ``cancel`` succeeds as long as no worker has begun. Its ``result`` raises what
        the function raised, or :class:`WorkerDied`.

        Raises
        ------
        CarbonizeError
            If no process can be started.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise CarbonizeError("the worker processes have been stopped")
            self._unfinished += 1
            future.add_done_callback(self._count_down)
            if len(self._processes) < self._jobs and self._unfinished > self._alive:
                self._start()
            lost = self._alive == 0
            if not lost:
                self._tasks.put((future, (function, item)))
        if lost:
            future.set_exception(WorkerDied("no worker process is left"))
        return future

    def close(self) -> None:
        """End all workers at once; what they have not finished is cancelled."""
        with self._lock:
            self._closed = True
        for process in self._processes:
            process.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._cancel_rest()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        """One more worker; the lock is held."""
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(self._niceness), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **dict.fromkeys(_THREADS, "1")},
                start_new_session=True,  # Ctrl-C in a terminal is not for it
            )
        except (OSError, ValueError, TypeError) as err:
            self._unfinished -= 1
            raise CarbonizeError(f"a worker process cannot be started: {err}") from None
        self._processes.append(process)
        self._alive += 1
        thread = threading.Thread(target=self._serve, args=(process,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        """Hand tasks to one process until there are no more, or it has died."""
        assert process.stdin is not None
        assert process.stdout is not None
        # closing a broken pipe complains once more
        with contextlib.suppress(EOFError, OSError), process.stdin, process.stdout:
            read_message(process.stdout)  # it is ready; until then its work may go to others
            while (task := self._tasks.get()) is not None:
                future, request = task
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    well, value = self._call(process, request)
                except (EOFError, OSError):
                    self._lose(process)
                    future.set_exception(WorkerDied(_epitaph(process)))
                    return
                except Exception as err:  # what cannot be pickled
                    well, value = False, err
                (future.set_result if well else future.set_exception)(value)
        self._lose(process)

    @staticmethod
    def _call(process: subprocess.Popen[bytes], request: Any) -> tuple[bool, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        write_message(process.stdin, pickle.dumps(request, pickle.HIGHEST_PROTOCOL))
        return pickle.loads(read_message(process.stdout))

    def _lose(self, process: subprocess.Popen[bytes]) -> None:
        """A process is gone; with the last one goes what still waits."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PATIENCE_S)  # how it ended is told by its code
        process.kill()
        process.wait()
        with self._lock:
            self._alive -= 1
            last = self._alive == 0 and not self._closed
        if last:
            self._cancel_rest(WorkerDied("no worker process is left"))

    def _cancel_rest(self, error: WorkerDied | None = None) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return
            if task is None:
                continue
            if error is None:
                task[0].cancel()
            elif task[0].set_running_or_notify_cancel():
                task[0].set_exception(error)

    def _count_down(self, _: Future[Any]) -> None:
        with self._lock:
            self._unfinished -= 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int = 1,
    name: Callable[[Item], str] | None = None,
) -> Iterator[Result]:
    """Results of ``function`` for each item, in the order of the items.

    Parameters
    ----------
    function
        Importable by name (or a :func:`functools.partial` of such a function).
    items
        Taken one by one, at most twice as many as ``jobs`` before their results are given out.
    jobs
        Processes: 1 calls the function here, 0 takes as many as there are cores.
    name
        What to call an item in a message; "item 3" by default.

    Raises
    ------
    InputError
        If ``jobs`` is negative.
    CarbonizeError
        Naming the item, if its process died.
    Exception
        Whatever the function or the items raise, after the results of all items before.

    >>> list(ordered_map(abs, [-2, 3, -1]))
    [2, 3, 1]
    """
    jobs = worker_count(jobs)
    if jobs == 1:
        yield from map(function, items)
        return
    source = iter(items)
    waiting: deque[tuple[str, Future[Result]]] = deque()
    number = 0
    end: Exception | None = None
    with Pool(jobs) as pool:
        while True:
            while end is None and len(waiting) < 2 * jobs:
                try:
                    item = next(source)
                except Exception as err:  # also the StopIteration of a source that is done
                    end = err
                    break
                called = f"item {number}" if name is None else name(item)
                waiting.append((called, pool.submit(function, item)))
                number += 1
            if not waiting:
                break
            called, future = waiting.popleft()
            try:
                result = future.result()
            except WorkerDied as err:
                raise CarbonizeError(f"{called}: {err}; try fewer --jobs") from None
            yield result
    if not isinstance(end, StopIteration):
        assert end is not None
        raise end


def worker_count(jobs: int) -> int:
    """``jobs``, or the number of cores for 0.

    Raises
    ------
    InputError
        If it is negative.
    """
    if jobs < 0:
        raise InputError(f"--jobs {jobs}: expected a number of processes, or 0 for one a core")
    return jobs or available_cores()


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _epitaph(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    if code is None or code >= 0:
        return f"the process that worked on it ended (exit code {code})"
    with contextlib.suppress(ValueError):
        sign = signal.Signals(-code).name
        why = ", as when memory runs out" if sign == "SIGKILL" else ""
        return f"the process that worked on it was killed by {sign}{why}"
    return f"the process that worked on it was killed by signal {-code}"
