"""The export, from what is asked for to the files: find the runs, verify each, write what was found.

The page itself is made by who calls, since this room has no templates: what it is given, ``Export``, is all that the
export says, and ``runs.json`` says the same.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed, RegistryRefused
from tradeplane_evidence.export import commands
from tradeplane_evidence.export.contents import Export
from tradeplane_evidence.export.discovery import Found, discover
from tradeplane_evidence.export.examination import Following, examine_all
from tradeplane_evidence.export.exported_ledger import with_configurations, write_ledger
from tradeplane_evidence.export.folder import staged
from tradeplane_evidence.export.images import write_images
from tradeplane_evidence.export.ledger_records import approvals_of, with_ledger
from tradeplane_evidence.export.published_keys import published
from tradeplane_evidence.export.published_trust import all_keys, published_identities, write_trust
from tradeplane_evidence.export.records import order
from tradeplane_evidence.export.run_files import write_run
from tradeplane_evidence.registry.opened import Registries
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import Images
from tradeplane_evidence.verification.signers import keyring_of
from tradeplane_evidence.verification.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tradeplane_evidence.export.examination import Asking
    from tradeplane_evidence.export.folder import Folder
    from tradeplane_evidence.export.images import Bills
    from tradeplane_evidence.export.ledger_copy import LedgerCopy
    from tradeplane_evidence.export.period import Period
    from tradeplane_evidence.export.records import Record
    from tradeplane_evidence.export.strategies import StatedRun
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.images import ImageClaim

PAGE, INDEX = "index.html", "runs.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be exported. ``targets``: runs by reference, and repositories, which are looked through."""

    targets: tuple[Reference, ...]
    stated: tuple[StatedRun, ...] | None
    """What a cluster states; None where it was not given."""
    period: Period
    with_files: bool
    most_runs: int
    most_bytes: int
    """Of all files together."""
    ledger: LedgerCopy | None = None
    """None where none was given."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that was written. ``outside``: runs that a trusted key says to be of other days.

    ``checksums``: SHA-256 of the list of checksums, which stands for all of it.
    """

    export: Export
    outside: int
    files: int
    checksums: str


async def export_evidence(
    request: Request, asking: Asking, target: Path, page: Callable[[Export], bytes], say: Callable[[str], None]
) -> Exported:
    """Write the export of what is asked for. ``say`` is told what goes on.

    Raises TooLarge, NotAttested, Malformed, OSError where it cannot be written, and what registries raise; there is
    nothing at the target then that was not there before.
    """
    with staged(target, request.most_bytes) as folder:
        say("Listing runs")
        found = await _find(request, asking)
        examined, outside = await _examine(request, asking, found, folder, say)
        export = _put_together(request, asking, found, examined)
        if request.ledger is not None:
            export = _with_ledger(export, request.ledger, asking, folder)
        say("Writing the page")
        write_trust(asking.signers, folder)
        folder.add(INDEX, json.dumps(export.as_json(), indent=2, ensure_ascii=True).encode() + b"\n")
        folder.add(PAGE, page(export))
        checksums = folder.seal()
    return Exported(export, outside, len(folder.files), checksums)


async def _find(request: Request, asking: Asking) -> Found:
    found = Found()
    for target in sorted(request.targets, key=str):
        async with asking.registry(target.host) as registry:
            if target.tag is None and target.digest is None:
                await discover(registry, target.repository, found, request.most_runs)
            elif target.digest is None:
                found.add(await _resolved(registry, target), f"given as {target}")
            else:
                found.add(target.at(target.digest), "given by reference")
    for run in request.stated or ():
        if run.reference is not None:
            found.add(run.reference, f"status of Strategy {run.namespace}/{run.strategy}")
    found.check(request.most_runs)
    return found


async def _resolved(registry: Registry, target: Reference) -> Reference:
    """Return what a tag names now; the tag itself where it names nothing, which is told as a run that is refused."""
    try:
        _, digest = await registry.manifest(target)
    except RegistryRefused as error:
        if error.status == 404:
            return target
        raise
    except Malformed:
        return target
    return target.at(digest)


async def _examine(
    request: Request, asking: Asking, found: Found, folder: Folder, say: Callable[[str], None]
) -> tuple[list[Record], int]:
    """Verify each run and write what was pulled of it, as it comes; return the records in order."""
    kept: list[tuple[tuple[str, ...], Record]] = []
    outside, count = 0, 0
    references = sorted(found.runs, key=str)
    made_by: list[ImageClaim] = []
    async with Registries(lambda image: asking.registry(image.host)) as registries:
        following = _following(asking, registries)
        async with aclosing(examine_all(references, asking, following)) as answers:
            async for one in answers:
                count += 1
                say(f"Verifying runs: {count:,} of {len(references):,}")
                if one.finished is not None and not request.period.includes(one.finished):
                    outside += 1
                    continue
                kept.append((order(one), write_run(one, asking, found.runs[one.reference], folder)))
                made_by += [one.verification.image] if one.verification.image is not None else []
        bills = await write_images(made_by, registries, folder)
    return [_with_bills(record, bills) for _, record in sorted(kept, key=lambda pair: pair[0])], outside


def _with_bills(record: Record, bills: Mapping[str, Bills]) -> Record:
    """Return a run with the bills of materials of the image that made it."""
    if record.image is None:
        return record
    return replace(record, image=replace(record.image, bills=bills[record.image.folder]))


def _following(asking: Asking, registries: Registries) -> Following:
    images, snapshots = asking.images, asking.snapshots
    return Following(
        images=None if images is None else Images(registries.of, Trust(asking.signers.images, images, asking.now)),
        snapshots=None
        if snapshots is None
        else Snapshots(registries.of, Trust(asking.signers.snapshots, snapshots, asking.now)),
    )


def _put_together(request: Request, asking: Asking, found: Found, records: Sequence[Record]) -> Export:
    policy, keys = asking.policy, all_keys(asking.signers)
    return Export(
        period=request.period,
        targets=tuple(sorted(map(str, request.targets))),
        from_cluster=request.stated is not None,
        with_files=request.with_files,
        builders=_sorted(policy.builders),
        timestamped=policy.timestamped,
        parameters=tuple(commands.parameters_of(policy)),
        images=asking.images is not None,
        image_builders=None if asking.images is None else _sorted(asking.images.builders),
        keys=published(keys),
        identities=published_identities(asking.signers),
        differ=asking.signers.differ,
        authorities=tuple(sorted(one.name for one in keys.authorities)),
        records=tuple(records),
        unattested=tuple(_unattested(request)),
        passed_over=tuple(sorted(set(found.passed_over), key=lambda one: (one.reference, one.why))),
        whole=commands.whole(),
    )


def _with_ledger(export: Export, ledger: LedgerCopy, asking: Asking, folder: Folder) -> Export:
    """Write the ledger, and have the runs say what it says of them."""
    records = with_ledger(export.records, ledger, keyring_of(asking.signers.runs))
    records = with_configurations(records, ledger, folder)
    approvals = approvals_of(records)
    return replace(export, records=records, approvals=approvals, ledger=write_ledger(ledger, approvals, folder))


def _sorted(builders: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if builders is None else tuple(sorted(builders))


def _unattested(request: Request) -> list[StatedRun]:
    """Return the runs of the cluster's list that have no attestation, those of other days left out."""
    missing = [one for one in request.stated or () if one.reference is None and _may_be_of(request.period, one)]
    return sorted(missing, key=lambda one: (one.namespace, one.strategy, one.finished or "", one.run))


def _may_be_of(period: Period, run: StatedRun) -> bool:
    """Say whether a run may be of a period: one whose time cannot be told is, so that it is not lost."""
    try:
        moment = datetime.fromisoformat(run.finished or "")
        return period.includes(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):  # no time, or one that is of no year in UTC
        return True
