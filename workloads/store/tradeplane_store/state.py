"""What a store knows of an object without reading it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectState:
    """Size in bytes, and when the object was written, in nanoseconds since the Unix epoch by the store's clock."""

    size: int
    written_ns: int
