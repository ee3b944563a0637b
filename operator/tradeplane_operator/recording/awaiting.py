"""What is seen before it is told: a watch shows a change at once, and the audit log says a moment later whose it was.

So what would be entered as claimed is held back for a grace, and with it all that is seen of the same object after it,
for the ledger to have it in its order. Pure: who asks says what is known, and what the time is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def parted(seen: Sequence[T], object_of: Callable[[T], str], is_open: Callable[[T], bool]) -> tuple[list[T], list[T]]:
    """Part what was seen, in its order, into what can be entered and what waits.

    ``is_open`` says whether it has to wait by itself; what is of an object of which something waits, waits as well.
    """
    ready: list[T] = []
    waiting: list[T] = []
    held: set[str] = set()
    for one in seen:
        if object_of(one) in held or is_open(one):
            held.add(object_of(one))
            waiting.append(one)
        else:
            ready.append(one)
    return ready, waiting


def is_due(at: float, since: float, now: float, grace: float) -> bool:
    """Say whether the audit log had its time for what was seen ``at``; all in seconds, on a clock that nobody sets.

    ``since``: from when on it could be entered here: the start, or when the ledger was away last.
    """
    return now - max(at, since) >= grace
