"""Approvals are admitted by a real API server from the user that they name, and from nobody else."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.base import API_VERSION
from tradeplane_stacks.local.errors import CommandError

from tests.integration.operator.cluster import eventually
from tests.integration.policies.applied import applied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

_ROOT = Path(__file__).parents[3]
_ROLES = _ROOT / "operator" / "deploy" / "base" / "aggregated-roles.yaml"
ALICE, BOB, ROBOT = "alice@example.com", "bob@example.com", "system:serviceaccount:trading:approver"
DIGEST = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def policy(control_plane: EmbeddedCluster, kinds: None) -> Iterator[EmbeddedCluster]:
    """Apply the policy, and the roles of people, that are checked in."""
    control_plane.client.run("apply", "--server-side", "-f", str(_ROLES))
    with applied(control_plane, "approvals"):
        yield control_plane


@pytest.fixture(scope="module")
def namespace(policy: EmbeddedCluster) -> Iterator[str]:
    """Make a namespace in which three users approve, and one may do anything but that."""
    name = f"approvals-{uuid.uuid4().hex[:8]}"
    policy.client.run("create", "namespace", name)
    users = [f"--user={user}" for user in (ALICE, BOB, ROBOT)]
    policy.client.run("create", "rolebinding", "approvers", "--clusterrole=tradeplane-approver", *users, "-n", name)
    editor = ("--clusterrole=tradeplane-edit", "--user=editor@example.com")
    policy.client.run("create", "rolebinding", "editor", *editor, "-n", name)
    yield name
    policy.client.run("delete", "namespace", name, "--wait=false")


def _approval(namespace: str, user: str, name: str = "", **spec: Any) -> dict[str, Any]:
    said = {"strategyRef": {"name": "hold"}, "configuration": DIGEST, "user": user, "bundle": "{}"}
    metadata = {"name": name or f"a-{uuid.uuid4().hex[:8]}", "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "Approval", "metadata": metadata, "spec": said | spec}


def _refusal(cluster: EmbeddedCluster, document: dict[str, Any], user: str, verb: str = "create") -> str:
    """Ask, as a user and without anything being made, for what is refused; return why, or ""."""
    try:
        cluster.client.run(verb, "--dry-run=server", f"--as={user}", "-f", "-", content=json.dumps(document))
    except CommandError as error:
        return str(error)
    return ""


async def _in_force(cluster: EmbeddedCluster, namespace: str) -> None:
    """Wait until the API server, which learns of policies and roles by watching them, goes by them."""

    async def look() -> bool:
        refused = _refusal(cluster, _approval(namespace, ALICE), BOB)
        return "an approval is created by" in refused and not _refusal(cluster, _approval(namespace, ALICE), ALICE)

    await eventually(look, "the policy to be in force")


@pytest.mark.parametrize(
    ("user", "named", "words"),
    [
        (ALICE, ALICE, ""),
        (ROBOT, ROBOT, ""),
        (ALICE, BOB, f"spec.user is {BOB}, and you are {ALICE}"),
        (ALICE, "alice", "and you are"),
        (ALICE, ALICE.upper(), "and you are"),
        (ALICE, f"{ALICE} ", "and you are"),
        (ROBOT, ALICE, "and you are"),
        ("editor@example.com", "editor@example.com", "cannot create resource"),
        ("nobody@example.com", "nobody@example.com", "cannot create resource"),
    ],
)
async def test_an_approval_is_created_by_who_approves(
    policy: EmbeddedCluster, namespace: str, user: str, named: str, words: str
) -> None:
    await _in_force(policy, namespace)
    refused = _refusal(policy, _approval(namespace, named), user)
    assert words in refused if words else not refused


async def test_who_may_do_anything_is_held_to_it_too(policy: EmbeddedCluster, namespace: str) -> None:
    await _in_force(policy, namespace)
    with pytest.raises(CommandError, match="an approval is created by"):
        policy.client.run("create", "-f", "-", content=json.dumps(_approval(namespace, ALICE)))


async def test_an_approval_is_never_changed_and_its_status_is_written(policy: EmbeddedCluster, namespace: str) -> None:
    await _in_force(policy, namespace)
    approval = _approval(namespace, ALICE, "written")
    policy.client.run("create", f"--as={ALICE}", "-f", "-", content=json.dumps(approval))
    for spec in ({"user": BOB}, {"configuration": "sha256:" + "2" * 64}, {"bundle": "{ }"}):
        with pytest.raises(CommandError, match="an approval is never changed"):
            policy.client.run(
                "patch", "approval", "written", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": spec})
            )
    status = {"status": {"observedGeneration": 1}}
    written = ("patch", "approval", "written", "-n", namespace, "--subresource=status", "--type=merge")
    policy.client.run(*written, "-p", json.dumps(status))
    policy.client.run("label", "approval", "written", "-n", namespace, "change=CHG-1234")
    policy.client.run("delete", "approval", "written", "-n", namespace, f"--as={ALICE}")
