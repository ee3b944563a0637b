"""Registries by their hosts, each opened once: what is followed from one thing to the next may lie in several."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference


class Registries(AsyncExitStack):
    """Opens registries as they are asked for; use it as a context. ``registry`` says how one is spoken to."""

    def __init__(self, registry: Callable[[Reference], Registry]) -> None:
        super().__init__()
        self._registry = registry
        self._opened: dict[str, Registry] = {}

    async def of(self, reference: Reference) -> Registry:
        """Return the registry that a reference is in."""
        if reference.host not in self._opened:
            self._opened[reference.host] = await self.enter_async_context(self._registry(reference))
        return self._opened[reference.host]
