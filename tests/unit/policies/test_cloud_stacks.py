"""Rules of whole stacks: a stack that is as it should be, and what is said of it with something left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pulumi_policy import (
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    StackValidationArgs,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from tradeplane_cloud_policies.pack import STACK_RULES

if TYPE_CHECKING:
    from tradeplane_cloud_policies.rules import StackRule

REGIONS = ("eu-west-1", "us-east-1")
S3 = {
    "PublicAccessBlock": "s3-bucket-complete",
    "OwnershipControls": "s3-bucket-complete",
    "Policy": "s3-bucket-complete",
    "ServerSideEncryptionConfiguration": "s3-bucket-complete",
    "Versioning": "s3-bucket-complete",
}
"""What every bucket has beside it, and the rule that says so."""


@dataclass
class Stack:
    """Resources as Pulumi shows them to a rule of a stack, by their names."""

    resources: dict[str, PolicyResource] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        name: str,
        properties: dict[str, Any] | None = None,
        depends: dict[str, str] | None = None,
        *,
        protect: bool = False,
        provider_region: str | None = None,
    ) -> None:
        """Add a resource; ``depends`` says which property is an output of which other resource."""
        service, _, last = kind.partition(":")
        token = f"aws:{service}/{last[0].lower()}{last[1:]}:{last}"
        provider = None
        if provider_region is not None:
            provider = PolicyProviderResource("pulumi:providers:aws", {"region": provider_region}, "urn:p", "p")
        outputs = dict.fromkeys(depends or {}, UNKNOWN_STRING_VALUE)
        self.resources[name] = PolicyResource(
            token,
            unknown_checking_proxy({**(properties or {}), **outputs}),
            f"urn:{name}",
            name,
            PolicyResourceOptions(protect, [], None, [], None, []),  # type: ignore[arg-type]
            provider,
            None,
            [],
            {by: [self.resources[other]] for by, other in (depends or {}).items()},
        )

    def said(self) -> list[tuple[str, str]]:
        """Return which rule says something of which resource."""
        found: list[tuple[str, str]] = []
        arguments = StackValidationArgs(list(self.resources.values()))
        for rule in STACK_RULES:
            of_rule: list[str] = []
            rule.policy().validate(arguments, lambda _message, urn, to=of_rule: to.append(str(urn)))  # type: ignore[misc]
            found.extend((rule.name, urn) for urn in of_rule)
        return found


def add_bucket(stack: Stack, name: str, region: str) -> None:
    stack.add("s3:Bucket", name, {"region": region}, protect=True)
    for beside in S3:
        stack.add(f"s3:Bucket{beside}", f"{name}-{beside}", depends={"bucket": name})


def whole() -> Stack:
    """Return a stack of two regions in which each rule has something to look at."""
    stack = Stack()
    stack.add("kms:Key", "signs", {"keyUsage": "SIGN_VERIFY", "region": REGIONS[0]}, protect=True)
    stack.add("kms:ReplicaKey", "signs-too", {"region": REGIONS[1]}, {"primaryKeyArn": "signs"}, protect=True)
    for region in REGIONS:
        add_bucket(stack, f"logs-{region}", region)
        add_bucket(stack, f"kept-{region}", region)
        logging = {"bucket": f"kept-{region}", "targetBucket": f"logs-{region}"}
        stack.add("s3:BucketLogging", f"logging-{region}", depends=logging)
        stack.add("s3:BucketObjectLockConfiguration", f"lock-{region}", depends={"bucket": f"kept-{region}"})
        stack.add("s3:BucketReplicationConfig", f"replication-{region}", depends={"bucket": f"kept-{region}"})
        stack.add("ec2:Vpc", f"vpc-{region}", {"region": region})
        stack.add("ec2:FlowLog", f"flow-{region}", {"trafficType": "ALL"}, {"vpcId": f"vpc-{region}"})
        stack.add("eks:Cluster", f"cluster-{region}", {"region": region})
        stack.add("rds:Instance", f"ledger-{region}", {"region": region}, protect=True)
        stack.add("ecr:Repository", f"results-{region}", {"region": region}, protect=True)
    return stack


def test_a_stack_that_is_as_it_should_be_is_allowed() -> None:
    assert whole().said() == []


@pytest.mark.parametrize(
    ("left_out", "rule", "of"),
    [
        *((f"kept-eu-west-1-{beside}", rule, "kept-eu-west-1") for beside, rule in S3.items()),
        ("logging-us-east-1", "s3-access-logs", "kept-us-east-1"),
        ("replication-eu-west-1", "s3-locked-replicated", "kept-eu-west-1"),
        ("flow-us-east-1", "ec2-flow-logged", "vpc-us-east-1"),
        ("signs-too", "kms-signing-everywhere", "cluster-us-east-1"),
        ("signs-too", "kms-signing-everywhere", "kept-us-east-1"),
    ],
)
def test_what_is_left_out_is_missed(left_out: str, rule: str, of: str) -> None:
    stack = whole()
    del stack.resources[left_out]
    said = stack.said()
    assert (rule, f"urn:{of}") in said
    assert {name for name, _ in said} == {rule}


def test_logs_of_logs_are_missed_by_nobody_and_those_of_a_bucket_that_takes_none_are() -> None:
    stack = whole()
    del stack.resources["logging-us-east-1"]
    assert stack.said() == [("s3-access-logs", "urn:logs-us-east-1"), ("s3-access-logs", "urn:kept-us-east-1")]


@pytest.mark.parametrize("kind", ["rds:Instance", "ecr:Repository", "kms:Key", "kms:ReplicaKey", "s3:Bucket"])
def test_what_cannot_be_made_again_is_protected(kind: str) -> None:
    stack = Stack()
    stack.add(kind, "open", {"bucket": "open"})
    assert ("protected", "urn:open") in stack.said()


def test_a_bucket_that_is_locked_as_it_is_made_has_a_replica_too() -> None:
    stack = Stack()
    stack.add("s3:Bucket", "kept", {"objectLockEnabled": True}, protect=True)
    assert ("s3-locked-replicated", "urn:kept") in stack.said()


def test_a_bucket_is_found_by_its_name_where_no_output_of_it_is_used() -> None:
    stack = Stack()
    stack.add("s3:Bucket", "kept", {"bucket": "kept-by-name"}, protect=True)
    for beside in S3:
        stack.add(f"s3:Bucket{beside}", beside, {"bucket": "kept-by-name"})
    stack.add("s3:BucketLogging", "logging", {"bucket": "kept-by-name", "targetBucket": "logs"})
    assert stack.said() == []
    stack.resources.pop("Versioning")
    stack.add("s3:BucketVersioning", "Versioning", {"bucket": "another"})
    assert stack.said() == [("s3-bucket-complete", "urn:kept")]


@pytest.mark.parametrize("own", [True, False])
def test_a_region_is_a_resources_own_or_its_providers(*, own: bool) -> None:
    stack = Stack()
    stack.add("kms:Key", "signs", {"keyUsage": "SIGN_VERIFY", "region": REGIONS[0]}, protect=True)
    if own:
        stack.add("eks:Cluster", "cluster", {"region": REGIONS[1]}, provider_region=REGIONS[0])
    else:
        stack.add("eks:Cluster", "cluster", provider_region=REGIONS[1])
    assert stack.said() == [("kms-signing-everywhere", "urn:cluster")]


def test_a_replica_of_another_key_does_not_sign() -> None:
    stack = whole()
    del stack.resources["signs-too"]
    stack.add("kms:Key", "encrypts", {"region": REGIONS[0]}, protect=True)
    stack.add("kms:ReplicaKey", "encrypts-too", {"region": REGIONS[1]}, {"primaryKeyArn": "encrypts"}, protect=True)
    assert {name for name, _ in stack.said()} == {"kms-signing-everywhere"}


def test_a_stack_that_signs_nothing_needs_no_key() -> None:
    stack = Stack()
    stack.add("eks:Cluster", "cluster", {"region": REGIONS[1]})
    assert stack.said() == []


@pytest.mark.parametrize("rule", STACK_RULES, ids=lambda rule: rule.name)
def test_an_empty_stack_breaks_no_rule(rule: StackRule) -> None:
    assert list(rule.violations([])) == []
