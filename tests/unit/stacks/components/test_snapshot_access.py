import pytest
from tradeplane_stacks.components.data_key import data_key_policy
from tradeplane_stacks.components.snapshot_access import bucket_policy, key_uses, log_bucket_policy
from tradeplane_store import layout

from tests.unit.stacks.components.policy_evaluation import allowed, decided
from tests.unit.stacks.components.snapshot_stores import (
    ADMINISTRATOR,
    OPERATOR,
    READER,
    ROLE,
    RUNNER,
    SOMEBODY,
    config,
)

BUCKET = "arn:aws:s3:::tradeplane-prod-111122223333-eu-west-1"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/k"
POLICY = bucket_policy(config(), "eu-west-1", KEY, 1826)
LOGS = log_bucket_policy(config(), "eu-west-1")
TRADING = {"aws:PrincipalTag/kubernetes-namespace": "trading"}
EVERYBODY = [ADMINISTRATOR, OPERATOR, RUNNER, READER, SOMEBODY]
DIGEST = f"sha256:{'a' * 64}"
ONCE = {"s3:if-none-match": "*"}

WRITTEN_BY_RUNS = [
    layout.snapshot_manifest(DIGEST),
    layout.snapshot_part(DIGEST, "ticks"),
    layout.snapshot_environment(DIGEST),
    layout.capture_pointer("btc", 7),
    layout.results_manifest("run"),
    layout.results_part("run", "events"),
    layout.results_summary("run"),
    layout.results_log("run", "1"),
    layout.replay_record("replay"),
    layout.replay_log("replay", "1"),
]
WRITTEN_ONCE = [layout.results_manifest("run"), layout.replay_record("replay"), layout.capture_pointer("btc", 7)]


@pytest.mark.parametrize("path", WRITTEN_BY_RUNS)
def test_runs_read_and_write_what_the_store_lays_out_in_their_own_namespace(path: str) -> None:
    own, other = f"{BUCKET}/trading/{path}", f"{BUCKET}/research/{path}"
    assert allowed(POLICY, RUNNER, "s3:PutObject", own, TRADING | ONCE)
    assert allowed(POLICY, RUNNER, "s3:GetObject", own, TRADING)
    assert not allowed(POLICY, RUNNER, "s3:PutObject", other, TRADING | ONCE)
    assert not allowed(POLICY, RUNNER, "s3:GetObject", other, TRADING)


@pytest.mark.parametrize("path", WRITTEN_BY_RUNS)
@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject"])
def test_a_runner_whose_namespace_is_not_known_reaches_nothing(path: str, action: str) -> None:
    assert not allowed(POLICY, RUNNER, action, f"{BUCKET}/trading/{path}", ONCE)
    assert not allowed(POLICY, RUNNER, action, f"{BUCKET}//{path}", ONCE)


def test_runs_write_and_do_nothing_else() -> None:
    for action in ("Retention", "LegalHold", "Acl", "Tagging", "VersionTagging"):
        assert not allowed(POLICY, RUNNER, f"s3:PutObject{action}", f"{BUCKET}/trading/results/run/a", TRADING | ONCE)
    assert not allowed(POLICY, RUNNER, "s3:ReplicateObject", f"{BUCKET}/trading/results/run/a", TRADING | ONCE)


def test_runs_write_nothing_beside_what_the_store_lays_out() -> None:
    for place in ("trading/elsewhere/x", "trading/x", "x"):
        assert not allowed(POLICY, RUNNER, "s3:PutObject", f"{BUCKET}/{place}", TRADING | ONCE)


@pytest.mark.parametrize("path", WRITTEN_ONCE)
@pytest.mark.parametrize("who", EVERYBODY)
def test_what_vouches_is_written_once_by_anybody(path: str, who: str) -> None:
    assert decided(POLICY, who, "s3:PutObject", f"{BUCKET}/trading/{path}", TRADING) is False


@pytest.mark.parametrize("path", sorted(set(WRITTEN_BY_RUNS) - set(WRITTEN_ONCE)))
def test_what_an_attempt_writes_again_may_be_written_again(path: str) -> None:
    assert allowed(POLICY, RUNNER, "s3:PutObject", f"{BUCKET}/trading/{path}", TRADING)


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("bucket", [BUCKET, f"{BUCKET}-logs"])
@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"])
def test_nobody_removes_anything(who: str, bucket: str, action: str) -> None:
    policy = POLICY if bucket == BUCKET else LOGS
    assert decided(policy, who, action, f"{bucket}/trading/results/run/log-1.txt", TRADING) is False


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(("days", "locked"), [("1825", False), ("1826", None), ("3000", None)])
def test_nobody_locks_for_less_than_the_policy_asks(who: str, days: str, locked: bool | None) -> None:
    asked = {"s3:object-lock-remaining-retention-days": days}
    assert decided(POLICY, who, "s3:PutObjectRetention", f"{BUCKET}/trading/results/run/a", asked) is locked


@pytest.mark.parametrize("reader", [OPERATOR, READER])
def test_the_operator_and_readers_read_all_and_write_nothing(reader: str) -> None:
    place = f"{BUCKET}/trading/results/run/manifest.json"
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"):
        assert allowed(POLICY, reader, action, place)
    assert allowed(POLICY, reader, "s3:ListBucket", BUCKET, {"s3:prefix": ""})
    for action in ("s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:AbortMultipartUpload"):
        assert not allowed(POLICY, reader, action, place, ONCE)


@pytest.mark.parametrize("who", [ADMINISTRATOR, SOMEBODY])
def test_others_neither_read_nor_write(who: str) -> None:
    place = f"{BUCKET}/trading/results/run/manifest.json"
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetObjectRetention"):
        assert not allowed(POLICY, who, action, place, TRADING | ONCE)
    assert not allowed(POLICY, who, "s3:ListBucket", BUCKET, TRADING | {"s3:prefix": "trading/"})


def test_runs_list_their_own_namespace_alone() -> None:
    assert allowed(POLICY, RUNNER, "s3:ListBucket", BUCKET, TRADING | {"s3:prefix": "trading/results/"})
    for prefix in ("", "research/", "trading"):
        assert not allowed(POLICY, RUNNER, "s3:ListBucket", BUCKET, TRADING | {"s3:prefix": prefix})
    assert not allowed(POLICY, RUNNER, "s3:ListBucket", BUCKET, TRADING)
    assert not allowed(POLICY, RUNNER, "s3:ListBucket", BUCKET, {"s3:prefix": "trading/"})


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("bucket", [BUCKET, f"{BUCKET}-logs"])
@pytest.mark.parametrize(
    "connection", [{"aws:SecureTransport": "false"}, {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}]
)
def test_what_comes_by_no_tls_or_an_old_one_is_refused(who: str, bucket: str, connection: dict[str, str]) -> None:
    policy = POLICY if bucket == BUCKET else LOGS
    for action, resource in (("s3:GetObject", f"{bucket}/trading/results/a"), ("s3:ListBucket", bucket)):
        assert decided(policy, who, action, resource, TRADING | connection) is False


def test_what_comes_by_tls_is_not_refused() -> None:
    modern = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    assert allowed(POLICY, OPERATOR, "s3:GetObject", f"{BUCKET}/trading/results/a", modern)


SSE = "s3:x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({SSE: "aws:kms"}, True),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY}, True),
        ({SSE: "AES256"}, False),
        ({SSE: "aws:kms:dsse"}, False),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": f"{KEY}2"}, False),
        ({f"{SSE}-customer-algorithm": "AES256"}, False),
    ],
)
def test_what_is_to_be_encrypted_otherwise_is_refused(headers: dict[str, str], taken: bool) -> None:
    place = f"{BUCKET}/trading/results/run/log-1.txt"
    assert decided(POLICY, RUNNER, "s3:PutObject", place, TRADING | headers) is taken


def test_s3_writes_the_access_log_of_this_bucket_and_nobody_else_writes_or_reads_there() -> None:
    logging, place = "logging.s3.amazonaws.com", f"{BUCKET}-logs/access/2026"
    ours = {"aws:SourceArn": BUCKET, "aws:SourceAccount": "111122223333"}
    assert allowed(LOGS, logging, "s3:PutObject", place, ours)
    assert not allowed(LOGS, logging, "s3:PutObject", place, ours | {"aws:SourceAccount": "444455556666"})
    assert not allowed(LOGS, logging, "s3:PutObject", place, ours | {"aws:SourceArn": f"{BUCKET}-of-another"})
    assert not allowed(LOGS, logging, "s3:PutObject", place)
    for who in [*EVERYBODY, "s3.amazonaws.com"]:
        assert not allowed(LOGS, who, "s3:PutObject", place, ours)
        assert not allowed(LOGS, who, "s3:GetObject", place, ours)


OUT, INTO = f"{ROLE}/out-of-eu-west-1", f"{ROLE}/out-of-us-east-1"
KEY_POLICY = data_key_policy([ADMINISTRATOR], key_uses(config(), "eu-west-1", OUT, [INTO]))
OBJECT = {"kms:ViaService": "s3.eu-west-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": BUCKET}


@pytest.mark.parametrize(
    ("who", "actions"),
    [
        (OPERATOR, {"kms:Decrypt"}),
        (READER, {"kms:Decrypt"}),
        (RUNNER, {"kms:Decrypt", "kms:GenerateDataKey"}),
        (OUT, {"kms:Decrypt"}),
        (INTO, {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}),
        (ADMINISTRATOR, set()),
        (SOMEBODY, set()),
    ],
)
def test_each_uses_the_key_for_its_purpose(who: str, actions: set[str]) -> None:
    asked = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant"}
    assert {action for action in asked if allowed(KEY_POLICY, who, action, "*", OBJECT)} == actions
    assert {
        action
        for action in asked
        if allowed(KEY_POLICY, who, action, "*", OBJECT | {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/a"})
    } == actions


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
        {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"},
        {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}-logs"},
        {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::another/a"},
    ],
)
@pytest.mark.parametrize("who", [OPERATOR, READER, RUNNER, OUT, INTO])
def test_the_key_is_of_no_use_elsewhere(who: str, elsewhere: dict[str, str]) -> None:
    for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"):
        assert not allowed(KEY_POLICY, who, action, "*", OBJECT | elsewhere)


@pytest.mark.parametrize("who", [OPERATOR, READER, RUNNER, OUT, INTO])
def test_the_key_is_of_no_use_without_s3(who: str) -> None:
    assert not allowed(KEY_POLICY, who, "kms:Decrypt")


def test_a_store_of_one_region_lets_nobody_copy() -> None:
    alone = data_key_policy([ADMINISTRATOR], key_uses(config(regions=["eu-west-1"]), "eu-west-1", None, []))
    assert not allowed(alone, OUT, "kms:Decrypt", "*", OBJECT)
    assert not allowed(alone, INTO, "kms:Encrypt", "*", OBJECT)
