"""Digests of documents: SHA-256 over canonical JSON (RFC 8785), so that equal content has one name.

A document is digested with every field present, defaults and nulls written out: what a reader would otherwise have to
know about defaults is in the bytes. The digests of records (tables) are in ``tradeplane_store.records``, apart because
they need Arrow and this module must not. The formats are stated in docs/formats/digests.md.

Numbers with a fraction are spelled as ECMAScript does, which a writer in Python knows; what has none, and only ASCII in
its names, orjson writes to the same bytes at some forty times the speed. An operator writes several documents a run.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import orjson
import rfc8785
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradeplane_api.base import Document
    from tradeplane_api.exchange import ExchangeSpecification
    from tradeplane_api.run import Part, RunSpecification, Summary

RESULT_FORMAT_VERSION = 1
"""Version of what ``result_digest`` covers; raised when its fields or the tables' columns change meaning."""
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical_json(value: object) -> bytes:
    """Return the canonical JSON (RFC 8785) of a document or of plain JSON values, UTF-8, without a final newline.

    Raises ValueError for what JSON cannot carry exactly: NaN, infinities, integers beyond 2**53 - 1, lone surrogates.
    """
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    if _orjson_writes_it_alike(plain):
        with contextlib.suppress(orjson.JSONEncodeError):  # what has no canonical form, or too many levels
            return orjson.dumps(plain, option=_SORTED)
    try:
        return rfc8785.dumps(plain)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"this has no canonical JSON form: {error}") from error


def _orjson_writes_it_alike(value: object) -> bool:
    """Return whether a value has no number with a fraction, and no name whose place depends on the encoding.

    RFC 8785 (section 3.2.3) sorts names by UTF-16 code units, and orjson by UTF-8: of ASCII that is the same order.
    """
    kind = type(value)
    if kind is dict:
        return all(
            type(name) is str and name.isascii() and _orjson_writes_it_alike(one)
            for name, one in value.items()  # type: ignore[attr-defined]
        )
    if kind is list or kind is tuple:
        return all(map(_orjson_writes_it_alike, value))  # type: ignore[call-overload]
    return kind is str or kind is int or kind is bool or value is None


def sha256_digest(data: bytes | bytearray | memoryview) -> str:
    """Return the digest of bytes as the OCI image specification spells it, ``sha256:<64 hex digits>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def document_digest(document: Document | Mapping[str, Any]) -> str:
    """Return the digest of the canonical JSON of a document, or of one given as plain JSON values."""
    return sha256_digest(canonical_json(document))


def market_bytes(specification: ExchangeSpecification) -> bytes:
    """Return what decides an exchange's outcomes besides its inputs, as canonical JSON; a record names its digest."""
    return canonical_json(
        specification.model_dump(mode="json", by_alias=True, include=set(specification.market_fields))
    )


def run_digest(specification: RunSpecification) -> str:
    """Return the digest of what decides a run's result: simulation, snapshots, image and format version.

    The run's name is left out: asking for the same again under another name has the same run digest.
    """
    decides = specification.model_dump(mode="json", by_alias=True, exclude={"run"})
    return sha256_digest(canonical_json({"kind": "Run", **decides}))


def result_digest(parts: Iterable[Part], summary: Summary, format_version: int = RESULT_FORMAT_VERSION) -> str:
    """Return the digest of what a run found: name, rows and digest of each part (by name), and the summary.

    It holds nothing of where or when the run took place, so it is equal on every host.
    """
    listed = [{"digest": part.digest, "name": part.name, "rows": part.rows} for part in parts]
    listed.sort(key=lambda part: str(part["name"]))
    found = {
        "formatVersion": format_version,
        "kind": "Results",
        "parts": listed,
        "summary": summary.model_dump(mode="json", by_alias=True),
    }
    return sha256_digest(canonical_json(found))


def files_digest(files: Mapping[str, str]) -> str:
    """Return the digest over all files of a run's results, from the digests of their bytes by name.

    Of bytes, unlike ``result_digest``: whoever has the files, and reads no tables, tells by it whether one was changed.
    """
    return sha256_digest(canonical_json({"files": dict(files), "formatVersion": 1, "kind": "ResultFiles"}))
