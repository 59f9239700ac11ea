"""The program of a worker process: calls functions for its parent, and ends when the parent does.

:mod:`carbonize.analysis.pool` starts it. A message is a length (8 bytes) and that many bytes of
pickle: from the parent a pair (function, item), to the parent one empty message when ready and
then a pair (whether it went well, result or exception) for each that came.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import sys
import threading
import traceback
from typing import IO

from carbonize.errors import CarbonizeError

__all__ = ["main", "read_message", "write_message"]

_LENGTH = struct.Struct("<Q")


def main(niceness: int) -> None:
    """Serve standard input until it ends; ``niceness`` lets other processes go first."""
    # signals are for the parent: it decides what becomes of the work, and its end is ours
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the messages
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    write_message(answers, b"")
    while True:
        answer = _answer(requests.get())
        try:
            write_message(answers, answer)
        except OSError:
            return  # nobody reads any more


def read_message(file: IO[bytes]) -> bytes:
    """The next message.

    Raises
    ------
    EOFError
        If the other side is gone.
    """
    (length,) = _LENGTH.unpack(_read(file, _LENGTH.size))
    return _read(file, length)


def write_message(file: IO[bytes], content: bytes) -> None:
    """Send a message.

    Raises
    ------
    OSError
        If the other side is gone.
    """
    file.write(_LENGTH.pack(len(content)))
    file.write(content)
    file.flush()


def _read(file: IO[bytes], length: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return content


def _listen(file: IO[bytes], requests: queue.SimpleQueue[bytes]) -> None:
    """Take requests in; a parent that is gone ends this process in the middle of its work."""
    while True:
        try:
            requests.put(read_message(file))
        except (EOFError, OSError):
            os._exit(0)


def _answer(request: bytes) -> bytes:
    try:
        function, item = pickle.loads(request)
        return pickle.dumps((True, function(item)), pickle.HIGHEST_PROTOCOL)
    except Exception as err:
        return pickle.dumps((False, _portable(err)), pickle.HIGHEST_PROTOCOL)


def _portable(error: Exception) -> Exception:
    """An exception as the parent can raise it again, with the place it comes from."""
    if not isinstance(error, CarbonizeError):
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        again = pickle.loads(pickle.dumps(error))
    except Exception:
        again = None
    if isinstance(again, type(error)):
        return error
    substitute = RuntimeError(f"{type(error).__name__}: {error}")
    substitute.add_note(f"in a worker process:\n{traceback.format_exc()}")
    return substitute
