"""Asking a run to stop: signals become a request that the loop looks at between chunks."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from carbonize.errors import Interrupted

__all__ = ["Stop"]

_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")


class Stop:
    """Listens for SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 while its ``with`` block runs.

    Before :meth:`hold_on` a signal ends the work at once with :class:`Interrupted`: there is
    nothing to lose yet. After it the signal is noted in ``requested``, and a second Ctrl-C is a
    KeyboardInterrupt. A signal is noted in any case, and obeyed at the latest by the next
    :meth:`obey`, :meth:`hold_on` or :meth:`let_go`: Python drops what is raised while it collects
    garbage. Outside the main thread signals cannot be caught, and nothing is listened to.

    Attributes
    ----------
    requested
        Name of the signal that came, or None.
    """

    def __init__(self, said: Callable[[str], None]) -> None:
        self.requested: str | None = None
        self._said = said
        self._holding_on = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)
                if number is not None:
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before = {}

    def hold_on(self) -> None:
        """From now on a signal waits until the loop looks."""
        self._holding_on = True
        self.obey()

    def let_go(self) -> None:
        """From now on a signal ends the work at once: the state is safe on disk."""
        self._holding_on = False
        self.obey()

    def obey(self) -> None:
        """Raise Interrupted if a signal came before."""
        if self.requested is not None:
            raise Interrupted(f"stopped by {self.requested}; run the same command again to continue")

    def _heard(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        first = self.requested is None
        self.requested = self.requested or name
        if not self._holding_on:
            if not _collecting_garbage(frame):
                self.obey()
            return
        if not first and number == signal.SIGINT:
            raise KeyboardInterrupt
        if first:
            self._said(f"{name}: stopping after this chunk of steps, with a checkpoint")


def _collecting_garbage(frame: FrameType | None) -> bool:
    """Whether a callback of the garbage collector is what was interrupted (JAX has one)."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks:
            return True
        frame = frame.f_back
    return False
