"""What an export says, all of it: the page shows it and ``runs.json`` holds it, so that neither says more.

Pure. Nothing in it depends on when the export was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradeplane_evidence.export.commands import Command
    from tradeplane_evidence.export.discovery import PassedOver
    from tradeplane_evidence.export.exported_ledger import ExportedLedger
    from tradeplane_evidence.export.ledger_records import ApprovalTold
    from tradeplane_evidence.export.period import Period
    from tradeplane_evidence.export.published_keys import PublishedKey
    from tradeplane_evidence.export.published_trust import PublishedIdentity
    from tradeplane_evidence.export.records import Record
    from tradeplane_evidence.export.strategies import StatedRun

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Export:
    """All that an export says. Records are in order; nothing here depends on when it was made."""

    period: Period
    targets: tuple[str, ...]
    from_cluster: bool
    with_files: bool
    builders: tuple[str, ...] | None
    timestamped: bool
    images: bool
    """Whether the attestations of images that runs state were followed."""
    image_builders: tuple[str, ...] | None
    keys: tuple[PublishedKey, ...]
    authorities: tuple[str, ...]
    records: tuple[Record, ...]
    unattested: tuple[StatedRun, ...]
    passed_over: tuple[PassedOver, ...]
    whole: Command
    parameters: tuple[tuple[str, str], ...] = ()
    """What was asked of external parameters: name and value, any of one name."""
    identities: tuple[PublishedIdentity, ...] = ()
    """Those who are relied on by name."""
    differ: bool = False
    """Whether images or snapshots are signed by others than runs, which the file of trust tells then."""
    ledger: ExportedLedger | None = None
    """None where none was given."""
    approvals: tuple[ApprovalTold, ...] = ()

    @property
    def contradicted(self) -> tuple[Record, ...]:
        """The runs of which the ledger says another result than was signed."""
        return tuple(one for one in self.records if one.ledger is not None and one.ledger.agrees is False)

    @property
    def verified(self) -> tuple[Record, ...]:
        """The runs that passed each check."""
        return tuple(one for one in self.records if one.verified)

    @property
    def refused(self) -> tuple[Record, ...]:
        """The runs that did not."""
        return tuple(one for one in self.records if not one.verified)

    @property
    def passed(self) -> bool:
        """Whether all that is in it may be relied on, and nothing is known to be missing."""
        whole = self.ledger is None or self.ledger.fault is None
        return whole and not self.refused and not self.unattested and not self.contradicted

    def as_json(self) -> dict[str, Any]:
        """Return its fields as docs/evidence/export.md states them."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "kind": "EvidenceExport",
            "period": {"from": str(self.period.first), "to": str(self.period.last), "timeZone": "UTC"},
            "lookedAt": {"targets": list(self.targets), "clusterList": self.from_cluster, "files": self.with_files},
            "policy": {
                "builders": None if self.builders is None else list(self.builders),
                "parameters": [{"name": name, "value": value} for name, value in self.parameters],
                "requireTimestamp": self.timestamped,
                "images": self.images,
                "imageBuilders": None if self.image_builders is None else list(self.image_builders),
            },
            "keys": [one.as_json() for one in self.keys],
            "identities": [one.as_json() for one in self.identities],
            "timestampAuthorities": list(self.authorities),
            "runs": [one.as_json() for one in self.records],
            "unattested": [
                {"namespace": one.namespace, "strategy": one.strategy, "run": one.run, "finishedOn": one.finished}
                for one in self.unattested
            ],
            "passedOver": [{"reference": one.reference, "why": one.why} for one in self.passed_over],
            "approvals": None if self.ledger is None else [one.as_json() for one in self.approvals],
            "ledger": None if self.ledger is None else self.ledger.as_json(),
        }
