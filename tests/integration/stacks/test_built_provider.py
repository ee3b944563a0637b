"""What the plugin of Kubernetes does by code that is put into it where it is built: resources of what manifests say."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from tradeplane_stacks.automation.named_stack import MASKED
from tradeplane_stacks.automation.pulumi_program import home_of, offer_kubernetes_plugin

from tests.integration.policies.server import Server
from tests.integration.stacks.inline_programs import stack_of, up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.stacks.conftest import Project

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

MANIFESTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: built-provider, namespace: default}
data: {said: ONE}
---
apiVersion: v1
kind: Secret
metadata: {name: built-provider, namespace: default}
stringData: {said: nobody-is-told}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleList
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: built-provider, namespace: default}
  rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
"""
NAME = "default/built-provider"
CONFIG_MAP = "/api/v1/namespaces/default/configmaps/built-provider"
ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/built-provider"


@pytest.fixture
def server(api_server: Path) -> Iterator[Server]:
    """Give requests to the cluster that programs are told of."""
    with closing(Server.of(api_server)) as found:
        yield found


@pytest.mark.usefixtures("kubernetes_plugin")
def test_what_manifests_say_are_resources_of_their_kinds(
    project: Project, api_server: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(api_server))
    offer_kubernetes_plugin(home_of(os.environ))
    said = ["one"]

    def program() -> None:
        group = kubernetes.yaml.v2.ConfigGroup("manifests", yaml=MANIFESTS.replace("ONE", said[0]))
        pulumi.export("login", {"name": "a", "token": pulumi.Output.secret("of-nobody-else")})
        pulumi.export("count", group.resources.apply(lambda made: len(made or ())))

    stack = stack_of(project, program)
    made = up(stack)
    assert {made[f"manifests:{NAME}"], server.ask("GET", CONFIG_MAP).body["data"]["said"]} == {"create", "one"}
    assert server.ask("GET", ROLE).allowed
    state = (stack.export_stack().deployment or {})["resources"]
    assert {one["type"] for one in state if one["urn"].endswith(NAME)} == {
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:Secret",
        "kubernetes:rbac.authorization.k8s.io/v1:Role",
    }
    assert "nobody-is-told" not in str(state)
    assert stack.masked_outputs() == {
        "count": len(MANIFESTS.split("---")),
        "login": {"name": "a", "token": MASKED},
    }
    said[0] = "two"
    up(stack)
    assert server.ask("GET", CONFIG_MAP).body["data"]["said"] == "two"
    stack.destroy()
    assert not server.ask("GET", CONFIG_MAP).allowed
    assert not server.ask("GET", ROLE).allowed
