"""Rules of the network: nothing is reached from outside, and what passes is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradeplane_cloud_policies.rules import Check, Rule

VPC, FLOW_LOG, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/flowLog:FlowLog", "aws:ec2/subnet:Subnet"
ANYWHERE = {"0.0.0.0/0", "::/0"}


def _texts(value: object) -> set[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(one) for one in value}
    return set()


def _from_anywhere(rule: Mapping[str, Any]) -> bool:
    return bool(ANYWHERE & (_texts(rule.get("cidrBlocks")) | _texts(rule.get("ipv6CidrBlocks"))))


def _inline_closed(properties: Mapping[str, Any]) -> bool:
    ingress = properties.get("ingress") or ()
    return not any(_from_anywhere(rule) for rule in ingress if isinstance(rule, Mapping))


_NOT_FROM_ANYWHERE = "let in named networks or security groups, not 0.0.0.0/0 or ::/0"

RULES = (
    Rule(
        "ec2-security-group",
        "No security group lets everyone in.",
        (
            "aws:ec2/securityGroup:SecurityGroup",
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        ),
        (Check(f"ingress: {_NOT_FROM_ANYWHERE}", _inline_closed),),
    ),
    Rule(
        "ec2-security-group-rule",
        "No rule of a security group lets everyone in.",
        ("aws:ec2/securityGroupRule:SecurityGroupRule",),
        (
            Check(
                f"cidrBlocks, ipv6CidrBlocks: {_NOT_FROM_ANYWHERE}",
                lambda p: p.get("type") != "ingress" or not _from_anywhere(p),
            ),
        ),
    ),
    Rule(
        "vpc-security-group-ingress-rule",
        "No ingress rule lets everyone in.",
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",),
        (
            Check(f"cidrIpv4: {_NOT_FROM_ANYWHERE}", lambda p: p.get("cidrIpv4") not in ANYWHERE),
            Check(f"cidrIpv6: {_NOT_FROM_ANYWHERE}", lambda p: p.get("cidrIpv6") not in ANYWHERE),
        ),
    ),
    Rule(
        "ec2-subnet",
        "No machine gets a public address because of where it stands.",
        (SUBNET,),
        (
            Check("mapPublicIpOnLaunch: leave it out", lambda p: not p.get("mapPublicIpOnLaunch")),
            Check("assignIpv6AddressOnCreation: leave it out", lambda p: not p.get("assignIpv6AddressOnCreation")),
        ),
    ),
    Rule(
        "ec2-flow-log",
        "Flow logs have all traffic, the refused too.",
        (FLOW_LOG,),
        (Check("trafficType: set it to ALL", lambda p: p.get("trafficType") == "ALL"),),
    ),
    Rule(
        "cloudwatch-log-group",
        "Logs are kept for a stated time, and encrypted by a key of one's own.",
        ("aws:cloudwatch/logGroup:LogGroup",),
        (
            Check(
                "retentionInDays: set it, to 30 or more",
                lambda p: int(p.get("retentionInDays") or 0) >= 30,
            ),
            Check("kmsKeyId: name a key", lambda p: bool(p.get("kmsKeyId"))),
        ),
    ),
)
