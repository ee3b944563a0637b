"""Types of CloudWatch Logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws_rows import Row, RowType

if TYPE_CHECKING:
    from tests.integration.stacks.providers.frame import Properties


class LogGroup(RowType):
    """A group of logs."""

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return its ARN as the provider gives it: that of the group, not of its streams."""
        return {**found, "arn": found["arn"].removesuffix(":*")}

    def is_removed(self, found: Any) -> bool:
        """Return False: groups are asked for by how their names begin, and one that is removed is not told of."""
        return False


TYPES = (
    LogGroup(
        Row(
            kind="cloudwatch/logGroup:LogGroup",
            service="logs",
            create="CreateLogGroup",
            made="=name",
            describe="DescribeLogGroups",
            found="logGroups",
            delete="DeleteLogGroup",
            by=lambda one: {"logGroupNamePrefix": one, "limit": 1},
            removed_by=lambda one: {"logGroupName": one},
            names={"name": "logGroupName"},
            settings={"retentionInDays": int},
            changes={
                "retentionInDays": (
                    "PutRetentionPolicy",
                    lambda one, value: {"logGroupName": one, "retentionInDays": value},
                )
            },
            untold=frozenset({"tags"}),
            outputs={"arn": "arn"},
            named="name",
            gone=frozenset({"ResourceNotFoundException"}),
        )
    ),
)
