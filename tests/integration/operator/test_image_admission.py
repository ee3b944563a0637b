"""Pods of images that were verified are admitted by a real API server and no others, by a list: it asks no registry."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.acting.errors import NotFound
from tradeplane_operator.acting.verified_images import NAME, VerifiedImages, key_of
from tradeplane_operator.planning.image_trust import ImageEnd, ImageFacts
from tradeplane_stacks.local.errors import CommandError

from tests.integration.operator.cluster import eventually
from tests.integration.policies.applied import applied
from tests.integration.policies.server import Server
from tests.integration.policies.trials import keep_config_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.operator.cluster import Bench

SYSTEM = "tradeplane-system"
VERIFIED = "registry.example/team/workloads@sha256:" + "a" * 64
ELSEWHERE = "registry.example/other/copy@sha256:" + "a" * 64
OTHER = "registry.example/team/workloads@sha256:" + "b" * 64
FACTS = ImageFacts(ImageEnd.ATTESTED, datetime(2026, 1, 6, tzinfo=UTC), attestation="sha256:" + "c" * 64)


@pytest.fixture(scope="module")
def policy(control_plane: EmbeddedCluster, kinds: None) -> Iterator[EmbeddedCluster]:
    """Apply the policy that is checked in."""
    client = control_plane.client
    server = Server.of(control_plane.kubeconfig)
    keep_config_maps(server)
    server.close()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    client.run("apply", "--server-side", "-f", "-", content=json.dumps(namespace))
    with applied(control_plane, "verified-images"):
        yield control_plane


@pytest.fixture
def listed(policy: EmbeddedCluster) -> Iterator[EmbeddedCluster]:
    """Have the list there, and nothing in it."""
    listing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": SYSTEM}}
    policy.client.run("create", "-f", "-", content=json.dumps(listing))
    yield policy
    policy.client.run("delete", "configmap", NAME, "-n", SYSTEM)


@pytest.fixture
def namespace(policy: EmbeddedCluster) -> Iterator[str]:
    """Make a namespace that asks for verified images."""
    name = f"admission-{uuid.uuid4().hex[:8]}"
    policy.client.run("create", "namespace", name)
    policy.client.run("label", "namespace", name, "tradeplane.dev/images=verified")
    policy.client.run("create", "serviceaccount", "default", "-n", name, "--dry-run=client")
    yield name
    policy.client.run("delete", "namespace", name, "--wait=false")


def _pod(namespace: str, image: str, **also: Any) -> dict[str, Any]:
    containers = [{"name": "work", "image": image}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p-{uuid.uuid4().hex[:8]}", "namespace": namespace},
        "spec": {"containers": containers, "automountServiceAccountToken": False} | also,
    }


def _refusal(cluster: EmbeddedCluster, pod: dict[str, Any]) -> str:
    """Ask for a pod without making it; return why that is refused, or ""."""
    try:
        cluster.client.run("create", "--dry-run=server", "-f", "-", content=json.dumps(pod))
    except CommandError as error:
        return str(error)
    return ""


async def _until(cluster: EmbeddedCluster, pod: dict[str, Any], words: str) -> str:
    """Wait until the API server, which learns of lists and policies by watching them, answers in these words."""

    async def look() -> str | None:
        found = _refusal(cluster, pod)
        return (found or "admitted") if (words in found if words else not found) else None

    return await eventually(look, f"a refusal with {words!r}" if words else "the pod to be admitted")


async def test_what_is_verified_is_admitted_and_nothing_else(
    listed: EmbeddedCluster, bench: Bench, namespace: str
) -> None:
    images = VerifiedImages(bench.client, SYSTEM)
    refused = await _until(listed, _pod(namespace, VERIFIED), "is not one that the operator has verified")
    assert f"image {VERIFIED} " in refused
    await images.add(VERIFIED, FACTS)
    await _until(listed, _pod(namespace, VERIFIED), "")
    verified = {"name": "first", "image": VERIFIED}
    for pod in (
        _pod(namespace, OTHER),
        _pod(namespace, VERIFIED.partition("@")[0] + ":latest"),
        _pod(namespace, "busybox"),
        _pod(namespace, VERIFIED, initContainers=[{"name": "first", "image": OTHER}]),
        _pod(namespace, OTHER, initContainers=[verified]),
    ):
        assert "is not one that the operator has verified" in _refusal(listed, pod)
    assert _refusal(listed, _pod(namespace, VERIFIED, initContainers=[verified])) == ""
    await images.remove(VERIFIED)
    await _until(listed, _pod(namespace, VERIFIED), "is not one that the operator has verified")


async def test_a_namespace_that_does_not_ask_for_it_is_left_alone(listed: EmbeddedCluster, bench: Bench) -> None:
    assert _refusal(listed, _pod(bench.namespace, "busybox")) == ""


async def test_without_a_list_nothing_is_admitted(policy: EmbeddedCluster, namespace: str) -> None:
    await _until(policy, _pod(namespace, VERIFIED), "no params found")


async def test_what_is_said_of_a_copy_takes_nothing_out(listed: EmbeddedCluster, bench: Bench) -> None:
    """A tenant pushes the same digest where nobody attested it: the refusal of that is not one of the image."""
    await VerifiedImages(bench.client, SYSTEM).add(VERIFIED, FACTS)
    another_leader = VerifiedImages(bench.client, SYSTEM)
    assert await another_leader.images() == (VERIFIED,)
    await another_leader.remove(ELSEWHERE)
    assert await VerifiedImages(bench.client, SYSTEM).images() == (VERIFIED,)
    await another_leader.remove(VERIFIED)
    assert await VerifiedImages(bench.client, SYSTEM).images() == ()


async def test_a_list_that_is_not_there_is_told(policy: EmbeddedCluster, bench: Bench) -> None:
    with pytest.raises(NotFound):
        await VerifiedImages(bench.client, SYSTEM).add(VERIFIED, FACTS)


def test_a_key_is_one_that_a_config_map_may_have() -> None:
    assert key_of(VERIFIED) == "sha256-" + "a" * 64
