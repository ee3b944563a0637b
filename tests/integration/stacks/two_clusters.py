"""Two API servers of the tests' own as the clusters of two regions, which moto's EKS names.

Two things stand in for what cannot be had. moto has clusters without an API server: what it tells of one here, endpoint
and certificate, is that of a control plane of the test. And the program ``aws`` on PATH is none of AWS: it knows one
command, ``aws eks get-token``, and answers with a token that the API server of the region gave out itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from moto.eks.models import EKSBackend

from tests.integration.conftest import running_control_plane
from tests.integration.policies.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

__all__ = ["TwoClusters", "clusters", "regional_clusters"]

REGIONS = ("eu-west-1", "us-east-1")
CLUSTER = "tradeplane-prod-cluster"
_ACCOUNT = "of-who-runs-pulumi"
_AWS = """\
#!/bin/sh
# Stands in for the AWS CLI: `aws eks get-token --cluster-name NAME --region REGION`, and nothing else.
if [ "$1 $2 $3 $4 $5" != "eks get-token --cluster-name CLUSTER --region" ] || [ $# != 6 ]; then
  echo "nothing stands in for: aws $*" >&2
  exit 252
fi
token=$(cat "TOKENS/$6") || exit 254
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$token"
"""


@dataclass(frozen=True)
class TwoClusters:
    """API servers by region, and the tokens by which they are reached."""

    servers: dict[str, Server]
    tokens: Path

    @contextlib.contextmanager
    def without_token(self, region: str) -> Iterator[None]:
        """Have AWS give no token for the cluster of a region, as to a role that it does not know."""
        token, away = self.tokens / region, self.tokens / f"{region}.away"
        token.rename(away)
        try:
            yield
        finally:
            away.rename(token)


@pytest.fixture(scope="module")
def regional_clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmbeddedCluster]]:
    """Give a control plane without nodes for each region."""
    with contextlib.ExitStack() as stack:
        yield {
            region: stack.enter_context(running_control_plane(tmp_path_factory.mktemp(f"cluster-{region}")))
            for region in REGIONS
        }


@pytest.fixture
def clusters(
    regional_clusters: dict[str, EmbeddedCluster],
    kubernetes_plugin: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TwoClusters]:
    """Have EKS name these clusters from now on, and Pulumi reach them by its plugin of Kubernetes."""
    del kubernetes_plugin  # it is there before anything is asked of it
    with named_by_eks(regional_clusters, tmp_path, monkeypatch) as found:
        yield found


@contextlib.contextmanager
def named_by_eks(
    regional_clusters: dict[str, EmbeddedCluster], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TwoClusters]:
    """Have EKS name clusters by their regions; tokens of them, and what gives them out, lie in a folder."""
    tokens, programs = folder / "tokens", folder / "programs"
    tokens.mkdir()
    programs.mkdir()
    for region, cluster in regional_clusters.items():
        (tokens / region).write_text(_token(cluster), encoding="utf-8")
    aws = programs / "aws"
    aws.write_text(_AWS.replace("CLUSTER", CLUSTER).replace("TOKENS", str(tokens)), encoding="utf-8")
    aws.chmod(0o755)
    _named_by_eks(regional_clusters, monkeypatch)
    servers = {region: Server.of(cluster.kubeconfig) for region, cluster in regional_clusters.items()}
    # Each cluster has a provider of its own, so that each is reached as its own kubeconfig says, and not by this.
    monkeypatch.setenv("KUBECONFIG", str(folder / "no-kubeconfig"))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("aws") == str(aws)
    yield TwoClusters(servers, tokens)
    for server in servers.values():
        server.close()


def _token(cluster: EmbeddedCluster) -> str:
    """Return a token of an administrator, which the API server gives out and takes."""
    run, space = cluster.client.run, "kube-system"
    if _ACCOUNT not in run("get", "serviceaccounts", "-n", space, "-o", "name"):
        run("create", "serviceaccount", _ACCOUNT, "-n", space)
        run(
            "create",
            "clusterrolebinding",
            _ACCOUNT,
            "--clusterrole=cluster-admin",
            f"--serviceaccount={space}:{_ACCOUNT}",
        )
    return run("create", "token", _ACCOUNT, "-n", space, "--duration=4h").strip()


def _named_by_eks(clusters: dict[str, EmbeddedCluster], monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = EKSBackend.create_cluster

    def create(backend: EKSBackend, *arguments: Any, **named: Any) -> Any:
        cluster = made(backend, *arguments, **named)
        if backend.region_name in clusters:
            kubeconfig = yaml.safe_load(clusters[backend.region_name].kubeconfig.read_text(encoding="utf-8"))
            reached = kubeconfig["clusters"][0]["cluster"]
            cluster.endpoint = reached["server"]
            cluster.certificate_authority = {"data": reached["certificate-authority-data"]}
        return cluster

    monkeypatch.setattr(EKSBackend, "create_cluster", create)
