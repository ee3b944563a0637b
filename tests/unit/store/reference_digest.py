"""The digest of a table as docs/formats/digests.md states it, value by value in plain Python.

Written from the page and not from the product, to be compared with it: it shares no code, is slow, and is short.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 65_536
_INTEGERS = {f"{sign}int{bits}": (bits // 8, sign == "") for sign in ("", "u") for bits in (8, 16, 32, 64)}


def reference_digest(schema: Sequence[tuple[str, str]], columns: Sequence[Sequence[Any]]) -> tuple[str, list[str]]:
    text = json.dumps([list(field) for field in schema], separators=(",", ":"), ensure_ascii=False)
    head = hashlib.sha256(text.encode()).digest()
    rows = len(columns[0]) if columns else 0
    blocks = [
        _block(head, schema, [column[start : start + BLOCK] for column in columns]) for start in range(0, rows, BLOCK)
    ]
    whole = hashlib.sha256(b"tradeplane.table.v1\0" + head + struct.pack("<Q", rows) + b"".join(blocks))
    return "sha256:" + whole.hexdigest(), ["sha256:" + block.hex() for block in blocks]


def _block(head: bytes, schema: Sequence[tuple[str, str]], columns: Sequence[Sequence[Any]]) -> bytes:
    data = b"tradeplane.block.v1\0" + head + struct.pack("<Q", len(columns[0]))
    for (_, kind), values in zip(schema, columns, strict=True):
        nulls = any(value is None for value in values)
        data += b"\1" + bytes(value is not None for value in values) if nulls else b"\0"
        if kind in ("utf8", "binary"):
            texts = [b"" if value is None else value.encode() if kind == "utf8" else value for value in values]
            data += b"".join(struct.pack("<q", len(each)) for each in texts) + b"".join(texts)
        else:
            data += b"".join(_value(kind, value) for value in values)
    return hashlib.sha256(data).digest()


def _value(kind: str, value: Any) -> bytes:
    if kind in _INTEGERS:
        size, signed = _INTEGERS[kind]
        return int(value or 0).to_bytes(size, "little", signed=signed)
    if kind == "bool":
        return bytes([bool(value)])
    if kind in ("float32", "float64"):
        form = "<f" if kind == "float32" else "<d"
        if value is not None and math.isnan(value):
            return bytes.fromhex("0000c07f" if kind == "float32" else "000000000000f87f")
        return struct.pack(form, 0.0 if value is None else value)
    scale = int(kind.removeprefix("decimal128(").removesuffix(")").split(",")[1])
    with localcontext() as context:
        context.prec = 60
        return int(Decimal(value or 0).scaleb(scale)).to_bytes(16, "little", signed=True)
