"""Functions that worker processes are given in tests."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from carbonize.errors import InputError


class OddError(Exception):
    """Cannot be pickled: its argument is not what it was made of."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("odd")


def square(number: int) -> int:
    return number * number


def slowly(seconds: float) -> float:
    """The sooner its turn, the later it is done."""
    time.sleep(seconds)
    return seconds


def fail_at_three(number: int) -> int:
    if number == 3:
        raise InputError(f"number {number} is not wanted")
    return number


def raise_odd(_: int) -> None:
    raise OddError(1, 2)


def die_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def own_pid(_: Any) -> int:
    time.sleep(0.05)
    return os.getpid()


def surroundings(names: list[str]) -> dict[str, Any]:
    print("a library that talks")  # must not reach the parent as an answer
    return {
        "threads": {name: os.environ.get(name) for name in names},
        "jax": "jax" in sys.modules,
        "session": os.getsid(0),
    }


def write_pid_and_sleep(path: str) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)
