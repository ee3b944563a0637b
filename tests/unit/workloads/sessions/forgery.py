"""Recordings altered on purpose: checksums, and digests in seals, are those of what was altered."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_workloads.sessions.frames import JOURNAL_HEADER, frames

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOME, SEAL = 6, 7


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes | bytearray, before: int = 0) -> int:
    """Return CRC-32C (RFC 3720), begun with that of what came before."""
    value = before ^ 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


@dataclass
class Frame:
    """A record: its kind and its payload."""

    kind: int
    payload: bytearray


def taken_apart(data: bytes, header: int) -> list[Frame]:
    """Return the frames of a file."""
    found = frames(np.frombuffer(data, np.uint8), header)
    return [Frame(one.kind, bytearray(data[one.begin : one.end])) for one in found]


def put_together(header: bytes, parts: list[Frame]) -> bytes:
    """Return a file with numbers and checksums as they ought to be."""
    data = bytearray(header)
    for number, part in enumerate(parts, 1):
        head = struct.pack("<IQB", len(part.payload), number, part.kind)
        checksum = crc32c(head)
        data += head + struct.pack("<I", checksum) + part.payload + struct.pack("<I", crc32c(part.payload, checksum))
    return bytes(data)


def forged_journal(journal: bytes, alter: Callable[[list[Frame]], None], specification: bytes | None = None) -> bytes:
    """Return a journal that was altered, its seals and, with another specification's digest, its header as well."""
    parts = taken_apart(journal, JOURNAL_HEADER)
    alter(parts)
    digests = [hashlib.sha256(), hashlib.sha256()]
    for part in parts:
        if part.kind == SEAL:
            part.payload[-64:] = digests[0].digest() + digests[1].digest()
        else:
            digests[part.kind == OUTCOME].update(struct.pack("<BI", part.kind, len(part.payload)) + part.payload)
    header = bytearray(journal[:JOURNAL_HEADER])
    header[32:64] = specification or header[32:64]
    header[-4:] = struct.pack("<I", crc32c(bytes(header[:-4])))
    return put_together(bytes(header), parts)
