"""Stacks held against policy packs, by Pulumi's real engine and its SDK for policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.stacks.conftest import ROOT
from tests.integration.stacks.test_engine import CHANGES_NOTHING, command, done, failed
from tests.integration.stacks.test_engine import pytestmark as of_engine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stacks.cloud import Cloud
    from tests.integration.stacks.conftest import Project
    from tests.integration.stacks.test_engine import Command

CLOUD_POLICIES = ROOT / "policies" / "cloud"
KEY = "tradeplane-sandbox-signing-key-2026"
_PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def slow(args, report):
    if args.resource_type == "aws:kms/key:Key" and args.props["deletionWindowInDays"] < 20:
        report("keys are kept for 20 days")


PolicyPack(
    "house",
    policies=[
        ResourceValidationPolicy(
            name="keys-go-slowly", description="Keys.", validate=slow, enforcement_level=EnforcementLevel.LEVEL
        )
    ],
)
"""


pytestmark = [*of_engine, pytest.mark.usefixtures("policies_plugin")]


@pytest.fixture
def stack(project: Project, aws: Cloud, tradeplane: Command) -> Project:
    """Give a project whose stacks sandbox and prod are made, without anything in them, and read no others."""
    del aws
    project.keep("sandbox", "signing_key")
    project.keep("prod", "signing_key", "snapshot_store", "artifact_registry")
    done(tradeplane, "init", "sandbox")
    done(tradeplane, "init", "prod")
    return project


def pack(folder: Path, level: str) -> str:
    """Write a pack with one rule, of a level, and return its folder: the key of ``sandbox`` breaks it."""
    made = folder / f"pack-{level.lower()}"
    made.mkdir()
    (made / "PulumiPolicy.yaml").write_text("runtime: python\nmain: .\n", encoding="utf-8")
    (made / "__main__.py").write_text(_PACK.replace("LEVEL", level), encoding="utf-8")
    return str(made)


def made(aws: Cloud) -> list[str]:
    """Return what AWS was asked to change."""
    return [operation for operation in aws.asked if operation and not operation.startswith(CHANGES_NOTHING)]


def test_the_platform_keeps_to_the_policies_of_the_cloud(stack: Project, tradeplane: Command) -> None:
    del stack
    found = done(tradeplane, "preview", "prod", "--policy-pack", str(CLOUD_POLICIES))
    assert found["violations"] == []
    assert any("checks of policies are made by `up`" in text for text in found["warnings"])
    assert {"tradeplane-prod-snapshot-store-eu-west-1"} <= {change["name"] for change in found["changes"]}


def test_what_breaks_a_mandatory_rule_is_not_made(stack: Project, aws: Cloud, tmp_path: Path) -> None:
    with stack.settings("prod", "platform") as config:
        config["tradeplane-platform:retention_policy"]["minimum_days"] = 1
    stack.configure("prod", "platform:snapshot_store", retention={"mode": "COMPLIANCE", "days": 7})
    shipped = failed("preview", "prod", "--policy-pack", str(CLOUD_POLICIES), code=3)
    assert "tradeplane-prod-snapshot-store-eu-west-1-lock breaks s3-object-lock of " in shipped["message"]
    error = failed("up", "sandbox", "--yes", "--policy-pack", pack(tmp_path, "MANDATORY"), code=3)
    assert f"{KEY} breaks keys-go-slowly of house" in error["message"]
    assert ": Keys. keys are kept for 20 days" in error["message"]
    assert made(aws) == []


def test_advice_is_told_and_keeps_nothing_from_being_made(stack: Project, tradeplane: Command, tmp_path: Path) -> None:
    del stack
    advice = pack(tmp_path, "ADVISORY")
    found = done(tradeplane, "up", "sandbox", "--yes", "--policy-pack", advice, "--policy-pack", str(CLOUD_POLICIES))
    (violation,) = found["violations"]
    assert (violation["pack"], violation["rule"], violation["resource"]) == ("house", "keys-go-slowly", KEY)
    assert violation["mandatory"] is False
    assert found["changes"]
    told = command("preview", "sandbox", "--policy-pack", advice)
    assert (told.returncode, f"advice of house: {KEY} breaks keys-go-slowly" in told.stdout) == (0, True)


def test_a_rule_that_is_kept_is_not_told(stack: Project, tradeplane: Command, tmp_path: Path) -> None:
    stack.configure("sandbox", deletion_window_days=30)
    assert done(tradeplane, "preview", "sandbox", "--policy-pack", pack(tmp_path, "MANDATORY"))["violations"] == []


def test_a_pack_that_ends_by_an_error_lets_nothing_be_made(stack: Project, aws: Cloud, tmp_path: Path) -> None:
    del stack
    broken = pack(tmp_path, "MISSPELT")
    failed("up", "sandbox", "--yes", "--policy-pack", broken, code=4)
    assert made(aws) == []


def test_a_folder_without_a_pack_is_refused(stack: Project, aws: Cloud, tmp_path: Path) -> None:
    del stack
    error = failed("preview", "sandbox", "--policy-pack", str(tmp_path), code=2)
    assert "there is no" in error["message"]
    assert "policies/cloud" in error["remedy"]
    assert aws.asked == []
