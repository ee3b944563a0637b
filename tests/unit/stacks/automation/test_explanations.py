"""What Pulumi and clouds say, in their own words, is told as what it means and what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.automation.changes import Violation, Watched
from tradeplane_stacks.automation.errors import (
    StackAwaited,
    StackError,
    StackInvalid,
    StackLocked,
    StackMissing,
    StackRefused,
    StackUnavailable,
)
from tradeplane_stacks.automation.explanations import broken_rules, explained, output_of, put_off

URN = "urn:pulumi:prod::tradeplane-platform::tradeplane:components:SigningKey$aws:kms/key:Key::evidence-2026"


@pytest.mark.parametrize(
    ("text", "kind", "message", "remedy"),
    [
        ("error: no stack named 'prod' found", StackMissing, "there is no stack prod", "tradeplane stack init prod"),
        ("error: stack 'prod' already exists", StackInvalid, "a stack prod already", "tradeplane stack up prod"),
        (
            "error: the stack is currently locked by 1 lock(s). \n  x: created by ada@build-7 (pid 4711) at 2026-01-05",
            StackLocked,
            r"locked by ada@build-7 \(process 4711, since 2026-01-05\)",
            "tradeplane stack cancel prod",
        ),
        (
            "[409] Conflict: Another update is currently in progress.",
            StackLocked,
            "locked by another update",
            "tradeplane stack cancel prod",
        ),
        (
            "error: failed to load checkpoint: EOF",
            StackUnavailable,
            "state is cut short",
            "tradeplane stack cancel prod",
        ),
        (
            "error: failed to load checkpoint: unexpected end of JSON input",
            StackUnavailable,
            "state is cut short",
            "STACK.json.bak",
        ),
        ("error: failed to load checkpoint: AccessDenied", StackUnavailable, "AccessDenied", "run `up` again"),
        (
            "error: no resource plugin 'pulumi-resource-aws' found at version v7.51.1 or on your $PATH",
            StackInvalid,
            "the plugin pulumi-resource-aws v7.51.1 is missing",
            "pulumi plugin install resource aws v7.51.1",
        ),
        (
            "error: could not load plugin for kubernetes: no resource plugin 'kubernetes' found",
            StackInvalid,
            "the plugin pulumi-resource-kubernetes is missing",
            "pulumi plugin install resource kubernetes, or build it, with Go: python -m tradeplane_stacks.automation",
        ),
        (
            "operation error KMS: CreateKey, api error ExpiredTokenException: The security token is expired",
            StackUnavailable,
            "credentials for the cloud have expired",
            "aws sso login",
        ),
        (
            "deleting S3 Bucket (b): api error BucketNotEmpty: The bucket you tried to delete is not empty",
            StackRefused,
            "a bucket holds versions",
            "pulumi state delete",
        ),
        (
            "InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection",
            StackRefused,
            "AWS protects something of it",
            "--no-deletion-protection",
        ),
        (
            'cluster is unreachable: Get "https://a": getting credentials: exec: executable aws failed, exit code 254',
            StackUnavailable,
            "no credentials for a cluster",
            "aws eks get-token",
        ),
        (
            "configured Kubernetes cluster is unreachable: dial tcp 10.16.0.1:443: i/o timeout",
            StackUnavailable,
            "the API server of a cluster does not answer",
            "reached_from",
        ),
        (
            "Kubernetes API server https://10.16.0.1 is unreachable. It's possible that the kubeconfig is incorrect",
            StackUnavailable,
            "the API server of a cluster does not answer",
            "reached_from",
        ),
        ("failed to read resource state due to unreachable cluster.", StackUnavailable, "not answer", "reached_from"),
        (
            'invalid resource: unknown stack "organization/tradeplane-network/prod.eu-west-1"',
            StackAwaited,
            "no stack prod.eu-west-1 of tradeplane-network",
            "tradeplane stack up prod.eu-west-1 -C stacks/network",
        ),
        ("An error occurred (ExpiredToken) when calling", StackUnavailable, "have expired", "log in again"),
        ("No valid credential sources found.", StackInvalid, "there are no credentials", "AWS_PROFILE"),
        (
            f'resource "{URN}" cannot be deleted\nbecause it is protected.',
            StackRefused,
            "evidence-2026 is protected",
            URN,
        ),
        (
            f'unable to replace resource "{URN}"\nas it is currently marked for protection.',
            StackRefused,
            "evidence-2026 is protected",
            URN,
        ),
        ("error: PULUMI_ACCESS_TOKEN must be set for login", StackInvalid, "state of stacks", "PULUMI_BACKEND_URL"),
        ("passphrase must be set with PULUMI_CONFIG_PASSPHRASE", StackInvalid, "none is given", "PASSPHRASE_FILE"),
        ("error: incorrect passphrase", StackInvalid, "not the one", "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ("AccessDenied: not authorized to perform kms:CreateKey", StackUnavailable, "kms:CreateKey", "run `up` again"),
        ("", StackUnavailable, "said nothing", "run `up` again"),
    ],
)
def test_an_error_is_told_with_what_to_do(text: str, kind: type[StackError], message: str, remedy: str) -> None:
    with pytest.raises(kind, match=message) as told:
        raise explained("prod", text)
    assert remedy in (told.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("error: no stack named 'prod.eu-west-1' found", "make it: tradeplane stack init {}"),
        ("error: stack 'prod.eu-west-1' already exists", "bring it up: tradeplane stack up {}"),
        ("the stack is currently locked by 1 lock(s)", "remove its lock: tradeplane stack cancel {}"),
        ("api error BucketNotEmpty", "pulumi state delete URN --stack {};"),
        (f'resource "{URN}" cannot be deleted', "--stack {}"),
    ],
)
def test_a_remedy_finds_the_stack_in_the_folder_of_its_program(text: str, remedy: str) -> None:
    typed = "prod.eu-west-1 -C stacks/cluster"
    told = explained("prod.eu-west-1", text, typed)
    assert remedy.format(typed) in (told.remedy or "")
    assert "-C" not in str(told)


def test_the_text_of_many_failures_has_a_limit() -> None:
    assert len(str(explained("prod", "AccessDenied\n" * 10_000))) < 5_000


@given(st.text(max_size=200))
def test_any_text_is_told(text: str) -> None:
    assert str(explained("prod", text))


def test_what_pulumi_wrote_is_found_in_the_error_of_the_automation_api() -> None:
    assert output_of("\n code: 255\n stdout: Updating\n stderr: error: it broke\n") == "error: it broke"
    assert output_of("\n code: 255\n stdout: it broke\n stderr: ") == "code: 255\n stdout: it broke\n stderr:"


def test_broken_rules_are_told_each_with_what_breaks_it() -> None:
    rules = [
        Violation("house", "slow", "evidence", "too fast", mandatory=True),
        Violation("house", "copies", "", "no copy", mandatory=True),
    ]
    error = broken_rules("prod", rules)
    assert isinstance(error, StackRefused)
    assert str(error).splitlines() == [
        "stack prod breaks 2 of the rules it is held against:",
        "the stack breaks copies of house: no copy",
        "evidence breaks slow of house: too fast",
    ]


@pytest.mark.parametrize(("count", "told"), [(0, 0), (8, 1)])
def test_checks_that_are_still_to_be_made_are_counted(count: int, told: int) -> None:
    said = put_off(Watched(print, put_off=count))
    assert len(said) == told
    assert all(text.startswith("8 checks of policies are made by `up`") for text in said)


def test_whose_lock_it_is_is_said_by_the_number_of_the_process() -> None:
    locks = "created by ada@b (pid 4711) at 2026-01-05\n  created by bob@c (pid 12) at 2026-01-06"
    error = explained("prod", f"error: the stack is currently locked by 2 lock(s). \n  {locks}")
    assert isinstance(error, StackLocked)
    assert error.holders == (4711, 12)


def test_a_lock_of_nobody_that_is_named_has_no_holders() -> None:
    error = explained("prod", "[409] Conflict: Another update is currently in progress.")
    assert isinstance(error, StackLocked)
    assert error.holders == ()
