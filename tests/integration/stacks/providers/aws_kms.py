"""Types of KMS. What is scheduled for deletion is gone, as the published provider has it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.integration.stacks.providers.aws import AwsType, client
from tests.integration.stacks.providers.frame import Found, Properties, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Key(AwsType):
    """A key of the customer."""

    pulumi_type = "aws:kms/key:Key"
    service, operation = "kms", "CreateKey"
    names: Mapping[str, str] = {"customerMasterKeySpec": "KeySpec"}
    settings: Mapping[str, type] = {
        "region": str,
        "deletionWindowInDays": int,
        "enableKeyRotation": bool,
        "rotationPeriodInDays": int,
    }
    replaces = frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion", "region"})
    gone = frozenset({"NotFoundException"})

    def create(self, inputs: Properties) -> str:
        made = str(self.client(inputs).create_key(**self.request(inputs))["KeyMetadata"]["KeyId"])
        self._rotate(made, inputs)
        return made

    def _rotate(self, key: str, inputs: Properties) -> None:
        """Set how often KMS makes new material; moto keeps whether, and not how often."""
        kms = self.client(inputs)
        if inputs.get("enableKeyRotation"):
            period = (
                {"RotationPeriodInDays": inputs["rotationPeriodInDays"]} if "rotationPeriodInDays" in inputs else {}
            )
            kms.enable_key_rotation(KeyId=key, **period)
        elif "enableKeyRotation" in inputs:
            kms.disable_key_rotation(KeyId=key)

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        kms = self.client(inputs)
        key = kms.describe_key(KeyId=resource_id)["KeyMetadata"]
        if key["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
            return None
        key["Policy"] = kms.get_key_policy(KeyId=resource_id, PolicyName="default")["Policy"]
        key["Tags"] = kms.list_resource_tags(KeyId=resource_id)["Tags"]
        key["BypassPolicyLockoutSafetyCheck"] = inputs.get("bypassPolicyLockoutSafetyCheck")  # nothing tells it
        primary = key["MultiRegionConfiguration"]["PrimaryKey"]["Arn"] if key.get("MultiRegion") else None
        outputs = {"arn": key["Arn"], "keyId": resource_id, "primaryKeyArn": primary}
        found = Found(self.inputs_of(key, inputs), outputs)
        if "enableKeyRotation" in inputs:
            found.inputs["enableKeyRotation"] = kms.get_key_rotation_status(KeyId=resource_id)["KeyRotationEnabled"]
        return found

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        kms, key = self.client(new), {"KeyId": resource_id}
        rotation = ("enableKeyRotation", "rotationPeriodInDays")
        if any(old.get(name) != new.get(name) for name in rotation):
            self._rotate(resource_id, new)
        if not same(old.get("policy"), new.get("policy")):
            kms.put_key_policy(**key, PolicyName="default", Policy=new["policy"])
        if old.get("description") != new.get("description"):
            kms.update_key_description(**key, Description=new.get("description", ""))
        if removed := sorted(old.get("tags", {}).keys() - new.get("tags", {}).keys()):
            kms.untag_resource(**key, TagKeys=removed)
        if old.get("tags") != new.get("tags") and new.get("tags"):
            kms.tag_resource(
                **key, Tags=[{"TagKey": name, "TagValue": value} for name, value in sorted(new["tags"].items())]
            )

    def remove(self, resource_id: str, inputs: Properties) -> None:
        if self.look(resource_id, inputs) is not None:
            window = inputs.get("deletionWindowInDays", 30)
            self.client(inputs).schedule_key_deletion(KeyId=resource_id, PendingWindowInDays=window)


class ReplicaKey(Key):
    """The same key in another region. moto copies it whole, so that what the replica has of its own is set after."""

    pulumi_type = "aws:kms/replicaKey:ReplicaKey"
    operation = "ReplicateKey"
    settings: Mapping[str, type] = {**Key.settings, "primaryKeyArn": str}
    replaces = frozenset({"primaryKeyArn", "region"})

    def request(self, inputs: Properties) -> dict[str, Any]:
        primary = inputs["primaryKeyArn"].rpartition("/")[2]
        return {**super().request(inputs), "KeyId": primary, "ReplicaRegion": inputs["region"]}

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        found = super().look(resource_id, inputs)
        if found is not None:
            found.inputs["primaryKeyArn"] = found.outputs["primaryKeyArn"]
        return found

    def create(self, inputs: Properties) -> str:
        asked = self.request(inputs)
        client("kms", inputs["primaryKeyArn"].split(":")[3]).replicate_key(**asked)
        self.update(asked["KeyId"], {}, inputs)
        return str(asked["KeyId"])


class Alias(AwsType):
    """A name of a key."""

    pulumi_type = "aws:kms/alias:Alias"
    service, operation = "kms", "CreateAlias"
    names: Mapping[str, str] = {"name": "AliasName"}
    replaces = frozenset({"name", "region"})
    named = "name"
    gone = frozenset({"NotFoundException"})

    def create(self, inputs: Properties) -> str:
        self.client(inputs).create_alias(**self.request(inputs))
        return str(inputs["name"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        pages = self.client(inputs).get_paginator("list_aliases").paginate()
        found = next((one for page in pages for one in page["Aliases"] if one["AliasName"] == resource_id), None)
        if found is None:
            return None
        key = found["TargetKeyId"].rpartition("/")[2]
        arn = found["AliasArn"].rpartition(":")[0] + f":key/{key}"
        # A key is meant by its ARN as by its id; which of them was written does not make it another.
        written = inputs.get("targetKeyId", arn)
        inputs_found = self.inputs_of(found | {"TargetKeyId": written if written in (key, arn) else arn}, inputs)
        return Found(inputs_found, {"arn": found["AliasArn"], "targetKeyArn": arn, "targetKeyId": written})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        self.client(new).update_alias(AliasName=resource_id, TargetKeyId=new["targetKeyId"])

    def remove(self, resource_id: str, inputs: Properties) -> None:
        self.client(inputs).delete_alias(AliasName=resource_id)


def get_public_key(arguments: Properties) -> Properties:
    """Return the public half of a key."""
    answer = client("kms", arguments["region"]).get_public_key(KeyId=arguments["keyId"])
    pem = load_der_public_key(answer["PublicKey"]).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        **arguments,
        "id": answer["KeyId"],
        "arn": answer["KeyId"],
        "customerMasterKeySpec": answer.get("KeySpec"),  # moto leaves it out
        "keyUsage": answer["KeyUsage"],
        "signingAlgorithms": answer["SigningAlgorithms"],
        "publicKey": base64.b64encode(answer["PublicKey"]).decode(),
        "publicKeyPem": pem.decode(),
    }


TYPES = (Key(), ReplicaKey(), Alias())
FUNCTIONS: Mapping[str, Callable[[Properties], Properties]] = {"aws:kms/getPublicKey:getPublicKey": get_public_key}
