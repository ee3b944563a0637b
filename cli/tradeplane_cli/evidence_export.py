"""Exporting the evidence of a period, as the command does it and shows it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.export.examination import Asking
from tradeplane_evidence.export.exporting import Exported, Request, export_evidence
from tradeplane_evidence.export.period import Period, read_period
from tradeplane_evidence.export.recording import RecordingRegistry
from tradeplane_evidence.export.strategies import MAX_STRATEGIES_BYTES, StatedRun, read_strategies
from tradeplane_evidence.registry.credentials import credentials_for
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.verification.signers import keyring_of

from tradeplane_cli.export_page.page import page
from tradeplane_cli.export_page.wording import plain_words, visible
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from tradeplane_evidence.export.contents import Export
    from tradeplane_evidence.export.ledger_copy import LedgerCopy
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import ChainSigners

    from tradeplane_cli.evidence import Links

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for. ``most_file_bytes`` is 0 where files are not asked for."""

    targets: Sequence[str]
    runs: str | None
    signers: ChainSigners
    """Who is relied on; heads and approvals by the keys of runs."""
    first: str
    last: str
    out: Path
    most_runs: int
    most_bytes: int
    most_file_bytes: int
    ledger: Path | None = None
    """The file with the URL of the ledger's database; none is exported where it is None."""
    heads: Sequence[Path] = ()
    most_ledger_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """An export that was written."""

    exported: Exported
    out: Path

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        export = self.exported.export
        return {
            "file": str(self.out),
            "from": str(export.period.first),
            "to": str(export.period.last),
            "verified": len(export.verified),
            "refused": [
                {"reference": one.reference, "message": visible(one.refusal.words), "error": one.refusal.error}
                for one in export.refused
                if one.refusal is not None
            ],
            "unattested": [visible(f"{one.namespace}/{one.strategy}/{one.run}") for one in export.unattested],
            "outside": self.exported.outside,
            "passedOver": len(export.passed_over),
            "ledger": None if export.ledger is None else export.ledger.as_json(),
            "approvals": None if export.ledger is None else len(export.approvals),
            "contradicted": [one.reference for one in export.contradicted],
            "files": self.exported.files,
            "checksums": f"sha256:{self.exported.checksums}",
        }

    def as_text(self) -> str:
        """Lines for people, refusals last."""
        export = self.exported.export
        rows = [
            ("File", str(self.out)),
            ("Period", f"{export.period.first} to {export.period.last}, UTC, both days included"),
            ("Verified", f"{len(export.verified):,}"),
            ("Refused", f"{len(export.refused):,}"),
            ("Of other days", f"{self.exported.outside:,}, left out"),
            ("Checksums", f"sha256:{self.exported.checksums} of SHA256SUMS, which stands for all of it"),
        ]
        refused = [
            f"FAIL {one.reference}: {plain_words(one.refusal)} ({visible(one.refusal.words)})"
            for one in export.refused
            if one.refusal is not None
        ]
        bare = [
            f"FAIL {visible(f'{one.namespace}/{one.strategy}/{one.run}')}: it succeeded, and has no attestation"
            for one in export.unattested
        ]
        if export.ledger is not None and export.ledger.fault is None:
            rows[-1:-1] = [
                ("Ledger", f"{export.ledger.entries:,} entries, the last is {export.ledger.hash}"),
                ("Approvals", f"{len(export.approvals):,}"),
            ]
        return "\n".join([pairs(rows), *refused, *bare, *_faults_of_the_ledger(export)])


def _faults_of_the_ledger(export: Export) -> list[str]:
    """Return lines for people on what is wrong with the ledger, and on where it and a run say different things."""
    fault = None if export.ledger is None else export.ledger.fault
    lines = [] if fault is None else [f"FAIL the ledger: {visible(fault[1])}"]
    lines += [
        f"FAIL {one.reference}: the ledger says that it came to {one.ledger.result}, and that is not what was signed"
        for one in export.contradicted
        if one.ledger is not None
    ]
    return lines


def export(wish: Wish, policy: Policy, links: Links | None, *, plain_http: bool) -> Written:
    """Write an export; images and snapshots are not looked at where nothing is asked of them.

    Raises CommandFailure, and what the rooms below raise.
    """
    if not wish.targets and wish.runs is None:
        raise CommandFailure(
            "nothing says which runs",
            remedy="name a repository, runs by reference, or --runs with a list of Strategies",
        )
    request = Request(
        targets=tuple(parse_reference(one) for one in wish.targets),
        stated=None if wish.runs is None else _stated(wish.runs),
        period=_period(wish),
        with_files=wish.most_file_bytes > 0,
        most_runs=wish.most_runs,
        most_bytes=wish.most_bytes,
    )
    if wish.ledger is None and wish.heads:
        raise CommandFailure(
            "a head is compared with a ledger, and none is given", remedy="give --ledger-database, or leave --head out"
        )

    def registry(host: str) -> RecordingRegistry:
        own = Reference(host, "any").is_loopback
        return RecordingRegistry(host, plain_http or own, credentials_for, most_file_bytes=wish.most_file_bytes)

    images, snapshots = (None, None) if links is None else (links.images, links.snapshots)
    asking = Asking(wish.signers, policy, datetime.now(UTC), registry, images, snapshots)
    with ExitStack() as held:
        if wish.ledger is not None:
            engine = held.enter_context(opened_ledger(wish.ledger))
            request = replace(request, ledger=_copied(engine, wish))
        say = held.enter_context(stage("Exporting evidence"))
        try:
            exported = asyncio.run(export_evidence(request, asking, wish.out, page, say))
        except OSError as error:
            raise CommandFailure(
                f"cannot write {wish.out}: {error.strerror or error}", remedy="name another place by --out"
            ) from error
    return Written(exported, wish.out)


def opened_ledger(database: Path) -> AbstractContextManager[Engine]:
    """Connect to a ledger, which is loaded only where one is asked for."""
    from tradeplane_cli.ledger import opened

    return opened(database)


def _copied(engine: Engine, wish: Wish) -> LedgerCopy:
    """Copy the ledger, and verify it against heads. Raises what the rooms below raise."""
    from tradeplane_evidence.export.ledger_copy import KeptHead, copy_ledger
    from tradeplane_evidence.ledger.heads import verify_head

    from tradeplane_cli.ledger import head_bundle, head_files

    keyring = keyring_of(wish.signers.runs)
    bundles = [(file, head_bundle(file)) for file in head_files(wish.heads)]
    kept = [KeptHead(verify_head(data, keyring, f"the head {file}"), data) for file, data in bundles]
    with stage("Copying the ledger") as say:
        most = wish.most_ledger_bytes
        return copy_ledger(engine, kept, most, lambda count: say(f"Copying the ledger: {count:,} entries"))


def _period(wish: Wish) -> Period:
    try:
        return read_period(wish.first, wish.last)
    except Malformed as error:
        raise CommandFailure(str(error)) from error


def _stated(name: str) -> tuple[StatedRun, ...]:
    try:
        if name == STANDARD_INPUT:
            return read_strategies(sys.stdin.buffer.read(MAX_STRATEGIES_BYTES + 1))
        with Path(name).open("rb") as file:
            return read_strategies(file.read(MAX_STRATEGIES_BYTES + 1))
    except OSError as error:
        raise CommandFailure(f"the list of Strategies {name} cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise CommandFailure(str(error)) from error
