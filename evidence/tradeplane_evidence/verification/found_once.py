"""What many ask for at the same time is found out once, and told to all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from tradeplane_evidence.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


async def found_once(
    found: dict[_Asked, asyncio.Task[_Answer]], asked: _Asked, find: Callable[[], Coroutine[Any, Any, _Answer]]
) -> _Answer:
    """Return what was found, or is being found, for all who ask the same."""
    task = found.get(asked)
    if task is None:
        task = found[asked] = asyncio.create_task(find())
    try:
        return await asyncio.shield(task)
    except EvidenceError:
        found.pop(asked, None)  # another may be told otherwise: a registry that was down is up again
        raise
