"""SIGTERM, answered at once whatever the main thread is doing.

As the first process of a container we get no default action for it, and a handler of Python's waits for the main
thread, which may be inside the engine or a request. So a thread of its own waits for the signal; nothing needs undoing
first, since results exist only once their manifest is written.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_WORDS_SECONDS = 5.0
"""How long the last words (termination message, log) may take; a pod is killed 30 seconds after SIGTERM."""


def exit_on_sigterm(last_words: Callable[[], None]) -> None:
    """From now on, end the process on SIGTERM: run ``last_words`` for at most five seconds, then exit non-finally.

    Call it before any other thread starts, so that all threads leave the signal to this one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        speaking = threading.Thread(target=last_words, daemon=True)
        speaking.start()
        speaking.join(LAST_WORDS_SECONDS)
        os._exit(ExitCode.INTERNAL)

    threading.Thread(target=wait, name="sigterm", daemon=True).start()
