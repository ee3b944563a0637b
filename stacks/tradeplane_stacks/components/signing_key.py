"""The key that signs evidence: in KMS, of which no copy can be had, and in every region the same.

KMS cannot rotate a key for signing. A rotation is a new generation: first ``published``, so that verifiers have its
public key before they meet a signature by it, then ``signs`` while the one before only ``verifies``. An alias leads to
the one that signs. What a generation verifies outlives its signing, so that keys are protected from removal.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import pulumi
from pulumi_aws import kms
from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.principals import RoleArn
from tradeplane_stacks.components.regions import Region, partitions
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import Ownership, TaggedComponent, required_tags

SIGN = ["kms:Sign", "kms:GetPublicKey", "kms:DescribeKey"]

# Neither kms:Sign nor kms:CreateGrant, which could hand it on.
ADMINISTER = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ReplicateKey",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
    "kms:UpdatePrimaryRegion",
]


class Generation(Configuration):
    """One key of those that follow each other."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    state: Literal["published", "signs", "verifies"]


class SigningKeyConfig(Configuration):
    """Where the key is, who signs by it, and who looks after it."""

    ownership: Ownership
    primary_region: Region
    replica_regions: tuple[Region, ...] = ()
    operator_role: RoleArn
    administrator_roles: Annotated[tuple[RoleArn, ...], Field(min_length=1)]
    generations: Annotated[tuple[Generation, ...], Field(min_length=1)]
    # The longest that KMS has, as what is deleted cannot be had back; fewer than 14 are less than a holiday.
    deletion_window_days: Annotated[int, Field(ge=14, le=30)] = 30

    @property
    def regions(self) -> tuple[str, ...]:
        """All regions, the primary first."""
        return (self.primary_region, *self.replica_regions)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.regions)) != len(self.regions):
            raise ValueError("replica_regions: each region once, and the primary_region not among them")
        found = {partitions()[region] for region in self.regions}
        found |= {role.split(":")[1] for role in (self.operator_role, *self.administrator_roles)}
        if len(found) > 1:
            raise ValueError(f"regions and roles are of one partition of AWS, not of {', '.join(sorted(found))}")
        if self.operator_role in self.administrator_roles:
            raise ValueError("administrator_roles: who signs does not administer; leave operator_role out of them")
        names = [generation.name for generation in self.generations]
        if len(set(names)) != len(names):
            raise ValueError("generations: each name once")
        if sum(generation.state == "signs" for generation in self.generations) != 1:
            raise ValueError("generations: exactly one of state 'signs'")
        return self


def key_policy(config: SigningKeyConfig, generation: Generation) -> dict[str, Any]:
    """Who may do what with the key of a generation: one role signs while it is to, and nobody does before and after."""
    statements = [
        _statement("Administer", "Allow", {"AWS": list(config.administrator_roles)}, ADMINISTER),
    ]
    # Refused as well as not allowed: a grant or a later policy of IAM allows nothing against it.
    refused = _statement("RefuseSigning", "Deny", {"AWS": "*"}, ["kms:Sign"])
    if generation.state == "signs":
        statements.append(_statement("Sign", "Allow", {"AWS": config.operator_role}, SIGN))
        refused["Condition"] = {"ArnNotEquals": {"aws:PrincipalArn": config.operator_role}}
    return {"Version": "2012-10-17", "Statement": [*statements, refused]}


def _statement(sid: str, effect: str, principal: dict[str, Any], actions: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": effect, "Principal": principal, "Action": actions, "Resource": "*"}


def keyring(public_keys: Mapping[str, str]) -> str:
    """Return the keyring of public keys, in PEM by generation, as docs/evidence/keys.md has its form."""
    keys = [{"publicKey": key} for _, key in sorted(public_keys.items())]
    return json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": keys}, indent=2)


class SigningKey(TaggedComponent):
    """The keys of all generations in all regions, and the alias of the one that signs."""

    public_keys: pulumi.Output[dict[str, str]]
    """The public key of each generation, as PEM: what a keyring is made of."""

    keyring: pulumi.Output[str]
    """The keyring of them all, as it is published: verifiers take it as it is."""

    key_arns: pulumi.Output[dict[str, str]]
    """The key that signs, by region."""

    signer: str
    """How the operator names the key that signs, in whichever region it runs."""

    def __init__(
        self, name: str, config: SigningKeyConfig, stack: StackName, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("SigningKey", name, required_tags(stack, config.ownership), opts)
        self._name, self._config = name, config
        public: dict[str, pulumi.Output[str]] = {}
        for generation in config.generations:
            keys = self._keys(generation)
            primary = keys[config.primary_region]
            public[generation.name] = kms.get_public_key_output(
                key_id=primary, region=config.primary_region, opts=pulumi.InvokeOutputOptions(parent=self)
            ).public_key_pem
            if generation.state == "signs":
                self._lead_to(keys)
                self.key_arns = pulumi.Output.all(**keys)
        self.public_keys = pulumi.Output.all(**public)
        self.signer = f"awskms:///alias/{name}"
        self.keyring = self.public_keys.apply(keyring)
        self.register_outputs(
            {
                "public_keys": self.public_keys,
                "keyring": self.keyring,
                "key_arns": self.key_arns,
                "signer": self.signer,
            }
        )

    def _keys(self, generation: Generation) -> dict[str, pulumi.Output[str]]:
        config = self._config
        policy = json.dumps(key_policy(config, generation), sort_keys=True)
        kept = pulumi.ResourceOptions(parent=self, protect=True)
        primary = kms.Key(
            f"{self._name}-{generation.name}",
            customer_master_key_spec="ECC_NIST_P256",
            key_usage="SIGN_VERIFY",
            multi_region=True,
            policy=policy,
            bypass_policy_lockout_safety_check=False,
            deletion_window_in_days=config.deletion_window_days,
            description=f"Signs evidence of tradeplane, generation {generation.name}",
            region=config.primary_region,
            opts=kept,
        )
        replicas = {
            region: kms.ReplicaKey(
                f"{self._name}-{generation.name}-{region}",
                primary_key_arn=primary.arn,
                policy=policy,
                bypass_policy_lockout_safety_check=False,
                deletion_window_in_days=config.deletion_window_days,
                description=f"Signs evidence of tradeplane, generation {generation.name}",
                region=region,
                opts=kept,
            ).arn
            for region in config.replica_regions
        }
        return {config.primary_region: primary.arn, **replicas}

    def _lead_to(self, keys: dict[str, pulumi.Output[str]]) -> None:
        for region, arn in keys.items():
            kms.Alias(
                f"{self._name}-{region}",
                name=f"alias/{self._name}",
                target_key_id=arn,
                region=region,
                opts=pulumi.ResourceOptions(parent=self),
            )
