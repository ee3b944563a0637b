"""Global tables with multi-Region strong consistency, which moto has none of: one table in several regions.

A replica is a table of moto's own in its region, so that protection, backups, tags and policies are each region's, as
AWS has it; items are the same in all of them from the moment of a write, which is what strong consistency promises.
How a write comes to be acknowledged by two regions of three is not reproduced, nor is a witness more than its name.
Developer Guide of DynamoDB, "Multi-Region strong consistency", and ``UpdateTable`` of its API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult

if TYPE_CHECKING:
    import pytest

_moto_update: Any = DynamoHandler.update_table
_moto_describe: Any = Table.describe


@dataclass
class _Group:
    """Which regions have a table, and which one votes."""

    regions: list[str]
    witness: str | None


def extend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto make global tables, tell of them, and take them apart."""
    monkeypatch.setattr(DynamoHandler, "update_table", _update)
    monkeypatch.setattr(Table, "describe", _describe)


def _update(handler: Any) -> Any:
    """Change a table as moto does, and its replicas as the request says."""
    answer = _moto_update(handler)
    changes, witnesses = handler.body.get("ReplicaUpdates", []), handler.body.get("GlobalTableWitnessUpdates", [])
    if not changes and not witnesses:
        return answer
    backend = handler.dynamodb_backend
    table = backend.get_table(handler.body["TableName"])
    created = [one["Create"]["RegionName"] for one in changes if "Create" in one]
    deleted = [one["Delete"]["RegionName"] for one in changes if "Delete" in one]
    if created:
        _spread(table, backend, created, _named(witnesses, "Create"), handler.body.get("MultiRegionConsistency"))
    if deleted:
        _withdraw(table, backend, deleted, _named(witnesses, "Delete"))
    return DynamoResult(table.describe())


def _named(witnesses: list[dict[str, Any]], action: str) -> str | None:
    return next((one[action]["RegionName"] for one in witnesses if action in one), None)


def _spread(table: Any, backend: Any, regions: list[str], witness: str | None, consistency: str | None) -> None:
    """Have other regions have a table too."""
    if consistency != "STRONG":
        raise MockValidationException("this cloud has global tables with strong consistency alone")
    if len(regions) + (witness is not None) != 2:
        raise MockValidationException("Unsupported table replica count for global tables with strong consistency")
    if len(table):
        raise MockValidationException("a table that is not empty cannot become one with strong consistency")
    table.group = _Group([backend.region_name, *regions], witness)
    for region in regions:
        replica: Any = dynamodb_backends[backend.account_id][region].create_table(
            table.name,
            schema=table.schema,
            throughput=None,
            attr=table.attr,
            global_indexes=[],
            indexes=[],
            streams=None,
            billing_mode=table.billing_mode,
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )
        replica.items, replica.group = table.items, table.group


def _withdraw(table: Any, backend: Any, regions: list[str], witness: str | None) -> None:
    """Leave a table to one region. Of one with strong consistency all others go at once, as AWS has it."""
    group = table.group
    if {*regions, backend.region_name} != set(group.regions) or witness != group.witness:
        raise MockValidationException("replicas and witness of a table with strong consistency are deleted together")
    for region in regions:
        dynamodb_backends[backend.account_id][region].delete_table(table.name)
    table.group = None


def _describe(table: Any, base_key: str = "TableDescription") -> dict[str, Any]:
    """Tell of a table, and of the other regions that have it."""
    told: dict[str, Any] = _moto_describe(table, base_key)
    group: _Group | None = getattr(table, "group", None)
    if group is not None:
        others = [region for region in group.regions if f":{region}:" not in table.table_arn]
        told[base_key] |= {
            "GlobalTableVersion": "2019.11.21",
            "MultiRegionConsistency": "STRONG",
            "Replicas": [{"RegionName": region, "ReplicaStatus": "ACTIVE"} for region in others],
            "GlobalTableWitnesses": [{"RegionName": group.witness, "WitnessStatus": "ACTIVE"}] if group.witness else [],
        }
    return told
