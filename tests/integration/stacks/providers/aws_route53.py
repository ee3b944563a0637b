"""Types of Route 53, which is of no region: zones, health checks and records.

A zone with networks is a private one. Of a record the kinds with values are implemented, by name, type and set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.integration.stacks.providers.aws import AwsType, client
from tests.integration.stacks.providers.frame import Found, Properties, Refused
from tests.integration.stacks.providers.shapes import read_back, request

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Global(AwsType):
    """What is of no region."""

    service = "route53"
    settings: Mapping[str, type] = {}
    tagged: str
    """What Route 53 calls the type where it gives tags."""

    def client(self, inputs: Properties) -> Any:
        return client("route53", "us-east-1")

    def tags_of(self, resource_id: str, inputs: Properties) -> dict[str, str]:
        """Return what tags it has."""
        asked = {"ResourceType": self.tagged, "ResourceId": resource_id}
        told = self.client(inputs).list_tags_for_resource(**asked)["ResourceTagSet"]["Tags"]
        return {one["Key"]: one["Value"] for one in told}

    def tag(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Give it its tags, and take those that it had before."""
        tags, asked = new.get("tags", {}), {"ResourceType": self.tagged, "ResourceId": resource_id}
        if removed := sorted(old.get("tags", {}).keys() - tags.keys()):
            self.client(new).change_tags_for_resource(**asked, RemoveTagKeys=removed)
        if tags:
            told = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
            self.client(new).change_tags_for_resource(**asked, AddTags=told)


class Zone(_Global):
    """A zone."""

    pulumi_type = "aws:route53/zone:Zone"
    operation = "CreateHostedZone"
    settings: Mapping[str, type] = {"comment": str, "forceDestroy": bool, "vpcs": list, "tags": dict}
    replaces = frozenset({"name"})
    gone = frozenset({"NoSuchHostedZone"})
    tagged = "hostedzone"

    def request(self, inputs: Properties) -> dict[str, Any]:
        if inputs.get("forceDestroy"):
            raise Refused("forceDestroy is not implemented by this stand-in")
        networks = [request(one, self.shape.members["VPC"], "vpcs", {}) for one in inputs.get("vpcs", [])]
        # moto asks whether it is private; AWS takes one with a network for that.
        config = {"Comment": inputs.get("comment", ""), "PrivateZone": bool(networks)}
        made = {**super().request(inputs), "CallerReference": str(uuid4()), "HostedZoneConfig": config}
        return {**made, **({"VPC": networks[0]} if networks else {})}

    def create(self, inputs: Properties) -> str:
        route53 = self.client(inputs)
        made = str(route53.create_hosted_zone(**self.request(inputs))["HostedZone"]["Id"]).rpartition("/")[2]
        self._join(made, inputs.get("vpcs", [])[1:], inputs)
        self.tag(made, {}, inputs)
        return made

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        told = self.client(inputs).get_hosted_zone(Id=resource_id)
        networks = [{"vpcId": one["VPCId"], "vpcRegion": one["VPCRegion"]} for one in told.get("VPCs", [])]
        asked = inputs.get("vpcs", [])
        found = {
            "name": told["HostedZone"]["Name"].rstrip("."),
            "comment": told["HostedZone"]["Config"].get("Comment", ""),
            # They are a set: those that were asked for are in the order of the inputs.
            "vpcs": [*(one for one in asked if one in networks), *(one for one in networks if one not in asked)],
            "tags": self.tags_of(resource_id, inputs),
        }
        servers = told.get("DelegationSet", {}).get("NameServers", [])
        outputs = {"zoneId": resource_id, "arn": f"arn:aws:route53:::hostedzone/{resource_id}", "nameServers": servers}
        return Found({key: found.get(key, value) for key, value in inputs.items()}, outputs)

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        if old.get("comment") != new.get("comment"):
            self.client(new).update_hosted_zone_comment(Id=resource_id, Comment=new.get("comment", ""))
        before, now = old.get("vpcs", []), new.get("vpcs", [])
        if bool(before) != bool(now):
            raise Refused("vpcs: a private zone is not made a public one, or the reverse, by this stand-in")
        # A private zone has a network at all times, so that those that are new come first.
        self._join(resource_id, [one for one in now if one not in before], new)
        for one in before:
            if one not in now:
                network = request(one, self.shape.members["VPC"], "vpcs", {})
                self.client(new).disassociate_vpc_from_hosted_zone(HostedZoneId=resource_id, VPC=network)
        self.tag(resource_id, old, new)

    def _join(self, zone: str, networks: list[Properties], inputs: Properties) -> None:
        for one in networks:
            network = request(one, self.shape.members["VPC"], "vpcs", {})
            self.client(inputs).associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=network)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_hosted_zone(Id=resource_id)


class HealthCheck(_Global):
    """What Route 53 takes for the health of an endpoint."""

    pulumi_type = "aws:route53/healthCheck:HealthCheck"
    operation = "CreateHealthCheck"
    settings: Mapping[str, type] = {"cloudwatchAlarmName": str, "cloudwatchAlarmRegion": str, "tags": dict}
    replaces = frozenset({"type", "requestInterval", "measureLatency"})
    gone = frozenset({"NoSuchHealthCheck"})
    tagged = "healthcheck"

    def request(self, inputs: Properties) -> dict[str, Any]:
        return {"CallerReference": str(uuid4()), "HealthCheckConfig": self._config(inputs)}

    def _config(self, inputs: Properties) -> dict[str, Any]:
        own = {key: value for key, value in inputs.items() if key not in self.settings}
        made: dict[str, Any] = request(own, self.shape.members["HealthCheckConfig"], "", self.names)
        if "cloudwatchAlarmName" in inputs:
            alarm = {"Name": inputs["cloudwatchAlarmName"], "Region": inputs.get("cloudwatchAlarmRegion")}
            made["AlarmIdentifier"] = alarm
        return made

    def create(self, inputs: Properties) -> str:
        made = str(self.client(inputs).create_health_check(**self.request(inputs))["HealthCheck"]["Id"])
        self.tag(made, {}, inputs)
        return made

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        config = self.client(inputs).get_health_check(HealthCheckId=resource_id)["HealthCheck"]["HealthCheckConfig"]
        own = {key: value for key, value in inputs.items() if key not in self.settings}
        alarm = config.get("AlarmIdentifier", {})
        of_settings = {
            "cloudwatchAlarmName": alarm.get("Name"),
            "cloudwatchAlarmRegion": alarm.get("Region"),
            "tags": self.tags_of(resource_id, inputs),
        }
        found = {**read_back(config, own, self.names), **{k: v for k, v in of_settings.items() if k in inputs}}
        return Found(found, {"arn": f"arn:aws:route53:::healthcheck/{resource_id}"})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        changed = {key: value for key, value in self._config(new).items() if key != "Type"}
        self.client(new).update_health_check(HealthCheckId=resource_id, **changed)
        self.tag(resource_id, old, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_health_check(HealthCheckId=resource_id)


class Record(_Global):
    """A record with values; of one name and type there may be several, told apart by the name of each in the set."""

    pulumi_type = "aws:route53/record:Record"
    operation = "ChangeResourceRecordSets"
    settings: Mapping[str, type] = {"zoneId": str, "records": list, "weightedRoutingPolicies": list}
    replaces = frozenset({"zoneId", "name", "type", "setIdentifier"})
    gone = frozenset({"NoSuchHostedZone"})

    def request(self, inputs: Properties) -> dict[str, Any]:
        return self._change("CREATE", inputs)

    def _change(self, action: str, inputs: Properties) -> dict[str, Any]:
        change = self.shape.members["ChangeBatch"].members["Changes"].member
        own = {key: value for key, value in inputs.items() if key not in self.settings}
        record = request(own, change.members["ResourceRecordSet"], "", self.names)
        record["ResourceRecords"] = [{"Value": value} for value in inputs.get("records", [])]
        for policy in inputs.get("weightedRoutingPolicies", []):
            record["Weight"] = policy["weight"]
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        return {"HostedZoneId": inputs.get("zoneId", ""), "ChangeBatch": batch}

    def create(self, inputs: Properties) -> str:
        self.client(inputs).change_resource_record_sets(**self.request(inputs))
        parts = (inputs["zoneId"], inputs["name"], inputs["type"], inputs.get("setIdentifier"))
        return "_".join(filter(None, parts))

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        told = self._told(inputs)
        if told is None:
            return None
        own = {key: value for key, value in inputs.items() if key not in self.settings}
        told["Name"] = told["Name"].rstrip(".")
        found = {**read_back(told, own, self.names), "zoneId": inputs["zoneId"]}
        found["records"] = [one["Value"] for one in told.get("ResourceRecords", [])]
        if "weightedRoutingPolicies" in inputs:
            found["weightedRoutingPolicies"] = [{"weight": told["Weight"]}] if "Weight" in told else []
        return Found(found, {"fqdn": told["Name"]})

    def _told(self, inputs: Properties) -> dict[str, Any] | None:
        """Return the record as Route 53 tells it, of those from its name on."""
        asked = {"StartRecordName": inputs["name"], "StartRecordType": inputs["type"]}
        pages = (
            self.client(inputs)
            .get_paginator("list_resource_record_sets")
            .paginate(HostedZoneId=inputs["zoneId"], **asked)
        )
        wanted = (inputs["name"], inputs["type"], inputs.get("setIdentifier"))
        for page in pages:
            for one in page["ResourceRecordSets"]:
                if (one["Name"].rstrip("."), one["Type"], one.get("SetIdentifier")) == wanted:
                    return dict(one)
        return None

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        self.client(new).change_resource_record_sets(**self._change("UPSERT", new))

    def remove(self, resource_id: str, inputs: Properties) -> None:
        told = self._told(inputs)  # a record is removed by saying all of it, as it is
        if told is not None:
            batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": told}]}
            self.client(inputs).change_resource_record_sets(HostedZoneId=inputs["zoneId"], ChangeBatch=batch)


TYPES = (Zone(), HealthCheck(), Record())
