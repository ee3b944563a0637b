"""Heads at intervals: the end of the ledger, verified, signed, and published where who can change it cannot.

A head says that all before it was so. So nothing is signed that does not follow: the whole chain when the recorder
starts, and from the last published head on afterwards. Where it does not, or where that head is of no entry of it, the
recorder ends and says so; one more head would only make good what was changed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from tradeplane_evidence.errors import KeyRefused, Malformed, SignerUnavailable
from tradeplane_evidence.ledger.chain import Chain
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.entries import PREVIOUS, ROW
from tradeplane_evidence.ledger.errors import LedgerBroken, LedgerUnavailable
from tradeplane_evidence.ledger.heads import HEAD_TYPE, Head, moment_of, sign_head, verify_head
from tradeplane_evidence.ledger.reading import ROWS, verify
from tradeplane_evidence.ledger.schema import ENTRIES
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES, parse_bundle
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_evidence.statements.statement import parse_statement, parsed
from tradeplane_store.errors import AlreadyExists, InvalidStore, StoreError
from tradeplane_store.objects import ObjectStore, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Engine
    from tradeplane_evidence.signing.signer import Signer

DEFAULT_SECONDS, MIN_SECONDS, MAX_SECONDS = 3_600.0, 0.1, 604_800.0
_NAME = re.compile(r"^(\d{16})\.json$")

log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of heads to the recorder's."""
    heads = parser.add_argument_group("heads", "the end of the ledger, verified and signed at intervals")
    heads.add_argument("--heads", type=_store, help="URL of the store that they are written to; the next goes with it")
    heads.add_argument("--heads-signer", help="who signs: file:KEY.pem, awskms:///alias/NAME or pkcs11:token=...")
    heads.add_argument(
        "--heads-every", type=_seconds, default=DEFAULT_SECONDS, help="seconds from one to the next (%(default)g)"
    )


def _store(url: str) -> ObjectStore:
    try:
        return open_store(url)
    except InvalidStore as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    number = float(text)
    if not MIN_SECONDS <= number <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not between {MIN_SECONDS:g} and {MAX_SECONDS:g} seconds")
    return number


def name_of(sequence: int) -> str:
    """Return the name of the head of an entry: names sort as the heads do."""
    return f"{sequence:016d}.json"


def newest(names: Iterable[str]) -> str | None:
    """Return the newest of the names that are heads'; None where none is."""
    return max(filter(_NAME.match, names), default=None)


@dataclass(slots=True)
class Heads:
    """Publishes heads of one ledger in one store, by whoever signs there at that time."""

    engine: Engine
    store: ObjectStore
    signer: str
    """URI of who signs."""
    every: float = DEFAULT_SECONDS
    _followed: Head | None = field(default=None, init=False)
    """The newest head that was published, once the whole chain up to it was followed by this process."""

    async def run(self) -> None:
        """Publish until cancelled. Raises LedgerBroken, and what is no matter of time: a bad key, a bad database."""
        while True:
            try:
                await asyncio.to_thread(self.publish)
            except (LedgerUnavailable, StoreError, SignerUnavailable) as error:
                log.warning("no head is published, and it is tried again in %g seconds: %s", self.every, error)
            await asyncio.sleep(self.every)

    def publish(self) -> Head | None:
        """Verify what was appended since the last head; sign and publish the end of it, where there is more.

        Returns what was published. Raises LedgerBroken where nothing is to be signed; LedgerUnavailable, StoreError and
        SignerUnavailable where it may be later; InvalidKey, Malformed and LedgerRefused.
        """
        signer = open_signer(self.signer)
        last = self._last(signer)
        chain = self._follow(last)
        if last is not None and last.sequence > 0:
            self._followed = last
        if chain.sequence == (0 if last is None else last.sequence):
            return None
        head = Head(sequence=chain.sequence, hash=chain.hash, time=moment_of(datetime.now(UTC)))
        self._put(head, sign_head(head, signer), signer)
        self._followed = head
        return head

    def _follow(self, last: Head | None) -> Chain:
        known = {} if last is None else {last.sequence: last.hash}
        if self._followed is None:
            return verify(self.engine, known)
        return follow_on(self.engine, self._followed, known)

    def _last(self, signer: Signer) -> Head | None:
        """Return the newest head that was published, by this recorder or by another."""
        name = newest(self.store.list())
        found = None if name is None else self._read(name, signer)
        own = self._followed
        if own is not None and (found is None or found.sequence < own.sequence):
            log.error("the head of entry %d, published before, is not in %s any more", own.sequence, self.store.url)
            return own
        return found

    def _read(self, name: str, signer: Signer) -> Head:
        """Return a published head. The ledger is held to it whoever signed it: another key may have been used before.

        Raises Malformed for what is no head, or that of another entry than its name says, and SignatureRefused for one
        that was changed.
        """
        what = f"the head {self.store.url}/{name}"
        data = self.store.get(name, limit=MAX_BUNDLE_BYTES)
        try:
            head = verify_head(data, Keyring((TrustedKey(signer.public_key),)), what).head
        except KeyRefused:
            log.warning("%s was signed by another key than the one that signs now", what)
            head = _unverified(data, what)
        if name_of(head.sequence) != name:
            raise Malformed(f"{what} is of entry {head.sequence:,}; it was put there by another than the recorder")
        return head

    def _put(self, head: Head, data: bytes, signer: Signer) -> None:
        name = name_of(head.sequence)
        try:
            self.store.put_if_absent(name, data)
        except AlreadyExists as error:  # another recorder was quicker, or the answer to an earlier try was lost
            there = self._read(name, signer)
            if there.hash != head.hash:
                raise LedgerBroken(
                    f"{self.store.url}/{name} is a head of entry {head.sequence:,} with another hash: "
                    "there were two ledgers, and each was signed",
                    head.sequence,
                ) from error
        log.info("published a head", extra={"sequence": head.sequence, "hash": head.hash})


def follow_on(engine: Engine, start: Head, known: Mapping[int, str]) -> Chain:
    """Follow the chain from a head on, its own entry included. ``known``: hashes of later heads, by sequence.

    Raises LedgerBroken, LedgerUnavailable.
    """
    chain: Chain | None = None
    while rows := _rows(engine, start.sequence if chain is None else chain.sequence + 1):
        if chain is None:
            chain = Chain({**known, start.sequence: start.hash})
            # what stood before it is what it says itself, and its own hash, which covers that, is known
            chain.sequence, chain.hash = start.sequence - 1, rows[0][PREVIOUS]
        chain.follow(rows)
    if chain is None:
        raise LedgerBroken(
            f"entry {start.sequence:,} is not in the ledger, and its head was published: entries were removed",
            start.sequence,
        )
    chain.end()
    return chain


def _rows(engine: Engine, first: int) -> list[tuple[Any, ...]]:
    columns = ENTRIES.c
    wanted = select(*(columns[column] for column in ROW)).where(columns.sequence >= first)
    with asking(engine) as connection:
        return [tuple(row) for row in connection.execute(wanted.order_by(columns.sequence).limit(ROWS))]


def _unverified(data: bytes, what: str) -> Head:
    statement = parse_statement(parse_bundle(data).dsse_envelope.payload_bytes())
    if statement.predicate_type != HEAD_TYPE:
        raise Malformed(f"{what} is a statement of type {statement.predicate_type}, and no head of a ledger")
    return parsed(Head, statement.predicate, what)
