"""What each rule of the cloud allows and denies.

A denied resource is an allowed one with one thing changed, and is denied by one check alone, named by how its message
begins: so each check is there for a resource that nothing else would stop.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Properties = dict[str, Any]
ABSENT = object()
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tradeplane-operator"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@dataclass(frozen=True)
class Table:
    """Resources of one rule: the first that is allowed, others that are, and changes of the first that are not."""

    good: Properties
    also_good: tuple[Properties, ...]
    denied: tuple[tuple[str, Properties], ...]

    @property
    def allowed(self) -> tuple[Properties, ...]:
        """All that are allowed: the first, and it with each of the other changes."""
        return (self.good, *(changed(self.good, change) for change in self.also_good))


def changed(properties: Properties, change: Properties) -> Properties:
    """Return properties with some of them set otherwise, or left out; ``a.b`` is within ``a``."""
    result: Properties = json.loads(json.dumps(properties))
    for path, value in change.items():
        *above, last = path.split(".")
        place = result
        for step in above:
            place = place[step]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return result


def document(*statements: Properties) -> str:
    """Return a policy as AWS takes it."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: object, actions: object, resource: object = "*", **more: object) -> Properties:
    """Return a statement that allows something; no principal, as in policies of a role, where it is None."""
    by = {} if principal is None else {"Principal": principal}
    return {"Effect": "Allow", **by, "Action": actions, "Resource": resource, **more}


NO_TLS = {"Bool": {"aws:SecureTransport": "false"}}
TLS_ONLY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": NO_TLS}
READ = allow({"AWS": ROLE}, ["s3:GetObject"], "arn:aws:s3:::snapshots/*")
BUCKET_POLICY = {"bucket": "snapshots", "policy": document(TLS_ONLY, READ)}

KEY_POLICY = document(
    allow({"AWS": ROOT}, ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]), allow({"AWS": ROLE}, "kms:Decrypt")
)
KEY = {"policy": KEY_POLICY, "enableKeyRotation": True}
SIGNING_KEY = {
    "policy": document(allow({"AWS": ROLE}, ["kms:Sign", "kms:GetPublicKey"])),
    "keyUsage": "SIGN_VERIFY",
    "customerMasterKeySpec": "ECC_NIST_P256",
    "enableKeyRotation": ABSENT,
}
OTHER_SERVICE = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
KEY_DENIED: tuple[tuple[str, Properties], ...] = (
    ("policy: write one", {"policy": ABSENT}),
    ("policy: write one", {"policy": ""}),
    ("policy: name who", {"policy": document(allow("*", "kms:Decrypt"))}),
    ("policy: name who", {"policy": document(allow({"AWS": "*"}, "kms:Decrypt"))}),
    ("policy: name who", {"policy": document(allow({"AWS": [ROLE, "*"]}, "kms:Decrypt"))}),
    ("policy: name who", {"policy": document(allow("*", "kms:Decrypt", Condition=OTHER_SERVICE))}),
    ("policy: name who", {"policy": document(allow(None, "kms:Decrypt", NotPrincipal={"AWS": ROLE}))}),
    ("policy: allow named actions", {"policy": document(allow({"AWS": ROLE}, "kms:*"))}),
    ("policy: allow named actions", {"policy": document(allow({"AWS": ROLE}, ["kms:Decrypt", "*"]))}),
    (
        "policy: allow named actions",
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": ROLE}, "NotAction": "kms:Sign"}})},
    ),
    ("policy: allow named actions", {"policy": document(allow({"AWS": f"{ROLE}/root"}, "kms:*"))}),
    ("policy: allow named actions", {"policy": document(allow({"AWS": [ROOT, ROLE]}, "kms:*"))}),
    ("deletionWindowInDays", {"deletionWindowInDays": 13}),
    ("bypassPolicyLockoutSafetyCheck", {"bypassPolicyLockoutSafetyCheck": True}),
)
KEY_ALLOWED: tuple[Properties, ...] = (
    {"deletionWindowInDays": 14},
    {"policy": document(allow({"AWS": ROOT}, "kms:*"))},
    {"policy": document(allow("*", "kms:Decrypt", Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}}))},
    {"bypassPolicyLockoutSafetyCheck": False},
)

ENCRYPTION = {
    "bucket": "snapshots",
    "rules": [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:key"},
            "bucketKeyEnabled": True,
        }
    ],
}
EVERYTHING_BY = {"AWS": "*"}
TEMPLATE = {
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
}
LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
CLUSTER = {
    "vpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True},
    "encryptionConfig": {"provider": {"keyArn": "arn:key"}, "resources": ["secrets"]},
    "enabledClusterLogTypes": LOGS,
    "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
}
DATABASE = {
    "storageEncrypted": True,
    "kmsKeyId": "arn:key",
    "multiAz": True,
    "backupRetentionPeriod": 7,
    "deletionProtection": True,
    "iamDatabaseAuthenticationEnabled": True,
    "manageMasterUserPassword": True,
    "parameterGroupName": "tls",
    "publiclyAccessible": False,
    "skipFinalSnapshot": False,
}
TAGS = {
    "tradeplane:owner": "desk",
    "tradeplane:cost-center": "cc-7",
    "tradeplane:data-classification": "restricted",
    "tradeplane:environment": "prod",
    "tradeplane:stack": "prod",
}
BLOCK = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
ASSUMED = {"assumeRolePolicy": document(allow({"Service": "pods.eks.amazonaws.com"}, "sts:AssumeRole"))}
ADMINISTRATION = "arn:aws:iam::aws:policy/AdministratorAccess"

TABLES: dict[str, Table] = {
    "s3-bucket": Table(
        {"bucket": "snapshots"},
        ({"acl": "private"}, {"forceDestroy": False}),
        (
            ("acl", {"acl": "public-read"}),
            ("acl", {"acl": "authenticated-read"}),
            ("forceDestroy", {"forceDestroy": True}),
        ),
    ),
    "s3-public-access-block": Table(
        {"bucket": "snapshots", **BLOCK},
        (),
        tuple((name, {name: value}) for name in BLOCK for value in (False, ABSENT)),
    ),
    "s3-ownership": Table(
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
        (),
        (
            ("rule.objectOwnership", {"rule.objectOwnership": "ObjectWriter"}),
            ("rule.objectOwnership", {"rule": ABSENT}),
        ),
    ),
    "s3-bucket-policy": Table(
        BUCKET_POLICY,
        (
            {"policy": json.loads(document(TLS_ONLY))},
            {"policy": document({**TLS_ONLY, "Principal": {"AWS": "*"}, "Action": ["s3:*"]})},
        ),
        (
            ("policy: refuse", {"policy": document(READ)}),
            ("policy: refuse", {"policy": document({**TLS_ONLY, "Effect": "Allow", "Principal": {"AWS": ROLE}})}),
            ("policy: refuse", {"policy": document({**TLS_ONLY, "Principal": {"AWS": ROLE}})}),
            ("policy: refuse", {"policy": document({**TLS_ONLY, "Action": "s3:PutObject"})}),
            ("policy: refuse", {"policy": document({**TLS_ONLY, "Condition": {}})}),
            (
                "policy: refuse",
                {"policy": document({**TLS_ONLY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})},
            ),
            (
                "policy: refuse",
                {
                    "policy": document(
                        {**TLS_ONLY, "Condition": {**NO_TLS, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
                    )
                },
            ),
            ("policy: name who", {"policy": document(TLS_ONLY, allow("*", "s3:GetObject"))}),
            ("policy: name who", {"policy": document(TLS_ONLY, allow({"AWS": ["*"]}, "s3:GetObject"))}),
        ),
    ),
    "s3-encryption": Table(
        ENCRYPTION,
        ({"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},),
        (
            ("rules: encrypt", {"rules": []}),
            ("rules: encrypt", {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "none"}}]}),
            (
                "rules.bucketKeyEnabled",
                {"rules": [{**ENCRYPTION["rules"][0], "bucketKeyEnabled": False}]},  # type: ignore[dict-item]
            ),
            (
                "rules.kmsMasterKeyId",
                {
                    "rules": [
                        {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}
                    ]
                },
            ),
        ),
    ),
    "s3-versioning": Table(
        {"versioningConfiguration": {"status": "Enabled"}},
        (),
        (
            ("versioningConfiguration.status", {"versioningConfiguration.status": "Suspended"}),
            ("versioningConfiguration.status", {"versioningConfiguration": ABSENT}),
        ),
    ),
    "s3-object-lock": Table(
        {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}},
        ({"rule.defaultRetention": {"mode": "GOVERNANCE", "days": 30}},),
        (
            ("rule.defaultRetention: set", {"rule.defaultRetention": {"mode": "COMPLIANCE", "days": 29}}),
            ("rule.defaultRetention: set", {"rule.defaultRetention": {"mode": "COMPLIANCE"}}),
            ("rule.defaultRetention.mode", {"rule.defaultRetention": {"years": 7}}),
        ),
    ),
    "kms-key": Table(
        KEY,
        (*KEY_ALLOWED, SIGNING_KEY, {"keyUsage": "ENCRYPT_DECRYPT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT"}),
        (
            *KEY_DENIED,
            ("policy: let no", {**SIGNING_KEY, "policy": document(allow({"AWS": ROOT}, "kms:*"))}),
            ("policy: let no", {**SIGNING_KEY, "policy": document(allow({"AWS": ROOT}, ["kms:Sign"]))}),
            ("policy: let no", {**SIGNING_KEY, "policy": document(allow({"AWS": [ROOT]}, "kms:CreateGrant"))}),
            ("policy: let no", {**SIGNING_KEY, "policy": document(allow({"AWS": ACCOUNT}, "kms:Sign"))}),
            ("enableKeyRotation", {"enableKeyRotation": False}),
            ("enableKeyRotation", {"enableKeyRotation": ABSENT}),
        ),
    ),
    "kms-replica-key": Table({"policy": KEY_POLICY}, KEY_ALLOWED, KEY_DENIED),
    "ec2-security-group": Table(
        {"ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16"]}]},
        ({"ingress": []}, {"ingress": ABSENT}, {"egress": [{"cidrBlocks": ["0.0.0.0/0"]}]}),
        (
            ("ingress", {"ingress": [{"cidrBlocks": ["10.0.0.0/16", "0.0.0.0/0"]}]}),
            ("ingress", {"ingress": [{"cidrBlocks": ["10.0.0.0/16"]}, {"ipv6CidrBlocks": ["::/0"]}]}),
        ),
    ),
    "ec2-security-group-rule": Table(
        {"type": "ingress", "cidrBlocks": ["10.0.0.0/16"]},
        ({"type": "egress", "cidrBlocks": ["0.0.0.0/0"]},),
        (
            ("cidrBlocks", {"cidrBlocks": ["0.0.0.0/0"]}),
            ("cidrBlocks", {"cidrBlocks": ABSENT, "ipv6CidrBlocks": ["::/0"]}),
        ),
    ),
    "vpc-security-group-ingress-rule": Table(
        {"cidrIpv4": "10.0.0.0/16"},
        ({"cidrIpv4": ABSENT, "referencedSecurityGroupId": "sg-1"},),
        (("cidrIpv4", {"cidrIpv4": "0.0.0.0/0"}), ("cidrIpv6", {"cidrIpv6": "::/0"})),
    ),
    "ec2-subnet": Table(
        {"cidrBlock": "10.0.0.0/20"},
        ({"mapPublicIpOnLaunch": False},),
        (
            ("mapPublicIpOnLaunch", {"mapPublicIpOnLaunch": True}),
            ("assignIpv6AddressOnCreation", {"assignIpv6AddressOnCreation": True}),
        ),
    ),
    "ec2-flow-log": Table(
        {"trafficType": "ALL"},
        (),
        (("trafficType", {"trafficType": "ACCEPT"}), ("trafficType", {"trafficType": ABSENT})),
    ),
    "cloudwatch-log-group": Table(
        {"retentionInDays": 30, "kmsKeyId": "arn:key"},
        ({"retentionInDays": 400},),
        (
            ("retentionInDays", {"retentionInDays": 14}),
            ("retentionInDays", {"retentionInDays": ABSENT}),
            ("kmsKeyId", {"kmsKeyId": ABSENT}),
        ),
    ),
    "eks-cluster": Table(
        CLUSTER,
        (),
        (
            ("vpcConfig.endpointPublicAccess", {"vpcConfig.endpointPublicAccess": True}),
            ("vpcConfig.endpointPublicAccess", {"vpcConfig.endpointPublicAccess": ABSENT}),
            ("vpcConfig.endpointPrivateAccess", {"vpcConfig.endpointPrivateAccess": False}),
            ("encryptionConfig", {"encryptionConfig": ABSENT}),
            ("encryptionConfig", {"encryptionConfig.resources": []}),
            ("encryptionConfig", {"encryptionConfig.provider": {}}),
            *(
                (
                    "enabledClusterLogTypes",
                    {"enabledClusterLogTypes": [one for one in LOGS if one != left_out]},
                )
                for left_out in LOGS
            ),
            ("accessConfig.authenticationMode", {"accessConfig.authenticationMode": "API_AND_CONFIG_MAP"}),
            (
                "accessConfig.bootstrapClusterCreatorAdminPermissions",
                {"accessConfig.bootstrapClusterCreatorAdminPermissions": ABSENT},
            ),
        ),
    ),
    "eks-node-group": Table(
        {"launchTemplate": {"id": "lt-1", "version": "1"}},
        (),
        (
            ("launchTemplate", {"launchTemplate": ABSENT}),
            ("remoteAccess", {"remoteAccess": {"ec2SshKey": "ops"}}),
        ),
    ),
    "ec2-launch-template": Table(
        TEMPLATE,
        ({"blockDeviceMappings": [{"ebs": {"encrypted": True}}]},),
        (
            ("metadataOptions.httpTokens", {"metadataOptions.httpTokens": "optional"}),
            ("metadataOptions.httpPutResponseHopLimit", {"metadataOptions.httpPutResponseHopLimit": 2}),
            ("blockDeviceMappings", {"blockDeviceMappings": []}),
            ("blockDeviceMappings", {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}, {"ebs": {}}]}),
            ("keyName", {"keyName": "ops"}),
        ),
    ),
    "rds-instance": Table(
        DATABASE,
        ({"backupRetentionPeriod": 35}, {"publiclyAccessible": ABSENT}),
        (
            ("storageEncrypted", {"storageEncrypted": ABSENT}),
            ("kmsKeyId", {"kmsKeyId": ABSENT}),
            ("publiclyAccessible", {"publiclyAccessible": True}),
            ("multiAz", {"multiAz": ABSENT}),
            ("backupRetentionPeriod", {"backupRetentionPeriod": 6}),
            ("backupRetentionPeriod", {"backupRetentionPeriod": ABSENT}),
            ("deletionProtection", {"deletionProtection": ABSENT}),
            ("skipFinalSnapshot", {"skipFinalSnapshot": True}),
            ("iamDatabaseAuthenticationEnabled", {"iamDatabaseAuthenticationEnabled": ABSENT}),
            ("password", {"password": "in the clear"}),
            ("password", {"manageMasterUserPassword": ABSENT}),
            ("parameterGroupName", {"parameterGroupName": ABSENT}),
        ),
    ),
    "rds-parameter-group": Table(
        {"parameters": [{"name": "log_connections", "value": "1"}, {"name": "rds.force_ssl", "value": "1"}]},
        (),
        (
            ("parameters", {"parameters": [{"name": "rds.force_ssl", "value": "0"}]}),
            ("parameters", {"parameters": [{"name": "log_connections", "value": "1"}]}),
            ("parameters", {"parameters": ABSENT}),
        ),
    ),
    "ecr-repository": Table(
        {"imageTagMutability": "IMMUTABLE", "encryptionConfigurations": [{"encryptionType": "KMS"}]},
        (),
        (
            ("imageTagMutability", {"imageTagMutability": "MUTABLE"}),
            ("imageTagMutability", {"imageTagMutability": ABSENT}),
            ("forceDelete", {"forceDelete": True}),
            ("encryptionConfigurations", {"encryptionConfigurations": [{"encryptionType": "AES256"}]}),
            ("encryptionConfigurations", {"encryptionConfigurations": ABSENT}),
        ),
    ),
    "ecr-repository-policy": Table(
        {"policy": document(allow({"AWS": ROLE}, "ecr:BatchGetImage"))},
        (),
        (("policy", {"policy": document(allow("*", "ecr:BatchGetImage"))}),),
    ),
    "iam-role": Table(
        ASSUMED,
        ({"managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]},),
        (
            ("assumeRolePolicy", {"assumeRolePolicy": document(allow(EVERYTHING_BY, "sts:AssumeRole"))}),
            ("managedPolicyArns", {"managedPolicyArns": [ADMINISTRATION]}),
            ("managedPolicyArns", {"managedPolicyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"]}),
        ),
    ),
    "iam-policy": Table(
        {"policy": document(allow(None, ["s3:GetObject"], "*"), allow(None, "s3:*", "arn:aws:s3:::snapshots/*"))},
        (),
        (
            ("policy: name actions", {"policy": document(allow(None, "*"))}),
            ("policy: name actions", {"policy": document(allow(None, ["s3:GetObject", "*"], ["*"]))}),
            ("policy: name actions", {"policy": document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})}),
            (
                "policy: name actions",
                {"policy": document({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::snapshots"})},
            ),
            ("policy: where a whole", {"policy": document(allow(None, "kms:*"))}),
        ),
    ),
    "iam-attachment": Table(
        {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
        (),
        (("policyArn", {"policyArn": ADMINISTRATION}),),
    ),
    "required-tags": Table(
        {"tags": TAGS},
        ({"tags": {**TAGS, "team": "blue"}},),
        (
            *((f"tags: set {name}", {"tags": {key: TAGS[key] for key in TAGS if key != name}}) for name in TAGS),
            ("tags: set tradeplane:owner", {"tags": {**TAGS, "tradeplane:owner": ""}}),
        ),
    ),
}
"""By the rule's name."""
NEVER_ALLOWED = {"ec2-instance": "use a node group", "iam-long-lived-credentials": "use a role"}
"""Rules of types that there may not be at all, and how their message begins."""
