"""Ends before the end: a person's interrupt, and programs that Pulumi leaves behind when an update fails."""

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CoroutineType

_PROGRAM = "run_in_stack"
"""Pulumi's coroutine that runs a program."""
_told: list[threading.Event] = []
"""Whoever is told of the next interrupt, the outermost first."""


@contextmanager
def finishing_on_interrupt(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Let ``pulumi`` end by itself on the first interrupt; yields what says whether there was one.

    A terminal interrupts it as well as this process. It begins nothing more then, finishes what is under way and
    records it, for which it needs the program that runs here. A second interrupt ends both at once. Of blocks within
    each other, the outer is told of the interrupt too.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        for one in _told:
            one.set()
        say("stopping; what is under way is finished first")

    _told.append(asked)
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
        _told.remove(asked)


@contextmanager
def abandoned_programs_unsaid() -> Iterator[None]:
    """Drop programs that were left in the middle without a word of Python's about it.

    Where an update fails, Pulumi's SDK (3.272) closes the event loop of a program that still waits for the engine, and
    gRPC logs what it then raises. Both would be on standard error, below the error that a person is to read.
    """
    logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
    before = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        left = unraisable.object
        if not (isinstance(left, CoroutineType) and left.__name__ == _PROGRAM):
            before(unraisable)

    try:
        yield
    except Exception:
        sys.unraisablehook = hook
        try:
            gc.collect()
        finally:
            sys.unraisablehook = before
        raise
