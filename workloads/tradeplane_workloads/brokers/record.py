"""What a simulated exchange recorded, fetched into a file: the other half of a session's evidence.

No real venue has this request. The record is as it was when it was asked for; the exchange's specification, without
which it cannot be replayed, is put beside it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NoReturn

import aiohttp
from pydantic import ValidationError
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_store.canonical import canonical_json
from yarl import URL

from tradeplane_workloads.brokers.answers import value_of
from tradeplane_workloads.brokers.errors import EndpointUnreachable, NotTheApiExpected, shown
from tradeplane_workloads.brokers.signing import signed_query
from tradeplane_workloads.durable import sync_folder
from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.exchange.record_file import MAX_RECORD_BYTES, specification_beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tradeplane_api.venue import Endpoint

    from tradeplane_workloads.brokers.credentials import Credentials

RECORD_PATH, SPECIFICATION_PATH = "/tradeplane/v1/record", "/tradeplane/v1/specification"
SILENT_SECONDS = 10.0
"""How long nothing may come."""
MOST_SECONDS = 600.0
_SMALL = 1 << 20
_CHUNK = 1 << 16
_OK = 200


async def download_record(
    endpoint: Endpoint,
    credentials: Credentials,
    path: Path,
    *,
    skew_microseconds: int = 0,
    most_bytes: int = MAX_RECORD_BYTES,
) -> int:
    """Fetch an exchange's record into a file, and its specification beside it; return how many bytes the record has.

    The files are whole or not there. ``skew_microseconds``: the exchange's clock less ours. Raises BrokerError where
    the exchange does not record, refuses, or has more than ``most_bytes``; and StoreFailure.
    """
    timeout = aiohttp.ClientTimeout(total=MOST_SECONDS, sock_connect=SILENT_SECONDS, sock_read=SILENT_SECONDS)
    settings = {"Accept-Encoding": "identity", "User-Agent": "tradeplane", "X-MBX-APIKEY": credentials.api_key}
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, headers=settings, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        chunks = _get(session, endpoint, SPECIFICATION_PATH, credentials, skew_microseconds)
        specification = _specification(b"".join([chunk async for chunk in _limited(chunks, _SMALL, "specification")]))
        chunks = _get(session, endpoint, RECORD_PATH, credentials, skew_microseconds)
        length = await _keep(path, _limited(chunks, most_bytes, "record"))
    await _keep(specification_beside(path), _once(canonical_json(specification)))
    return length


async def _get(
    session: aiohttp.ClientSession, endpoint: Endpoint, path: str, credentials: Credentials, skew_microseconds: int
) -> AsyncIterator[bytes]:
    """Send a signed request and give what comes, all of it or an error."""
    timestamp = (time.time_ns() // 1_000 + skew_microseconds) // 1_000
    query = signed_query({}, credentials.api_secret, timestamp)
    what = f"GET {path}"
    try:
        url = URL(f"{endpoint.rest}{path}?{query}", encoded=True)
        async with session.get(url, allow_redirects=False) as response:
            if response.status != _OK:
                value_of(response.status, response.headers, await response.content.read(_CHUNK), what)
                raise NotTheApiExpected(f"{what}: answered {response.status}; check spec.endpoint.rest")
            async for chunk in response.content.iter_chunked(_CHUNK):
                yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        _fail(f"{what} at {endpoint.rest}", error)


async def _limited(chunks: AsyncIterator[bytes], most: int, named: str) -> AsyncIterator[bytes]:
    length = 0
    async for chunk in chunks:
        length += len(chunk)
        if length > most:
            raise NotTheApiExpected(f"the {named} of the exchange has more than {most} bytes; seal without it")
        yield chunk


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _keep(path: Path, chunks: AsyncIterator[bytes]) -> int:
    """Write a file that has its name when all of it is on disk."""
    temporary = path.with_name(f".{path.name}")
    length = 0
    try:
        with temporary.open("wb") as file:
            async for chunk in chunks:
                length += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be written ({error.strerror}); check the volume") from error
    finally:
        temporary.unlink(missing_ok=True)
    return length


def _specification(data: bytes) -> ExchangeSpecification:
    try:
        return ExchangeSpecification.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        raise NotTheApiExpected(
            f"GET {SPECIFICATION_PATH}: {shown(field)}: {shown(first['msg'])}; use an exchange of this release"
        ) from error


def _fail(what: str, error: Exception) -> NoReturn:
    if isinstance(error, TimeoutError):
        raise EndpointUnreachable(f"{what}: nothing came for {SILENT_SECONDS:g} s, or not all in {MOST_SECONDS:g} s; "
                                  "seal without it, or try again") from error  # fmt: skip
    raise EndpointUnreachable(f"{what}: {type(error).__name__}: {shown(error)}; is the exchange there?") from error
