"""Stacks on Pulumi's real engine: made, changed, compared, repaired and removed, by the command that people call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_evidence.signing.keyring import read_keyring

from tests.integration.stacks import forked
from tests.integration.stacks.conftest import ROOT, STANDS_IN, path_without

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

REGIONS = {"sandbox": ("eu-west-1",), "prod": ("eu-west-1", "us-east-1")}
CHANGES_NOTHING = ("Describe", "Get", "List")
STATE_KEY = "alias/tradeplane-state"
"""Under which the examples have the secrets of their states."""
REACHED_WITHIN_S = 120
RECORDED_AT_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "false"}
"""Has an update record each step, so that what it has done so far is known wherever it ends."""
_ENDS_WITHIN_S = 120


@pytest.fixture
def project(project: Project) -> Project:
    """Give the project with the signing key alone: what is tested here is so whatever a stack has in it."""
    for stack in REGIONS:
        project.keep(stack, "signing_key")
    return project


def done(tradeplane: Command, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Call a command of a stack, and return what it printed as JSON."""
    ended = tradeplane("stack", *arguments, "-o", "json")
    assert ended.code == code, ended.err
    found = json.loads(ended.out)
    assert isinstance(found, dict)
    return found


def refused(tradeplane: Command, *arguments: str, code: int) -> dict[str, Any]:
    """Call a command that is to fail, and return the error it told as JSON."""
    ended = tradeplane("stack", *arguments, "-o", "json")
    assert ended.code == code, (ended.out, ended.err)
    assert ended.out == ""
    found = json.loads(ended.err)["error"]
    assert isinstance(found, dict)
    return found


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call a command of a stack as a process of its own, in the same folder."""
    return subprocess.run(
        [sys.executable, "-m", "tradeplane_cli", "stack", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_ENDS_WITHIN_S,
    )


def failed(*arguments: str, code: int, begun: bool = True) -> dict[str, Any]:
    """Call a command that is to fail when the program has begun, and return the error it told as JSON.

    As a process of its own: Pulumi's SDK leaves a program behind that waits for its engine, and ends with the process.
    ``begun``: whether that has imported already; one that has not is as a shell calls it, to the end of Python.
    """
    ended = (forked.command if begun else command)(*arguments, "-o", "json")
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    found = json.loads(ended.stderr)["error"]
    assert isinstance(found, dict)
    return found


def operations(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of what was changed, by the kind of change."""
    by_kind: dict[str, list[str]] = {}
    for change in found["changes"]:
        by_kind.setdefault(change["operation"], []).append(change["name"])
    return by_kind


def keys(aws: Cloud, region: str) -> list[dict[str, Any]]:
    """Return the keys of a region that are not to be deleted."""
    kms = aws.client("kms", region)
    found = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    return [key for key in found if key["KeyState"] == "Enabled"]


def aliases(aws: Cloud, region: str) -> dict[str, str]:
    found = aws.client("kms", region).list_aliases()["Aliases"]
    return {one["AliasName"]: one["TargetKeyId"] for one in found if "tradeplane" in one["AliasName"]}


@pytest.mark.parametrize("stack", ["sandbox", "prod"])
def test_life_of_a_stack(
    stack: str,
    project: Project,
    aws: Cloud,
    tradeplane: Command,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regions, name = REGIONS[stack], f"tradeplane-{stack}-signing-key"
    done(tradeplane, "init", stack)
    if stack == "sandbox":
        # Once as the engine finds and starts a plugin itself, which takes longer.
        monkeypatch.delenv(STANDS_IN, raising=False)
    wanted = operations(done(tradeplane, "preview", stack))
    monkeypatch.setenv(STANDS_IN, environment.get(STANDS_IN, ""))
    replicas = [f"{name}-2026-us-east-1"] if stack == "prod" else []
    assert wanted == {"create": [name, f"{name}-2026", *replicas, *(f"{name}-{region}" for region in regions)]}
    assert not [operation for operation in aws.asked if not operation.startswith(CHANGES_NOTHING)]

    assert operations(done(tradeplane, "up", stack, "--yes")) == wanted
    for region in regions:
        (made,) = keys(aws, region)
        assert (made["KeySpec"], made["MultiRegion"]) == ("ECC_NIST_P256", True)
        assert aliases(aws, region)[f"alias/{name}"].endswith(made["KeyId"])
    outputs = done(tradeplane, "outputs", stack)["outputs"]["signing_key"]
    assert sorted(outputs["key_arns"]) == sorted(regions)
    assert outputs["public_keys"]["2026"].startswith("-----BEGIN PUBLIC KEY-----")
    assert [one.key.pem() for one in read_keyring(outputs["keyring"].encode()).keys] == [outputs["public_keys"]["2026"]]

    again = done(tradeplane, "up", stack, "--yes")
    assert (again["changes"], again["unchanged"]) == ([], len(wanted["create"]))

    # A rotation begins: a second generation is published, and nobody signs by it.
    generations = [{"name": "2026", "state": "signs"}, {"name": "2027", "state": "published"}]
    project.configure(stack, generations=generations)
    assert set(operations(done(tradeplane, "up", stack, "--yes"))) == {"create"}

    # It ends: the second signs in every region, and nobody by the first, which still verifies.
    generations = [{"name": "2026", "state": "verifies"}, {"name": "2027", "state": "signs"}]
    project.configure(stack, generations=generations)
    before = {region: aliases(aws, region)[f"alias/{name}"] for region in regions}
    assert set(operations(done(tradeplane, "up", stack, "--yes"))) == {"update"}
    for region in regions:
        kms, key = aws.client("kms", region), aliases(aws, region)[f"alias/{name}"]
        assert key != before[region]
        sids = [
            {
                one["Sid"]
                for one in json.loads(kms.get_key_policy(KeyId=one, PolicyName="default")["Policy"])["Statement"]
            }
            for one in (before[region], key)
        ]
        assert sids == [{"Administer", "RefuseSigning"}, {"Administer", "Sign", "RefuseSigning"}]

    # Somebody widens the policy of a key by hand, and removes an alias.
    key = aliases(aws, regions[-1])[f"alias/{name}"].rpartition("/")[2]
    kms = aws.client("kms", regions[-1])
    stated = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    statements = [one for one in stated["Statement"] if one["Effect"] == "Allow"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({**stated, "Statement": statements}))
    kms.delete_alias(AliasName=f"alias/{name}")
    drifted = done(tradeplane, "drift", stack, code=10)
    changed = f"{name}-2027-us-east-1" if replicas else f"{name}-2027"
    assert operations(drifted) == {"update": [changed], "delete": [f"{name}-{regions[-1]}"]}
    assert [one["properties"] for one in drifted["changes"] if one["name"] == changed] == [["policy"]]
    assert operations(done(tradeplane, "up", stack, "--yes")) == {
        "update": [changed],
        "create": [f"{name}-{regions[-1]}"],
    }
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == stated
    assert aliases(aws, regions[-1])[f"alias/{name}"].endswith(key)
    assert done(tradeplane, "drift", stack)["changes"] == []

    aws.asked.clear()
    error = refused(tradeplane, "destroy", stack, "--yes", code=3)
    assert f"{name}-2027" in error["message"]
    assert "pulumi state unprotect" in error["remedy"]
    assert aws.asked == []
    project.run("state", "unprotect", "--all", "--yes", "--stack", stack)
    assert set(operations(done(tradeplane, "destroy", stack, "--yes"))) == {"delete"}
    for region in regions:
        assert (keys(aws, region), aliases(aws, region)) == ([], {})
    assert done(tradeplane, "preview", stack)["unchanged"] == 0


def test_an_up_that_failed_half_way_is_finished_by_the_next(project: Project, aws: Cloud, tradeplane: Command) -> None:
    done(tradeplane, "init", "prod")
    with aws.failing("ReplicateKey", "LimitExceededException"):
        error = failed("up", "prod", "--yes", code=4, begun=False)
    assert "LimitExceededException" in error["message"]
    assert len(keys(aws, "eu-west-1")) == 1
    made = keys(aws, "eu-west-1")[0]["KeyId"]
    with aws.failing("CreateAlias", "ExpiredTokenException"):
        error = failed("up", "prod", "--yes", code=4)
    assert "credentials for the cloud have expired" in error["message"]
    assert "log in again" in error["remedy"]
    done(tradeplane, "up", "prod", "--yes")
    assert [key["KeyId"] for region in REGIONS["prod"] for key in keys(aws, region)] == [made, made]
    assert all(aliases(aws, region) for region in REGIONS["prod"])
    assert done(tradeplane, "up", "prod", "--yes")["changes"] == []


def started(project: Project, stack: str) -> subprocess.Popen[str]:
    """Start ``up`` as a shell does, to the end of Python; a signal to its session is one to pulumi below it too."""
    return subprocess.Popen(
        [sys.executable, "-m", "tradeplane_cli", "stack", "up", stack, "--yes"],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | RECORDED_AT_ONCE,
        start_new_session=True,
    )


def test_what_a_killed_process_leaves_is_told_and_repaired(project: Project, aws: Cloud, tradeplane: Command) -> None:
    done(tradeplane, "init", "sandbox")
    up, name = ("up", "sandbox", "--yes"), "tradeplane-sandbox-signing-key"
    # Nothing else is under way then: who is killed while a state is written to a file leaves one that nobody can read.
    with aws.holding("CreateKey") as reached, forked.started(*up, **RECORDED_AT_ONCE) as process:
        assert reached.wait(REACHED_WITHIN_S)
        process.send(signal.SIGKILL)
        assert process.ended().returncode == -signal.SIGKILL
    error = refused(tradeplane, "up", "sandbox", "--yes", code=4)
    assert "stack sandbox is locked by" in error["message"]
    assert "tradeplane stack cancel sandbox" in error["remedy"]
    assert refused(tradeplane, "cancel", "sandbox", code=2)["remedy"] == "give --yes"
    # Whether it was made before or after the process was killed, nobody knows here.
    assert done(tradeplane, "cancel", "sandbox", "--yes")["pending"] == [f"creating {name}-2026"]
    repaired = done(tradeplane, "up", "sandbox", "--yes")
    assert operations(repaired) == {"create": [f"{name}-2026", f"{name}-eu-west-1"]}
    assert len(keys(aws, "eu-west-1")) == 1
    assert aliases(aws, "eu-west-1")
    assert done(tradeplane, "up", "sandbox", "--yes")["changes"] == []


def test_a_stack_that_somebody_else_is_changing_is_refused_and_what_they_do_is_finished(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    done(tradeplane, "init", "sandbox")
    with aws.holding("CreateKey") as reached, forked.started("up", "sandbox", "--yes") as process:
        assert reached.wait(REACHED_WITHIN_S)
        asked = len(aws.asked)
        for change in ("up", "destroy"):
            error = refused(tradeplane, change, "sandbox", "--yes", code=4)
            assert "stack sandbox is locked by" in error["message"]
            assert "wait for it" in error["remedy"]
        assert len(aws.asked) == asked
        aws.release("CreateKey")
        ended = process.ended()
    assert ended.returncode == 0, ended.stderr
    assert len(keys(aws, "eu-west-1")) == 1
    assert done(tradeplane, "up", "sandbox", "--yes")["changes"] == []


def test_an_interrupted_up_ends_in_order_and_is_finished_by_the_next(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    done(tradeplane, "init", "prod")
    with aws.holding("CreateKey") as reached, started(project, "prod") as process:
        assert reached.wait(REACHED_WITHIN_S)
        os.killpg(process.pid, signal.SIGINT)
        aws.release("CreateKey")
        _, errors = process.communicate(timeout=_ENDS_WITHIN_S)
    assert process.returncode == 130, errors
    assert "run the same again" in errors
    assert "Traceback" not in errors
    done(tradeplane, "up", "prod", "--yes")
    assert [len(keys(aws, region)) for region in REGIONS["prod"]] == [1, 1]
    assert done(tradeplane, "up", "prod", "--yes")["changes"] == []


def test_a_configuration_that_is_wrong_is_told_with_its_fields_before_anything_is_made(
    project: Project, aws: Cloud, tradeplane: Command
) -> None:
    done(tradeplane, "init", "sandbox")
    project.configure(
        "sandbox", primary_region="eu-west-9", generations=None, rotation=True, deletion_window_days="soon"
    )
    error = failed("up", "sandbox", "--yes", code=2, begun=False)
    start = "tradeplane-platform:signing_key"
    assert [(one["file"], one["field"]) for one in error["problems"]] == [
        ("Pulumi.sandbox.yaml", f"{start}.primary_region"),
        ("Pulumi.sandbox.yaml", f"{start}.generations"),
        ("Pulumi.sandbox.yaml", f"{start}.deletion_window_days"),
        ("Pulumi.sandbox.yaml", f"{start}.rotation"),
    ]
    assert aws.asked == []


def test_what_is_missing_is_named(
    project: Project, aws: Cloud, tradeplane: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.encrypt_by(None)
    error = refused(tradeplane, "preview", "sandbox", code=2)
    assert (error["message"], error["remedy"]) == (
        "there is no stack sandbox",
        "make it: tradeplane stack init sandbox",
    )
    assert "Pulumi.test.yaml" in refused(tradeplane, "preview", "test", code=2)["message"]
    assert "no name of a stack" in refused(tradeplane, "preview", "prod.eu-west-9", code=2)["message"]
    assert (
        "is no project of Pulumi" in refused(tradeplane, "preview", "sandbox", "-C", str(tmp_path), code=2)["message"]
    )
    done(tradeplane, "init", "sandbox")
    assert "there is a stack sandbox already" in refused(tradeplane, "init", "sandbox", code=2)["message"]
    assert refused(tradeplane, "up", "sandbox", code=2)["remedy"] == "give --yes"
    with monkeypatch.context() as patch:
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
        assert "the passphrase is not the one" in refused(tradeplane, "preview", "sandbox", code=2)["message"]
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        patch.setenv("TRADEPLANE_CACHE", str(tmp_path))
        error = refused(tradeplane, "preview", "sandbox", code=2)
        assert error["message"] == "the program pulumi is not on PATH"
        assert "https://www.pulumi.com/docs/install/" in error["remedy"]
    assert aws.asked == []


def test_a_missing_plugin_is_named_with_its_version(
    project: Project, aws: Cloud, tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(tradeplane, "init", "sandbox")
    monkeypatch.setenv("PATH", path_without("pulumi-resource-aws", project.pulumi.parent))
    monkeypatch.delenv(STANDS_IN, raising=False)
    error = failed("preview", "sandbox", code=2)
    wanted = f"aws v{version('pulumi-aws')}"
    assert error["message"] == f"the plugin pulumi-resource-{wanted} is missing"
    assert error["remedy"] == f"install it: pulumi plugin install resource {wanted}"
    assert aws.asked == []


def test_secrets_are_under_a_key_of_kms_where_a_stack_says_so(
    project: Project, aws: Cloud, tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    kms = aws.client("kms", "eu-west-1")
    kms.create_alias(AliasName=STATE_KEY, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    file, shipped = project.folder / "Pulumi.prod.yaml", ROOT / "stacks" / "platform" / "Pulumi.prod.yaml"
    provider = yaml.safe_load(shipped.read_text(encoding="utf-8"))["secretsprovider"]
    assert STATE_KEY in provider
    project.encrypt_by(f"{provider}&endpoint={aws.url}")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    done(tradeplane, "init", "prod")
    project.hide("prod", "platform:signing_key.primary_region", "eu-west-1")
    hidden = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert hidden["encryptedkey"]
    assert list(hidden["config"]["tradeplane-platform:signing_key"]["primary_region"]) == ["secure"]
    assert done(tradeplane, "preview", "prod")["changes"]
    assert {"Encrypt", "Decrypt"} & set(aws.asked)
