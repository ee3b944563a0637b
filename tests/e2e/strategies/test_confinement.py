"""A run is confined: what is not restricted is refused, and its pod reaches neither API server nor registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.demo.errors import DemoError

from tests.e2e.platform import Object, restricted_pod, until

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

_LIMIT_S = 240.0
# Says what can be reached; a policy drops or rejects, so that a connection fails or does not come about.
_LOOK = """
import json, os, pathlib, socket, sys
def reached(host, port):
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
def resolved(name):
    try:
        return bool(socket.getaddrinfo(name, 443))
    except OSError:
        return False
def writable(path):
    try:
        pathlib.Path(path, "written").write_text("")
        return True
    except OSError:
        return False
hosts = json.loads(sys.argv[1])
print(json.dumps({
    "reached": {name: reached(*address) for name, address in hosts.items()},
    "resolved": resolved("kubernetes.default.svc.cluster.local"),
    "token": pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists(),
    "user": os.getuid(),
    "writable": [path for path in ("/", "/app", "/etc") if writable(path)],
}))
"""


def _pod(tenant: Tenant, name: str, labels: dict[str, str], **own: Any) -> Object:
    """Write a pod of the runner's image, restricted as a run's is."""
    service = tenant.platform.kubectl.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    (endpoint,) = tenant.platform.kubectl.get("endpointslices", "-n", "default")["items"]
    node = endpoint["endpoints"][0]["addresses"][0]
    registry, _, port = tenant.platform.cluster.registry.partition(":")
    hosts = {
        "service": (service, 443),
        "server": (node, endpoint["ports"][0]["port"]),
        "registry": (registry, int(port)),
        "postgres": (node, 5432),
    }
    command = ("/usr/bin/python3", "-c", _LOOK, json.dumps(hosts))
    return restricted_pod(name, tenant.platform.images().workloads, labels, *command, **own)


def _seen_from(tenant: Tenant, name: str, labels: dict[str, str]) -> Object:
    tenant.apply(_pod(tenant, name, labels))
    until(
        f"the end of pod {name}",
        lambda: tenant.get("pod", name)["status"],
        lambda status: status.get("phase") in ("Succeeded", "Failed"),
        _LIMIT_S,
    )
    found: Object = json.loads(tenant.kubectl("logs", name))
    return found


def test_a_run_reaches_names_and_nothing_else(tenant: Tenant) -> None:
    found = _seen_from(tenant, "as-a-run", {"app.kubernetes.io/managed-by": "tradeplane"})
    assert found["reached"] == dict.fromkeys(("service", "server", "registry", "postgres"), False)
    assert found["resolved"] is True


def test_a_run_has_no_token_and_writes_nowhere(tenant: Tenant) -> None:
    found = _seen_from(tenant, "without-token", {"app.kubernetes.io/managed-by": "tradeplane"})
    assert found["token"] is False
    assert found["user"] == 65532
    assert found["writable"] == []


def test_any_other_pod_of_the_namespace_reaches_nothing(tenant: Tenant) -> None:
    found = _seen_from(tenant, "stranger", {})
    assert found["reached"] == dict.fromkeys(("service", "server", "registry", "postgres"), False)
    assert found["resolved"] is False


def test_without_the_policies_the_same_pod_reaches_them_all(tenant: Tenant) -> None:
    """The refusals above are the policies' doing: without them the same connections come about."""
    tenant.kubectl("delete", "networkpolicies", "--all")
    try:
        found = until(
            "connections once the policies are gone",
            lambda: _seen_from(tenant, f"free-{len(tenant.items('pods'))}", {}),
            lambda one: all(one["reached"].values()),
            _LIMIT_S,
        )
        assert found["resolved"] is True
    finally:
        tenant.platform.apply_directory(tenant.files)


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"privileged": True, "allowPrivilegeEscalation": True}, "privileged"),
        ({"runAsUser": 0, "runAsNonRoot": False}, "runAsNonRoot"),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, "capabilities"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
    ],
)
def test_a_pod_that_is_not_restricted_is_refused(tenant: Tenant, own: dict[str, Any], word: str) -> None:
    with pytest.raises(DemoError, match="violates PodSecurity") as refused:
        tenant.apply(_pod(tenant, "refused", {}, **own))
    assert word in str(refused.value)
    assert not [pod for pod in tenant.items("pods") if pod["metadata"]["name"] == "refused"]
