"""Who may do what in a SnapshotStore: policies of its buckets and keys, decided without AWS.

Runs of all namespaces have one role, and see their own namespace's folder alone: EKS Pod Identity puts the namespace
on the session as the tag ``kubernetes-namespace``, and a policy's resource is made of it. A session without the tag
matches nothing. Folders are those of ``tradeplane_store.layout``, below one for each namespace.

What vouches for the rest is written once: a manifest of results, the record of a replay, a pointer of a capture. S3
refuses a second write (``If-None-Match``), and the policy refuses one that does not ask for that. Parts and logs are
written before, again by each attempt; snapshots lie under their digest, where a second write has the same bytes.

Everybody is refused removal, administrators too: who has to remove something changes the policy first, which is seen.
Locks hold against that as well. Lifecycle rules are S3's own and ask no policy.
"""

from tradeplane_stacks.components.data_key import Use
from tradeplane_stacks.components.placement import service_host
from tradeplane_stacks.components.policy_documents import EVERYONE, Document, document, roles, statement
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig

NAMESPACE = "${aws:PrincipalTag/kubernetes-namespace}"

WRITTEN = ("snapshots", "results", "replays", "captures")
"""Folders of a namespace that its runs write to."""

WRITTEN_ONCE = ("results/*/manifest.json", "replays/*/record.json", "captures/*/*.json")
"""What of them is written once."""

READ = ["s3:GetObject", "s3:GetObjectVersion"]
REMOVE = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]


def refuse_plain_http(bucket_arn: str) -> tuple[Document, Document]:
    """Return what refuses requests without TLS, and by a TLS that is older than 1.2."""
    everything = [bucket_arn, f"{bucket_arn}/*"]
    return (
        statement(
            "RefusePlainHttp",
            "Deny",
            ["s3:*"],
            everything,
            principal=EVERYONE,
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
        statement(
            "RefuseOldTls",
            "Deny",
            ["s3:*"],
            everything,
            principal=EVERYONE,
            condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        ),
    )


def refuse_removal(bucket_arn: str) -> Document:
    """Return what refuses to remove an object or a version, and to go round a lock."""
    return statement("RefuseRemoval", "Deny", REMOVE, [f"{bucket_arn}/*"], principal=EVERYONE)


def bucket_policy(config: SnapshotStoreConfig, region: str, key_arn: str, minimum_days: int) -> str:
    """Return the policy of a region's bucket. ``minimum_days``: no version is locked for less by anybody."""
    arn = config.bucket_arn(region)
    return document(
        *refuse_plain_http(arn),
        *_refuse_other_encryption(arn, key_arn),
        refuse_removal(arn),
        statement(
            "RefuseShorterLocks",
            "Deny",
            ["s3:PutObjectRetention"],
            [f"{arn}/*"],
            principal=EVERYONE,
            condition={"NumericLessThan": {"s3:object-lock-remaining-retention-days": str(minimum_days)}},
        ),
        statement(
            "RefuseSecondWrites",
            "Deny",
            ["s3:PutObject"],
            [f"{arn}/*/{path}" for path in WRITTEN_ONCE],
            principal=EVERYONE,
            condition={"Null": {"s3:if-none-match": "true"}},
        ),
        *_read_all(config, arn),
        *_run(config, arn),
    )


def log_bucket_policy(config: SnapshotStoreConfig, region: str) -> str:
    """Return the policy of the bucket that S3 writes a region's access log to, and nobody else."""
    arn = config.log_bucket_arn(region)
    source = {
        "ArnEquals": {"aws:SourceArn": config.bucket_arn(region)},
        "StringEquals": {"aws:SourceAccount": config.account},
    }
    logging = {"Service": "logging.s3.amazonaws.com"}
    return document(
        *refuse_plain_http(arn),
        refuse_removal(arn),
        statement("WriteLog", "Allow", ["s3:PutObject"], [f"{arn}/*"], principal=logging, condition=source),
    )


def key_uses(
    config: SnapshotStoreConfig, region: str, replicates_from: str | None, replicates_to: list[str]
) -> list[Use]:
    """Return who uses the key of a region: through S3, for its bucket, and for nothing else.

    ``replicates_from``: the role that copies out of this region; ``replicates_to``: those that copy into it. By S3 User
    Guide, "Amazon S3 Bucket Keys and replication", those decrypt as well, to check the bucket's key.
    """
    arn = config.bucket_arn(region)
    condition = {
        "StringEquals": {"kms:ViaService": service_host("s3", region)},
        # The bucket where its bucket key is used, and the object where a client did without.
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [arn, f"{arn}/*"]},
    }
    uses = [
        Use("Read", roles([config.operator_role, *config.reader_roles]), ["kms:Decrypt"], condition),
        Use("ReadAndWrite", roles([config.runner_role]), ["kms:Decrypt", "kms:GenerateDataKey"], condition),
    ]
    if replicates_from is not None:
        uses.append(Use("ReplicateFrom", roles([replicates_from]), ["kms:Decrypt"], condition))
    if replicates_to:
        encrypt = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        uses.append(Use("ReplicateTo", roles(replicates_to), encrypt, condition))
    return uses


def _refuse_other_encryption(bucket_arn: str, key_arn: str) -> list[Document]:
    """Refuse what asks for another encryption than the bucket's; what asks for none gets the bucket's."""
    encryption = "s3:x-amz-server-side-encryption"
    asked = {
        "RefuseOtherEncryption": (encryption, "aws:kms"),
        "RefuseOtherKeys": (f"{encryption}-aws-kms-key-id", key_arn),
    }
    refused = [
        statement(
            sid,
            "Deny",
            ["s3:PutObject"],
            [f"{bucket_arn}/*"],
            principal=EVERYONE,
            # A header that was not sent would be unequal as well.
            condition={"StringNotEquals": {header: value}, "Null": {header: "false"}},
        )
        for sid, (header, value) in asked.items()
    ]
    customer = {"Null": {f"{encryption}-customer-algorithm": "false"}}
    return [
        *refused,
        statement(
            "RefuseCustomerKeys",
            "Deny",
            ["s3:PutObject"],
            [f"{bucket_arn}/*"],
            principal=EVERYONE,
            condition=customer,
        ),
    ]


def _read_all(config: SnapshotStoreConfig, bucket_arn: str) -> list[Document]:
    readers = roles([config.operator_role, *config.reader_roles])
    # The operator asks what is locked before it deletes a Snapshot's payload, and leaves that where it is.
    locks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
    return [
        statement("Read", "Allow", [*READ, *locks], [f"{bucket_arn}/*"], principal=readers),
        statement("List", "Allow", ["s3:ListBucket"], [bucket_arn], principal=readers),
    ]


def _run(config: SnapshotStoreConfig, bucket_arn: str) -> list[Document]:
    runner = roles([config.runner_role])
    own = f"{bucket_arn}/{NAMESPACE}"
    return [
        statement("RunReads", "Allow", READ, [f"{own}/*"], principal=runner),
        # Also what makes of a missing object a 404: S3 asks for the right to list with the object's name as prefix.
        statement(
            "RunLists",
            "Allow",
            ["s3:ListBucket"],
            [bucket_arn],
            principal=runner,
            condition={"StringLike": {"s3:prefix": [f"{NAMESPACE}/*"]}},
        ),
        statement(
            "RunWrites",
            "Allow",
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [f"{own}/{folder}/*" for folder in WRITTEN],
            principal=runner,
        ),
    ]
