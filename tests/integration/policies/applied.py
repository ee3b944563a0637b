"""Policies that are checked in, applied as they are for the tests of a module."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.integration.policies.server import Server
from tests.integration.policies.trials import ADMISSION, await_in_force, define_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster


@contextmanager
def applied(cluster: EmbeddedCluster, directory: str) -> Iterator[Server]:
    """Have what is in a directory of ``policies/admission`` in force, and after that in force no longer.

    The API server learns of policies by watching them, and goes by one that was deleted for a second or so: the tests
    that come next on the same server would be refused by it.
    """
    server = Server.of(cluster.kubeconfig)
    define_parameters(server)
    path = str(ADMISSION / directory)
    cluster.client.run("apply", "--server-side", "-k", path)
    try:
        _await_taken_up(server)
        yield server
    finally:
        cluster.client.run("delete", "-k", path, "--ignore-not-found")
        _await_taken_up(server)
        server.close()


def _await_taken_up(server: Server) -> None:
    """Wait until the API server goes by what it has been told so far: a policy more follows all of that."""
    await_in_force(server, f"taken-up-{uuid.uuid4().hex[:8]}")
