"""Payloads by their digest: written once, checked by each reader. Small ones are in Postgres, large ones in the store.

A specification is one payload, and so is what it refers to that has no version of its own: a model's file, a policy,
a file of parameters. Nothing here says what a payload is for; the ledger does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.errors import AlreadyExists, NotFound

from tradeplane_evidence.errors import DigestMismatch, InvalidReference, Malformed, NotAttested
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.schema import PAYLOADS

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from tradeplane_store.objects import ObjectStore

MAX_INLINE_BYTES = 64 * 1024
"""What is larger goes to the object store: a database is backed up whole, and read through one process."""
MAX_PAYLOAD_BYTES = 512 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Payloads:
    """The payloads of a database, and of the store where there is one. Its methods raise what these raise as well."""

    def __init__(self, engine: Engine, store: ObjectStore | None = None) -> None:
        self._engine = engine
        self._store = store

    def put(self, data: bytes) -> str:
        """Keep bytes, and return their digest; what is there already stays as it is.

        Raises Malformed where there are more than ``MAX_PAYLOAD_BYTES``, or more than go into the database and there is
        no store; DigestMismatch where other bytes lie in their place.
        """
        if len(data) > MAX_PAYLOAD_BYTES:
            raise Malformed(f"a payload of {len(data):,} bytes is over the limit of {MAX_PAYLOAD_BYTES:,}")
        digest = sha256_digest(data)
        inline = len(data) <= MAX_INLINE_BYTES
        if not inline:  # first where it lies, and then that it does: what a reader is sent to is there
            self._put_into_store(digest, data)
        row = {"digest": digest, "size": len(data), "content": data if inline else None}
        with asking(self._engine) as connection:
            connection.execute(insert(PAYLOADS).values(row).on_conflict_do_nothing())
        self.get(digest, limit=len(data))
        return digest

    def get(self, digest: str, *, limit: int = MAX_PAYLOAD_BYTES) -> bytes:
        """Return the bytes of a digest, which they have.

        Raises InvalidReference for what is no digest, NotAttested where there are none, Malformed where there are more
        than ``limit``, DigestMismatch.
        """
        if _DIGEST.fullmatch(digest) is None:
            raise InvalidReference(f"{digest[:80]!r} is no digest: sha256: and 64 hexadecimal digits in lower case")
        query = select(PAYLOADS.c.size, PAYLOADS.c.content).where(PAYLOADS.c.digest == digest)
        with asking(self._engine) as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            raise NotAttested(f"no payload has the digest {digest}; it was not recorded in this database")
        size, content = found
        if size > limit:
            raise Malformed(f"the payload {digest} has {size:,} bytes, and at most {limit:,} are read")
        data = self._from_store(digest, limit) if content is None else bytes(content)
        if sha256_digest(data) != digest:
            raise DigestMismatch(f"the payload {digest} was changed: what lies there is {sha256_digest(data)}")
        return data

    def _put_into_store(self, digest: str, data: bytes) -> None:
        if self._store is None:
            raise Malformed(
                f"a payload of {len(data):,} bytes is more than the {MAX_INLINE_BYTES:,} that go into the database, "
                "and no store is named"
            )
        try:
            self._store.put_if_absent(_name(digest), data)
        except AlreadyExists:
            return  # the same, or it is found by the reader below

    def _from_store(self, digest: str, limit: int) -> bytes:
        if self._store is None:
            raise NotAttested(f"the payload {digest} lies in an object store, and none is named; name it")
        try:
            return self._store.get(_name(digest), limit=limit)
        except NotFound as error:
            raise NotAttested(
                f"the payload {digest} is not in {self._store.url}: it was removed there, or lies in another store"
            ) from error


def _name(digest: str) -> str:
    return f"configurations/{digest.removeprefix('sha256:')}"
