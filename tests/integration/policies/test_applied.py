"""Tests that come after a policy was in force are not refused by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.policies.applied import applied
from tests.integration.policies.objects import named

if TYPE_CHECKING:
    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.policies.server import Answer, Server

_APPROVALS = "/apis/tradeplane.dev/v1alpha1/namespaces/default/approvals?dryRun=All"
_SPEC = {"strategyRef": {"name": "hold"}, "configuration": "sha256:" + "1" * 64, "user": "alice", "bundle": "{}"}


def _approve(server: Server, user: str) -> Answer:
    return server.ask("POST", _APPROVALS, named("Approval", "one", _SPEC), user=user)


@pytest.mark.parametrize("_time", range(3))
def test_a_policy_is_in_force_until_it_is_not(server: Server, control_plane: EmbeddedCluster, _time: int) -> None:
    with applied(control_plane, "approvals"):
        assert not _approve(server, "bob").allowed
        assert _approve(server, "alice").allowed
    assert _approve(server, "bob").allowed
