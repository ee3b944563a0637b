"""Types of DynamoDB: a table in one region or in several, who may use it, and an item of it.

A table with replicas is made as the provider makes one with strong consistency: first the table, then all replicas and
the witness by one request, and then what is each region's own. Replicas are changed, and neither added nor removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import AwsType, client
from tests.integration.stacks.providers.aws_rows import Row, RowType
from tests.integration.stacks.providers.frame import Found, Properties, Refused, has_unknown, same
from tests.integration.stacks.providers.shapes import request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GONE = frozenset({"ResourceNotFoundException"})
_OF_REPLICA: Mapping[str, type] = {
    "regionName": str,
    "consistencyMode": str,
    "deletionProtectionEnabled": bool,
    "pointInTimeRecovery": bool,
    "propagateTags": bool,
}


class Table(AwsType):
    """A table."""

    pulumi_type = "aws:dynamodb/table:Table"
    service, operation = "dynamodb", "CreateTable"
    names: Mapping[str, str] = {"name": "TableName"}
    settings: Mapping[str, type] = {
        "region": str,
        "hashKey": str,
        "attributes": list,
        "pointInTimeRecovery": dict,
        "replicas": list,
        "globalTableWitness": dict,
    }
    replaces = frozenset({"name", "hashKey", "region"})
    gone = _GONE

    def check(self, inputs: Properties) -> None:
        super().check(inputs)
        for place, replica in enumerate(inputs.get("replicas", [])):
            for key, value in replica.items():
                if key not in _OF_REPLICA:
                    raise Refused(f"replicas[{place}].{key} is not implemented by this stand-in")
                if not isinstance(value, _OF_REPLICA[key]) and not has_unknown(value):
                    raise Refused(f"replicas[{place}].{key}: {value!r} is not of type {_OF_REPLICA[key].__name__}")
            if replica.get("consistencyMode") != "STRONG":
                raise Refused(f"replicas[{place}].consistencyMode: this stand-in has STRONG alone")
        for key in inputs.get("pointInTimeRecovery", {}).keys() - {"enabled"}:
            raise Refused(f"pointInTimeRecovery.{key} is not implemented by this stand-in")
        for key in inputs.get("globalTableWitness", {}).keys() - {"regionName"}:
            raise Refused(f"globalTableWitness.{key} is not implemented by this stand-in")

    def request(self, inputs: Properties) -> dict[str, Any]:
        names = {"name": "AttributeName", "type": "AttributeType"}
        attributes = inputs.get("attributes", [])
        return {
            **super().request(inputs),
            "AttributeDefinitions": request(
                attributes, self.shape.members["AttributeDefinitions"], "attributes", names
            ),
            "KeySchema": [{"AttributeName": inputs.get("hashKey", ""), "KeyType": "HASH"}],
        }

    def create(self, inputs: Properties) -> str:
        name = str(self.client(inputs).create_table(**self.request(inputs))["TableDescription"]["TableName"])
        if inputs.get("replicas"):
            self._group(name, inputs, "Create", MultiRegionConsistency="STRONG")
        self.update(name, {**inputs, "pointInTimeRecovery": {}, "replicas": []}, inputs)
        return name

    def _group(self, name: str, inputs: Properties, action: str, **more: Any) -> None:
        """Make all replicas and the witness of a table, or remove them."""
        replicas = [{action: {"RegionName": one["regionName"]}} for one in inputs["replicas"]]
        if witness := inputs.get("globalTableWitness"):
            more["GlobalTableWitnessUpdates"] = [{action: {"RegionName": witness["regionName"]}}]
        self.client(inputs).update_table(TableName=name, ReplicaUpdates=replicas, **more)

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        dynamo = self.client(inputs)
        table = dynamo.describe_table(TableName=resource_id)["Table"]
        table["BillingMode"] = table["BillingModeSummary"]["BillingMode"]
        table["Tags"] = [{"Key": key, "Value": value} for key, value in _tags(dynamo, table["TableArn"]).items()]
        found = self.inputs_of(table, inputs)
        (key,) = (one["AttributeName"] for one in table["KeySchema"] if one["KeyType"] == "HASH")
        found["hashKey"] = key
        found["attributes"] = [
            {"name": one["AttributeName"], "type": one["AttributeType"]} for one in table["AttributeDefinitions"]
        ]
        if "pointInTimeRecovery" in inputs:
            found["pointInTimeRecovery"] = {"enabled": _recovers(dynamo, resource_id)}
        if "replicas" in inputs:
            found["replicas"] = list(self._replicas(resource_id, table, inputs))
        if "globalTableWitness" in inputs:
            told = [{"regionName": one["RegionName"]} for one in table.get("GlobalTableWitnesses", [])]
            found["globalTableWitness"] = told[0] if told else {}
        return Found(found, {"arn": table["TableArn"]})

    def _replicas(self, name: str, table: Mapping[str, Any], inputs: Properties) -> Iterator[Properties]:
        """Tell of replicas what was asked of each; whether it has the table's tags is told by its tags."""
        asked = {one["regionName"]: one for one in inputs["replicas"]}
        for region in (one["RegionName"] for one in table.get("Replicas", [])):
            dynamo = client("dynamodb", region)
            replica = dynamo.describe_table(TableName=name)["Table"]
            found = {
                "regionName": region,
                "consistencyMode": table["MultiRegionConsistency"],
                "deletionProtectionEnabled": replica["DeletionProtectionEnabled"],
                "pointInTimeRecovery": _recovers(dynamo, name),
                "propagateTags": _tags(dynamo, replica["TableArn"]) == _tags(self.client(inputs), table["TableArn"]),
            }
            yield {key: value for key, value in found.items() if key in asked.get(region, found)}

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        dynamo, changed = self.client(new), {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        for key in sorted(changed - {"deletionProtectionEnabled", "pointInTimeRecovery", "replicas", "tags"}):
            raise Refused(f"{key} of {self.pulumi_type} is not changed by this stand-in")
        if "deletionProtectionEnabled" in changed:
            protected = bool(new.get("deletionProtectionEnabled"))
            dynamo.update_table(TableName=resource_id, DeletionProtectionEnabled=protected)
        if "pointInTimeRecovery" in changed:
            _recover(dynamo, resource_id, bool(new.get("pointInTimeRecovery", {}).get("enabled")))
        if "tags" in changed:
            _tag(dynamo, dynamo.describe_table(TableName=resource_id)["Table"]["TableArn"], new.get("tags", {}))
        if changed & {"replicas", "tags"}:
            self._change_replicas(resource_id, old.get("replicas", []), new)

    def _change_replicas(self, name: str, old: list[Properties], new: Properties) -> None:
        before, now = ({one["regionName"] for one in some} for some in (old, new.get("replicas", [])))
        if before and before != now:
            raise Refused("replicas: none is added to a table, or removed, by this stand-in")
        for replica in new.get("replicas", []):
            dynamo = client("dynamodb", replica["regionName"])
            if before:  # not as it is made: see `createReplicas` of hashicorp/terraform-provider-aws
                protected = bool(replica.get("deletionProtectionEnabled"))
                dynamo.update_table(TableName=name, DeletionProtectionEnabled=protected)
            _recover(dynamo, name, bool(replica.get("pointInTimeRecovery")))
            if replica.get("propagateTags"):
                _tag(dynamo, dynamo.describe_table(TableName=name)["Table"]["TableArn"], new.get("tags", {}))

    def remove(self, resource_id: str, inputs: Properties) -> None:
        dynamo = self.client(inputs)
        table = dynamo.describe_table(TableName=resource_id)["Table"]
        if table["DeletionProtectionEnabled"]:  # asked first: what is refused is not half done
            raise Refused(f"ValidationException: table {resource_id} has deletion protection enabled")
        if table.get("Replicas"):
            self._group(resource_id, inputs, "Delete")
        dynamo.delete_table(TableName=resource_id)


def _recovers(dynamo: Any, name: str) -> bool:
    told = dynamo.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return bool(told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED")


def _recover(dynamo: Any, name: str, enabled: bool) -> None:
    dynamo.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
    )


def _tags(dynamo: Any, arn: str) -> dict[str, str]:
    pages = dynamo.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    return {one["Key"]: one["Value"] for page in pages for one in page["Tags"]}


def _tag(dynamo: Any, arn: str, tags: Mapping[str, str]) -> None:
    """Give a table these tags and no others; moto keeps a tag that is given again twice."""
    there = _tags(dynamo, arn)
    if gone := sorted(key for key, value in there.items() if tags.get(key) != value):
        dynamo.untag_resource(ResourceArn=arn, TagKeys=gone)
    if new := [{"Key": key, "Value": value} for key, value in sorted(tags.items()) if there.get(key) != value]:
        dynamo.tag_resource(ResourceArn=arn, Tags=new)


class TableItem(AwsType):
    """An item of a table, as JSON of its attributes; one that is there already is not written over."""

    pulumi_type = "aws:dynamodb/tableItem:TableItem"
    service, operation = "dynamodb", "PutItem"
    settings: Mapping[str, type] = {"region": str, "hashKey": str, "item": str}
    replaces = frozenset({"tableName", "hashKey", "region"})
    gone = _GONE

    def request(self, inputs: Properties) -> dict[str, Any]:
        return {**super().request(inputs), "Item": json.loads(inputs.get("item", "{}"))}

    def check(self, inputs: Properties) -> None:
        super().check(inputs)
        if not has_unknown(inputs) and inputs.get("hashKey") not in json.loads(inputs["item"]):
            raise Refused(f"item: has no {inputs.get('hashKey')}, which is the key")

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_item(
            **self.request(inputs),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": inputs["hashKey"]},
        )
        return f"{inputs['tableName']}|{inputs['hashKey']}|{json.dumps(_key(inputs)[inputs['hashKey']])}"

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        asked = {"TableName": inputs["tableName"], "Key": _key(inputs), "ConsistentRead": True}
        item = self.client(inputs).get_item(**asked).get("Item")
        if item is None:
            return None
        written = json.dumps(item, sort_keys=True)
        return Found({**inputs, "item": inputs["item"] if same(inputs["item"], written) else written}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        if _key(old) != _key(new):
            raise Refused("item: another key is another item, which this stand-in does not change it to")
        self.client(new).put_item(**self.request(new))

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_item(TableName=inputs["tableName"], Key=_key(inputs))


def _key(inputs: Properties) -> dict[str, Any]:
    return {inputs["hashKey"]: json.loads(inputs["item"])[inputs["hashKey"]]}


TYPES = (
    Table(),
    TableItem(),
    RowType(
        Row(
            kind="dynamodb/resourcePolicy:ResourcePolicy",
            service="dynamodb",
            create="PutResourcePolicy",
            made="=resourceArn",
            describe="GetResourcePolicy",
            found="",
            delete="DeleteResourcePolicy",
            by=lambda one: {"ResourceArn": one},
            removed_by=lambda one: {"ResourceArn": one},
            changes={"policy": ("PutResourcePolicy", lambda one, value: {"ResourceArn": one, "Policy": value})},
            # That of the answer is the one asked for.
            untold=frozenset({"resourceArn"}),
            outputs={"revisionId": "RevisionId"},
            gone=frozenset({"PolicyNotFoundException", "ResourceNotFoundException"}),
        )
    ),
)
