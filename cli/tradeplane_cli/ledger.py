"""The audit ledger as the commands make it, verify it and show it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.configurations.kept import Kept, Named, check_kept
from tradeplane_evidence.errors import InvalidKey
from tradeplane_evidence.ledger.database import check, connect, url_of
from tradeplane_evidence.ledger.database import migrate as bring_up_to_date
from tradeplane_evidence.ledger.errors import LedgerBroken
from tradeplane_evidence.ledger.heads import Head, SignedHead, moment_of, sign_head, verify_head
from tradeplane_evidence.ledger.reading import head as last_entry
from tradeplane_evidence.ledger.reading import verify as follow
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.local_store import store_url
from tradeplane_cli.printing import GAP, pairs
from tradeplane_cli.progress import stage
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.trust import read_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.entries import Row


@dataclass(frozen=True, slots=True)
class LedgerVerified:
    """What following the whole chain came to; ``broken`` is None where all of it is as it was appended.

    ``kept``: what was found of the specifications and files that it names; None where the chain is broken.
    """

    entries: int
    hash: str
    heads: tuple[tuple[str, SignedHead], ...]
    """Signed heads that it was compared with, each with the name of its file."""
    broken: LedgerBroken | None = None
    kept: Kept | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        if self.broken is not None:
            return {"verified": False, "sequence": self.broken.sequence, "message": str(self.broken)}
        return {
            "verified": True,
            "entries": self.entries,
            "hash": self.hash,
            "heads": [{"file": file, **signed.head.plain(), "key": signed.key} for file, signed in self.heads],
            "payloads": None if self.kept is None else {"checked": self.kept.checked, "elsewhere": self.kept.elsewhere},
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        if self.broken is not None and self.hash:
            return f"{self._chain()}\nFAIL kept {GAP}{self.broken}"
        if self.broken is not None:
            return f"FAIL chain{GAP}{self.broken}"
        lines = [self._chain()]
        lines += [
            f"ok   head {GAP}{file}: entry {signed.head.sequence:,} of {signed.head.time}, by key {signed.key}"
            for file, signed in self.heads
        ]
        if not self.heads:
            lines.append(f"     head {GAP}none is given: that entries were removed from its end would not be seen")
        if self.kept is not None:
            lines.append(f"ok   kept {GAP}{_in_words(self.kept)}")
        return "\n".join(lines)

    def _chain(self) -> str:
        return f"ok   chain{GAP}{self.entries:,} entries, the last is {self.hash}"


def _in_words(kept: Kept) -> str:
    away = f"; {kept.elsewhere:,} in an object store were not looked at: name it by --store" if kept.elsewhere else ""
    return f"{kept.checked:,} specifications and files, each by its digest{away}"


@dataclass(frozen=True, slots=True)
class HeadShown:
    """The last entry of a ledger, and where it was signed."""

    head: Head
    file: str | None = None
    key: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        head = self.head
        return {"sequence": head.sequence, "hash": head.hash, "time": head.time, "file": self.file, "key": self.key}

    def as_text(self) -> str:
        """Lines for people."""
        rows = [(name.capitalize(), str(value)) for name, value in self.as_json().items() if value is not None]
        return pairs(rows)


def migrate(database: Path | None, appenders: Sequence[str], readers: Sequence[str]) -> dict[str, Any]:
    """Make the ledger's tables, or bring them up to date. Raises what the rooms below raise."""
    with _connected(database) as engine, stage("Migrating the ledger"):
        version = bring_up_to_date(engine, appenders=appenders, readers=readers)
    return {"version": version, "appenders": list(appenders), "readers": list(readers)}


def verify(
    database: Path | None, heads: Sequence[Path], keys: Sequence[Path], store: str | None = None
) -> LedgerVerified:
    """Follow the whole chain, compare it with heads that were signed, and read what it says was applied.

    ``store``: URL of where what is too large for the database lies, which is not looked at without. Raises what the
    rooms below raise.
    """
    signed, named = _signed_heads(heads, keys), Named()
    objects = None if store is None else open_store(store_url(store))
    with opened(database) as engine:
        try:
            sequence, digest = _followed(engine, signed, named.keep)
        except LedgerBroken as error:
            return LedgerVerified(0, "", signed, error)
        try:
            with stage("Reading what was applied") as say:
                kept = check_kept(engine, named, objects, lambda count: say(f"Reading what was applied: {count:,}"))
        except LedgerBroken as error:
            return LedgerVerified(sequence, digest, signed, error)
    return LedgerVerified(sequence, digest, signed, kept=kept)


def head(database: Path | None) -> HeadShown:
    """Return the last entry. Raises what the rooms below raise."""
    with opened(database) as engine:
        sequence, digest = last_entry(engine)
    return HeadShown(Head(sequence=sequence, hash=digest, time=moment_of(datetime.now(UTC))))


def signed_head(
    database: Path | None, heads: Sequence[Path], keys: Sequence[Path], signer_uri: str, out: Path
) -> HeadShown:
    """Follow the whole chain, and sign its end into a file. Raises LedgerBroken, and nothing is signed then."""
    signed = _signed_heads(heads, keys)
    signer = open_signer(signer_uri, passphrase())
    with opened(database) as engine:
        sequence, digest = _followed(engine, signed)
    found = Head(sequence=sequence, hash=digest, time=moment_of(datetime.now(UTC)))
    data = sign_head(found, signer)
    try:
        with out.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise CommandFailure(f"{out} is there already", remedy="heads are kept: name another file") from error
    except OSError as error:
        raise CommandFailure(f"{out} cannot be written: {error.strerror}") from error
    return HeadShown(found, str(out), signer.public_key.fingerprint)


@contextmanager
def opened(database: Path | None) -> Iterator[Engine]:
    """Connect to a ledger that is there. Raises InvalidDatabase, LedgerRefused, LedgerUnavailable."""
    with _connected(database) as engine:
        check(engine)
        yield engine


@contextmanager
def _connected(database: Path | None) -> Iterator[Engine]:
    engine = connect(url_of(database))
    try:
        yield engine
    finally:
        engine.dispose()


def _signed_heads(files: Sequence[Path], keys: Sequence[Path]) -> tuple[tuple[str, SignedHead], ...]:
    if not files:
        return ()
    keyring = read_keys(keys)
    return tuple((str(file), verify_head(head_bundle(file), keyring, f"the head {file}")) for file in head_files(files))


def head_files(named: Sequence[Path]) -> list[Path]:
    """Return the files of heads: those that are named, and those in folders that are. Raises CommandFailure."""
    return [one for file in named for one in _in_folder(file)]


def _in_folder(file: Path) -> list[Path]:
    """Return the heads in a folder, in the order of their names, or a file as it is. Raises CommandFailure."""
    if not file.is_dir():
        return [file]
    found = sorted(file.glob("*.json"))
    if not found:
        raise CommandFailure(f"the folder {file} has no heads", remedy="name one with .json files, or a file")
    return found


def head_bundle(file: Path) -> bytes:
    """Return the bundle of a signed head. Raises InvalidKey where it cannot be read."""
    try:
        with file.open("rb") as opened_file:
            return opened_file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InvalidKey(f"the head {file} cannot be read: {error.strerror}") from error


def _followed(
    engine: Engine, signed: Sequence[tuple[str, SignedHead]], keep: Callable[[Sequence[Row]], None] = lambda _: None
) -> tuple[int, str]:
    known: dict[int, str] = {}
    for file, one in signed:
        head = one.head
        if known.setdefault(head.sequence, head.hash) != head.hash:
            raise LedgerBroken(
                f"{file} and another head are both of entry {head.sequence:,} and differ: "
                "there were two ledgers, and each was signed",
                head.sequence,
            )
    with stage("Verifying the ledger") as say:
        chain = follow(engine, known, lambda sequence: say(f"Verifying the ledger: {sequence:,} entries"), keep)
    return chain.sequence, chain.hash
