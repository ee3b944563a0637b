"""The audit ledger as an export has it: its files, and what is said of it as a whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.export import commands
from tradeplane_evidence.export.signatory import Signatory
from tradeplane_evidence.statements.statement import hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.folder import Folder
    from tradeplane_evidence.export.ledger_copy import KeptHead, LedgerCopy
    from tradeplane_evidence.export.ledger_records import ApprovalTold
    from tradeplane_evidence.export.records import Record


@dataclass(frozen=True, slots=True)
class ExportedHead:
    """A signed head that the ledger was compared with, and where its bundle is."""

    path: str
    sequence: int
    hash: str
    time: str
    key: str


@dataclass(frozen=True, slots=True)
class ExportedLedger:
    """What is said of a ledger. ``fault``: what is wrong with it, and from which entry on; nothing else is of it then.

    ``hash``: that of its last entry, which stands for all of them.
    """

    entries: int
    hash: str
    heads: tuple[ExportedHead, ...]
    fault: tuple[int, str] | None = None

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that verify it."""
        heads = [commands.of_head(Signatory(one.key), one.path, one.hash) for one in self.heads]
        return (commands.of_ledger(), *heads) if self.fault is None else tuple(heads)

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "verified": self.fault is None,
            "fault": None if self.fault is None else {"sequence": self.fault[0], "message": self.fault[1]},
            "path": commands.LEDGER if self.fault is None else None,
            "entries": self.entries,
            "hash": self.hash,
            "heads": [
                {"path": one.path, "sequence": one.sequence, "hash": one.hash, "time": one.time, "key": one.key}
                for one in self.heads
            ],
            "verify": [one.line for one in self.commands],
        }


def write_ledger(copy: LedgerCopy, approvals: Iterable[ApprovalTold], folder: Folder) -> ExportedLedger:
    """Write the files of a ledger: entries, heads, and the bundles of approvals. Raises TooLarge, OSError."""
    heads = {_head(one).path: one for one in copy.heads}
    for path, head in heads.items():
        folder.add(path, head.bundle)
    for approval in approvals:
        if approval.bundle is not None and approval.path is not None:
            folder.add(approval.path, approval.bundle)
    told = tuple(map(_head, heads.values()))
    if copy.broken is not None:
        return ExportedLedger(0, "", told, (copy.broken.sequence, str(copy.broken)))
    folder.add(commands.LEDGER, copy.lines)
    program = files("tradeplane_evidence.export") / f"{commands.CHECK_LEDGER}.txt"
    folder.add(commands.CHECK_LEDGER, program.read_bytes())
    return ExportedLedger(copy.sequence, copy.hash, told)


def with_configurations(records: Iterable[Record], copy: LedgerCopy, folder: Folder) -> tuple[Record, ...]:
    """Write what the runs ran by, as it was applied, each once; return the runs with where it is.

    Raises TooLarge, OSError, LedgerUnavailable.
    """
    paths: dict[str, str | None] = {}
    found = []
    for record in records:
        digest = None if record.ledger is None else record.ledger.configuration
        if digest is not None and digest not in paths:
            data = copy.configuration(digest)
            paths[digest] = (
                None if data is None else folder.add(f"configurations/{hexadecimal(digest)}.json", data).path
            )
        if record.ledger is None or digest is None:
            found.append(record)
        else:
            found.append(replace(record, ledger=replace(record.ledger, path=paths[digest])))
    return tuple(found)


def _head(one: KeptHead) -> ExportedHead:
    head = one.signed.head
    path = f"heads/{head.sequence}-{hashlib.sha256(one.bundle).hexdigest()[:16]}.sigstore.json"
    return ExportedHead(path, head.sequence, head.hash, head.time, one.signed.key)
