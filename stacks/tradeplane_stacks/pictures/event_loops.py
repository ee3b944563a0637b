"""An event loop for a program that is run on Pulumi's mocks, and one for each thread that the SDK hands work to."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def event_loop() -> Iterator[None]:
    """Give Pulumi a loop, and one to each thread that it hands work to: it asks for them, and closes none."""
    loops = [asyncio.new_event_loop()]

    def begin_thread() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    loop = loops[0]
    loop.set_default_executor(ThreadPoolExecutor(4, initializer=begin_thread))
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        for one in loops:
            one.close()
