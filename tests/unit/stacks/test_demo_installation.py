"""What the demo's stack is configured by, whose cluster it is of, and what is said of its engine."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.demo import scenario
from tradeplane_stacks.demo.clusters import Embedded, Kind
from tradeplane_stacks.demo.configuration import PLATFORM, Trust, configured, platform_of
from tradeplane_stacks.demo.data_evidence import data_trust
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.evidence import public_half
from tradeplane_stacks.demo.image_evidence import image_trust
from tradeplane_stacks.demo.installation import Installation, told
from tradeplane_stacks.demo.ledger import LedgerAccess
from tradeplane_stacks.demo.progress import Progress
from tradeplane_stacks.deployment import DeployedImages
from tradeplane_stacks.local.settings import Settings
from tradeplane_stacks.programs.local import LOCAL

from tests.unit.stacks.components.platforms import private_key

IMAGES = DeployedImages(
    operator=f"localhost:5000/tradeplane/operator@sha256:{64 * '1'}",
    workloads=f"localhost:5000/tradeplane/workloads@sha256:{64 * '2'}",
)
USERS = {
    "secretsprovider": "awskms://alias/mine",
    "config": {
        "kubernetes:context": "mine",
        PLATFORM: {
            "images": {"operator": "of/an/example", "attested": {"builders": ["https://ci.example/"]}},
            "store": {"kind": "s3", "url": "s3://bucket", "region": "eu-west-1"},
            "namespaces": [{"name": "desk", "tenant": "desk"}],
            "protected": True,
        },
    },
}


@dataclass
class Cluster:
    """The cluster of a kubectl, told apart by the UID of its first namespace."""

    uid: str
    kubeconfig: Path | None = None

    def get(self, *arguments: str) -> Any:
        assert arguments == ("namespace", "kube-system")
        return {"metadata": {"uid": self.uid}}


def checked(settings: dict[str, Any]) -> PlatformConfig:
    """Return the configuration that a stack's settings are, as the program reads them."""
    found = LOCAL.read("demo", {"platform": json.dumps(platform_of(settings))})
    (config,) = found.values()
    assert isinstance(config, PlatformConfig)
    return config


def test_a_users_settings_keep_all_but_the_images_and_what_down_would_be_refused_for() -> None:
    found = configured(USERS, IMAGES, "research")
    assert found["secretsprovider"] == USERS["secretsprovider"]
    assert found["config"]["kubernetes:context"] == "mine"
    platform = platform_of(found)
    assert platform["images"] == {
        "operator": IMAGES.operator,
        "workloads": IMAGES.workloads,
        "attested": {"builders": ["https://ci.example/"]},
    }
    assert platform["store"] == platform_of(USERS)["store"]
    assert platform["protected"] is False
    assert [one["name"] for one in platform["namespaces"]] == ["desk", "research"]
    assert platform_of(USERS)["protected"] is True, "what was given stays as it is"


def test_a_namespace_that_a_user_configured_is_left_as_it_is() -> None:
    assert platform_of(configured(USERS, IMAGES, "desk"))["namespaces"] == [{"name": "desk", "tenant": "desk"}]


def test_settings_without_a_platform_are_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="tradeplane-local:platform: there is no such object"):
        configured({"config": {}}, IMAGES, "research")


def embedded() -> Embedded:
    return Embedded(Settings(Path("/var/lib/tradeplane"), Path("/var/cache/tradeplane"), postgres=False), print)


def test_the_local_clusters_are_configured_as_the_program_takes_it() -> None:
    for cluster in (embedded(), Kind()):
        found = checked(configured(cluster.configuration, IMAGES, scenario.NAMESPACE))
        assert found.store.kind == "volume"
        assert [one.name for one in found.namespaces] == ["research"]
        assert found.namespaces[0].brokers, "its session trades on an exchange"
        assert not found.protected, "`make down` takes all of it away"


def test_the_embedded_cluster_attests_its_runs_and_keeps_the_operator_off_the_emulated_node() -> None:
    key = private_key().encode()
    trust = Trust(image_trust(key, plain_http=True), data_trust(key))
    found = checked(configured(embedded().configuration, IMAGES, "research", trust))
    assert found.architecture == "amd64"
    assert found.evidence is not None
    assert found.evidence.registry.endswith("/runs")
    assert found.evidence.signing_key is None, "the key is in the cluster, and in no file of a stack"
    assert found.images.attested is not None
    assert found.images.attested.keys is not None
    assert [one.public_key for one in found.images.attested.keys] == [public_half(key)[1].decode()]
    assert found.evidence.snapshots is not None
    assert found.evidence.snapshots.keys is not None
    (imports,) = found.evidence.snapshots.keys
    assert imports.public_key == public_half(key)[1].decode()
    assert imports.builders == ("https://tradeplane.dev/evidence/builders/local-v1",), "for imports, and nothing else"
    assert "PRIVATE" not in yaml.safe_dump([trust.images, trust.data])


def test_a_ledger_is_kept_without_a_secret_in_the_stack(tmp_path: Path) -> None:
    access = LedgerAccess(
        owner=tmp_path / "owner",
        reader=tmp_path / "reader",
        recorder={"url": b"postgresql://appender:secret@10.88.0.2/ledger"},
        audit={"tls.key": b"secret"},
        heads=tmp_path / "heads",
        port=5433,
        node_port=30843,
    )
    cluster = embedded()
    given = configured(cluster.configuration, IMAGES, "research")
    given["config"][PLATFORM]["ledger"] = access.configuration
    found = checked(given).ledger
    assert found is not None
    assert (found.database_port, found.audit and found.audit.node_port) == (5433, 30843)
    assert found.heads is not None
    assert found.heads.kind == "volume"
    assert "secret" not in yaml.safe_dump(given)


def progress(*, terminal: bool = False) -> tuple[Progress, io.StringIO]:
    stream = io.StringIO()
    return Progress(stream, 1, terminal=terminal, clock=lambda: 0.0), stream


def test_what_is_installed_on_one_cluster_is_not_taken_for_another_ones(tmp_path: Path) -> None:
    shown, _ = progress()
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "cluster").write_text("of-before\n", encoding="ascii")
    other = Installation(tmp_path / "stack", Cluster("of-now"), shown)  # type: ignore[arg-type]
    with pytest.raises(DemoError, match="is on another cluster"):
        other.destroy()
    with pytest.raises(DemoError) as refused:
        other.up(USERS)
    assert "is on another cluster" in refused.value.cause
    assert f"rm -r {tmp_path / 'stack'}" in refused.value.remedy
    assert not other.there, "nothing was begun"


def test_in_a_pipe_the_engine_is_heard_of_changes_alone() -> None:
    shown, stream = progress()
    tell = told(shown)
    for line in (
        "refresh kubernetes:core/v1:Namespace a",
        "refresh kubernetes:core/v1:Namespace b",
        "create pulumi:pulumi:Stack tradeplane-local-demo",
        "create tradeplane:components:Platform tradeplane-demo-platform",
        "create kubernetes:core/v1:Namespace tradeplane-demo-platform-namespace-c",
        "same kubernetes:core/v1:Namespace a",
    ):
        tell(line)
    assert [line.strip() for line in stream.getvalue().splitlines()] == [
        "looking at what is there",
        "create Namespace c",
    ]
