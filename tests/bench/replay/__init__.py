"""How fast the event engine is, beside hftbacktest and NautilusTrader, and with a Python callback; parity of sessions.

Processor time of the one thread is what counts, for all. Ours takes digests of its log. What differs from the peers is
in ``docs/engine-events.md`` and ``docs/benchmarks.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.replay import callbacks, quoting, sessions, start

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.bench.records import Record


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is.

    Raises AssertionError where a peer's decisions or counts are not ours, FileNotFoundError where the recording is
    missing.
    """
    asked = tuple(names) or ("replay",)
    measured: list[Record] = []
    books = {name: book for name, book in quoting.BOOKS.items() if name.startswith(asked)}
    if books:
        measured.extend(quoting.against_hftbacktest(books))
    if callbacks.NAUTILUS.startswith(asked):
        measured.append(callbacks.against_nautilus())
    if callbacks.RATE.startswith(asked):
        measured.append(callbacks.rate())
    if sessions.NAME_OF_RECORD.startswith(asked):
        measured.append(sessions.parity_fraction())
    if start.NAME_OF_RECORD.startswith(asked):
        measured.append(start.container_to_first_event())
    return measured
