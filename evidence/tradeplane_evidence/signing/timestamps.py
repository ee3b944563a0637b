"""Trusted timestamps: when a signature was there, by the word of somebody who has no part in it.

Source: RFC 3161 (Time-Stamp Protocol). What is stamped is the signature of the envelope, as a Sigstore bundle has it
(protobuf-specs, ``TimestampVerificationData``); the request names its SHA-256, so that an authority learns nothing of
what was signed. Checking of the answer's certificates is rfc3161-client's, the library of sigstore-python.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerifierBuilder,
    decode_timestamp_response,
)

from tradeplane_evidence.errors import InvalidKey, SignerUnavailable, TimestampRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rfc3161_client import Verifier

MAX_TIMESTAMP_BYTES = 65_536
MAX_CERTIFICATES = 8
ANSWER_LIMIT_S = 20.0
TRIES = 3
_PAUSE_S = 0.5
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """An authority whose timestamps are trusted: its certificate, those between, and the root, in this order."""

    chain: tuple[Certificate, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None

    @property
    def name(self) -> str:
        """Name of whom its certificate is for."""
        return self.chain[0].subject.rfc4514_string()

    def time_of(self, timestamp: bytes, signature: bytes) -> datetime:
        """Return when a signature was there. Raises TimestampRefused where this authority did not say so of it."""
        try:
            response = decode_timestamp_response(timestamp)
            self._verifier().verify_message(response, signature)
        except Exception as error:  # of the library, of its parser or of certificates in the answer: any refuses
            raise TimestampRefused(f"the timestamp is not one of {self.name} of this signature: {error}") from error
        found = response.tst_info.gen_time.astimezone(UTC)
        if (self.not_before and found < self.not_before) or (self.not_after and found > self.not_after):
            raise TimestampRefused(
                f"the timestamp is of {found:%Y-%m-%dT%H:%M:%SZ}, and {self.name} is not trusted then"
            )
        return found

    def _verifier(self) -> Verifier:
        leaf, *others = self.chain
        intermediates, roots = (others[:-1], others[-1:]) if others else ([], [leaf])
        return VerifierBuilder(tsa_certificate=leaf, intermediates=list(intermediates), roots=list(roots)).build()


def trusted_times(
    timestamps: Sequence[bytes], signature: bytes, authorities: Sequence[TimestampAuthority]
) -> list[tuple[datetime, str]]:
    """Return each time that an authority says a signature was there, and which one says so.

    Raises TimestampRefused where there are authorities and timestamps, and none of these is of those: it was changed,
    or is of another signature.
    """
    found, faults = [], []
    for timestamp in timestamps:
        for authority in authorities:
            try:
                found.append((authority.time_of(timestamp, signature), authority.name))
            except TimestampRefused as error:
                faults.append(error)
    if faults and not found:
        raise faults[0]
    return found


def read_chain(pem: bytes, what: str) -> tuple[Certificate, ...]:
    """Return the certificates of an authority from PEM, its own first and the root last. Raises InvalidKey."""
    try:
        chain = tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        raise InvalidKey(f"{what} is no chain of certificates in PEM: {error}") from error
    if len(chain) > MAX_CERTIFICATES:
        raise InvalidKey(f"{what} has {len(chain)} certificates, and a chain of at most {MAX_CERTIFICATES} is read")
    return chain


async def stamped(url: str, signature: bytes) -> bytes:
    """Return the timestamp of a signature by the authority at a URL, as it answered. Raises SignerUnavailable."""
    request = TimestampRequestBuilder().data(signature).hash_algorithm(HashAlgorithm.SHA256).build()
    fault = "it was not asked"
    timeout = aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        for tried in range(TRIES):
            await asyncio.sleep(_PAUSE_S * tried)
            try:
                answer = await _asked(session, url, request.as_bytes())
                if decode_timestamp_response(answer).tst_info.nonce == request.nonce:
                    return answer
                fault = "it answered to another request"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                fault = f"{type(error).__name__}: {error}"
    raise SignerUnavailable(f"the timestamp authority {url} gave no timestamp: {fault}; tried {TRIES} times")


async def _asked(session: aiohttp.ClientSession, url: str, request: bytes) -> bytes:
    headers = {"Content-Type": _QUERY, "Accept": _REPLY}
    async with session.post(url, data=request, headers=headers, allow_redirects=False) as response:
        body = await response.content.read(MAX_TIMESTAMP_BYTES + 1)
        while len(body) <= MAX_TIMESTAMP_BYTES and (more := await response.content.read(MAX_TIMESTAMP_BYTES)):
            body += more
    if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise ValueError(f"answer {response.status}")
    if len(body) > MAX_TIMESTAMP_BYTES:
        raise ValueError(f"an answer of more than {MAX_TIMESTAMP_BYTES:,} bytes")
    return body
