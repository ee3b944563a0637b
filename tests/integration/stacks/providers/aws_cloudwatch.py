"""Types of CloudWatch. An alarm is changed by the request that makes it, which says all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.stacks.providers.aws import AwsType
from tests.integration.stacks.providers.frame import Found, Properties

if TYPE_CHECKING:
    from collections.abc import Mapping


class MetricAlarm(AwsType):
    """An alarm of one metric."""

    pulumi_type = "aws:cloudwatch/metricAlarm:MetricAlarm"
    service, operation = "cloudwatch", "PutMetricAlarm"
    names: Mapping[str, str] = {"name": "AlarmName"}
    replaces = frozenset({"name", "region"})
    named = "name"

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_metric_alarm(**self.request(inputs))
        return str(inputs["name"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        cloudwatch = self.client(inputs)
        found = cloudwatch.describe_alarms(AlarmNames=[resource_id])["MetricAlarms"]
        if not found:
            return None
        (alarm,) = found
        alarm["Tags"] = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        return Found(self.inputs_of(alarm, inputs), {"arn": alarm["AlarmArn"]})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        cloudwatch, tags = self.client(new), new.get("tags", {})
        cloudwatch.put_metric_alarm(**self.request({key: value for key, value in new.items() if key != "tags"}))
        # Tags of an alarm that is there are changed by requests of their own.
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[resource_id])["MetricAlarms"]
        if removed := sorted(old.get("tags", {}).keys() - tags.keys()):
            cloudwatch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=removed)
        if tags:
            told = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
            cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=told)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_alarms(AlarmNames=[resource_id])


TYPES = (MetricAlarm(),)
