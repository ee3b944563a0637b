"""Types of S3: a bucket, and what is set of a bucket by a request of its own."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import AwsType
from tests.integration.stacks.providers.frame import Found, Properties
from tests.integration.stacks.providers.shapes import kept, read_back, request

if TYPE_CHECKING:
    from collections.abc import Mapping


class Bucket(AwsType):
    """A bucket, without what other types set of it."""

    pulumi_type = "aws:s3/bucket:Bucket"
    service, operation = "s3", "CreateBucket"
    names: Mapping[str, str] = {"objectLockEnabled": "ObjectLockEnabledForBucket"}
    settings: Mapping[str, type] = {"region": str, "forceDestroy": bool, "tags": dict}
    replaces = frozenset({"bucket", "objectLockEnabled", "region"})
    named = "bucket"
    gone = frozenset({"404", "NoSuchBucket"})

    def create(self, inputs: Properties) -> str:
        s3, asked = self.client(inputs), self.request(inputs)
        if inputs["region"] != "us-east-1":  # S3 takes any other than its first region alone as a constraint
            asked["CreateBucketConfiguration"] = {"LocationConstraint": inputs["region"]}
        s3.create_bucket(**asked)
        self.update(inputs["bucket"], {}, inputs)
        return str(inputs["bucket"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        s3 = self.client(inputs)
        s3.head_bucket(Bucket=resource_id)
        arn = f"arn:aws:s3:::{resource_id}"
        domain = f"{resource_id}.s3.{inputs['region']}.amazonaws.com"
        found = {**inputs, "bucket": resource_id, **({"tags": tags} if (tags := self._tags(s3, resource_id)) else {})}
        if not tags:
            found.pop("tags", None)
        return Found(found, {"arn": arn, "bucketRegionalDomainName": domain, "tagsAll": tags})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        s3 = self.client(new)
        tags = [{"Key": key, "Value": value} for key, value in sorted(new.get("tags", {}).items())]
        if tags:
            s3.put_bucket_tagging(Bucket=resource_id, Tagging={"TagSet": tags})
        elif old.get("tags"):
            s3.delete_bucket_tagging(Bucket=resource_id)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        s3 = self.client(inputs)
        if inputs.get("forceDestroy"):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=resource_id):
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    s3.delete_object(Bucket=resource_id, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=resource_id)

    def _tags(self, s3: Any, name: str) -> dict[str, str]:
        try:
            found = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchTagSet":
                raise
            return {}
        return {one["Key"]: one["Value"] for one in found}


class BucketPart(AwsType):
    """What is set of a bucket by one request, read by one and taken back by one."""

    service = "s3"
    replaces = frozenset({"bucket", "region"})

    def __init__(
        self,
        token: str,
        put: str,
        body: str,
        found: str,
        *gone: str,
        delete: str | None = None,
        nothing: dict[str, Any] | None = None,
        within: str = "",
        always: dict[str, str] | None = None,
        untold: tuple[str, ...] = (),
    ) -> None:
        """Name the operation that sets it, the member of its request, and that of the answer, each a path with dots.

        Without ``delete`` there is no request that takes it back, and the bucket keeps it; ``nothing`` is what such a
        request says, where it is one that sets it. ``within`` is the property
        that all others are in, where there is one, ``always`` what the provider says by itself, and ``untold`` paths
        of properties that moto does not tell as they were asked for.
        """
        self.pulumi_type, self.operation = f"aws:s3/{token[0].lower()}{token[1:]}:{token}", put
        self._body, self._found = body.split("."), [part for part in found.split(".") if part]
        self._taken_back, self._within, self._always = delete, within, always or {}
        self._untold, self._nothing = untold, nothing or {}
        self.gone = frozenset({"404", "NoSuchBucket", *gone})

    @cached_property
    def _subject(self) -> Any:
        shape = self.shape
        for part in self._body:
            shape = shape.members[part]
        return shape

    def request(self, inputs: Properties) -> dict[str, Any]:
        own = self._own(inputs)
        structure = self._subject.type_name == "structure"
        body = (
            {**self._always, **request(own, self._subject, "", self.names)} if structure else next(iter(own.values()))
        )
        for part in reversed(self._body):
            body = {part: body}
        return {"Bucket": inputs["bucket"], **body}

    def create(self, inputs: Properties) -> str:
        getattr(self.client(inputs), _method(self.operation))(**self.request(inputs))
        return str(inputs["bucket"])

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        found: Any = getattr(self.client(inputs), _method(self.operation.replace("Put", "Get")))(Bucket=resource_id)
        for part in self._found:
            found = found.get(part, {})
        if not found or list(found) == ["ResponseMetadata"]:
            return None
        asked = self._own(inputs)
        read = read_back(found if isinstance(found, dict) else {next(iter(asked)): found}, asked, self.names)
        for path in self._untold:
            kept(read, asked, path)
        own = {self._within: read} if self._within else read
        return Found({"region": inputs["region"], "bucket": resource_id, **own}, {})

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        self.create(new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        if self._taken_back:
            getattr(self.client(inputs), _method(self._taken_back))(Bucket=resource_id, **self._nothing)

    def _own(self, inputs: Properties) -> Properties:
        own = {key: value for key, value in inputs.items() if key not in ("bucket", "region")}
        return own[self._within] if self._within else own


def _method(operation: str) -> str:
    """Return the method of boto3 for an operation, as ``put_bucket_policy``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


TYPES = (
    Bucket(),
    BucketPart(
        "BucketVersioning", "PutBucketVersioning", "VersioningConfiguration", "", within="versioningConfiguration"
    ),
    BucketPart(
        "BucketServerSideEncryptionConfiguration",
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        delete="DeleteBucketEncryption",
        untold=("rules.blockedEncryptionTypes",),
    ),
    BucketPart(
        "BucketObjectLockConfiguration",
        "PutObjectLockConfiguration",
        "ObjectLockConfiguration",
        "ObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        always={"ObjectLockEnabled": "Enabled"},
    ),
    BucketPart(
        "BucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        "",
        "NoSuchLifecycleConfiguration",
        delete="DeleteBucketLifecycle",
    ),
    BucketPart(
        "BucketPublicAccessBlock",
        "PutPublicAccessBlock",
        "PublicAccessBlockConfiguration",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        delete="DeletePublicAccessBlock",
    ),
    BucketPart(
        "BucketPolicy", "PutBucketPolicy", "Policy", "Policy", "NoSuchBucketPolicy", delete="DeleteBucketPolicy"
    ),
    BucketPart(
        "BucketLogging",
        "PutBucketLogging",
        "BucketLoggingStatus.LoggingEnabled",
        "LoggingEnabled",
        delete="PutBucketLogging",
        nothing={"BucketLoggingStatus": {}},
    ),
    BucketPart(
        "BucketOwnershipControls",
        "PutBucketOwnershipControls",
        "OwnershipControls",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
        delete="DeleteBucketOwnershipControls",
    ),
    BucketPart(
        "BucketReplicationConfig",
        "PutBucketReplication",
        "ReplicationConfiguration",
        "ReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
        delete="DeleteBucketReplication",
        untold=("rules.deleteMarkerReplication", "rules.sourceSelectionCriteria"),
    ),
)
