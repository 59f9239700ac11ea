"""A signal to stop is obeyed, whatever Python does at that moment."""

from __future__ import annotations

import contextlib
import gc
import os
import signal

import pytest

from carbonize.errors import Interrupted
from carbonize.stopping import Stop


def send(name: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), name)
    signal.pthread_sigmask(signal.SIG_BLOCK, [])  # a look at pending signals


def test_before_holding_on_it_ends_the_work_at_once() -> None:
    with pytest.raises(Interrupted, match="SIGTERM"), Stop(lambda _: None):
        send()
        pytest.fail("the signal was not heard")


def test_while_garbage_is_collected_it_is_noted_and_obeyed_next(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[str] = []

    def callback(phase: str, _: dict[str, int]) -> None:
        if phase == "start" and not sent:
            sent.append(phase)
            send()

    gc.callbacks.append(callback)
    try:
        with Stop(lambda _: None) as stop:
            gc.collect()
            assert sent
            assert stop.requested == "SIGTERM"
            with pytest.raises(Interrupted, match="SIGTERM"):
                stop.hold_on()
    finally:
        gc.callbacks.remove(callback)
    assert "ignored" not in capsys.readouterr().err


@pytest.mark.parametrize("look", [Stop.hold_on, Stop.let_go, Stop.obey])
def test_one_that_others_caught_is_obeyed_next(look: object) -> None:
    assert callable(look)
    with Stop(lambda _: None) as stop:
        with contextlib.suppress(Exception):
            send()
        with pytest.raises(Interrupted, match="SIGTERM"):
            look(stop)


def test_holding_on_it_waits_is_told_once_and_a_second_ctrl_c_is_heard() -> None:
    said: list[str] = []
    with Stop(said.append) as stop:
        stop.hold_on()
        send(signal.SIGUSR1)
        send(signal.SIGTERM)
        assert stop.requested == "SIGUSR1"
        assert len(said) == 1
        assert "SIGUSR1" in said[0]
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_handlers_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stop(lambda _: None):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
