"""A platform of several regions: the same on each cluster, with the key, store and registry of its region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml
from tradeplane_evidence.ledger.database import connect
from tradeplane_evidence.ledger.iam_login import is_by_iam
from tradeplane_stacks.components import platform as module
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration
from tradeplane_stacks.components.failover_config import FailoverConfig
from tradeplane_stacks.components.failover_replication import Replicated
from tradeplane_stacks.components.ledger_login import LedgerLogin, login_url
from tradeplane_stacks.components.metadata_database_config import MetadataDatabaseConfig
from tradeplane_stacks.components.platform_config import POLICIES, ActiveRegion, PlatformConfig, S3Store
from tradeplane_stacks.components.platform_in_regions import Beneath, PlatformInRegions
from tradeplane_stacks.components.platform_in_regions_config import PlatformInRegionsConfig, Told
from tradeplane_stacks.components.platform_in_regions_parts import PlatformParts
from tradeplane_stacks.components.platform_ledger import Ledger
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.components.snapshot_store_config import SnapshotStoreConfig
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.platforms import certificate, secret_files
from tests.unit.stacks.components.region import record_with_options
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for
from tests.unit.stacks.failover.service_config import ACCOUNT, CONFIG, ROLE

if TYPE_CHECKING:
    from tests.unit.stacks.components.recording import Recorded

Json = dict[str, Any]
REGIONS = ("eu-west-1", "us-east-1")
SYSTEM = "tradeplane-system"
DIGEST = "sha256:" + "1" * 64
SHARED = {key: CONFIG[key] for key in ("ownership", "account", "operator_role", "regions")}
SAME = (
    "serves",
    "monitoring",
    "namespaces",
    "limits",
    "registries",
    "policies",
    "queues",
    "approvals",
    "architecture",
    "rollout_seconds",
    "protected",
)
CA = certificate()
LEDGER: Json = {"user": "recorder", "ca": CA}
PLATFORM: Json = {
    "images": {"operator": f"tradeplane/operator@{DIGEST}", "workloads": f"ghcr.io/desk/workloads@{DIGEST}"},
    "namespaces": [{"name": "desk", "tenant": "desk", "quota": "large"}, {"name": "lab", "tenant": "lab"}],
    "limits": {"runs": 7},
    "evidence": {
        "required": True,
        "timestamp_authority": "https://timestamps.example",
        "signatures_per_second": 5,
        "snapshots": {},
    },
    "rollout_seconds": 77,
}


def config(**changes: Any) -> PlatformInRegionsConfig:
    given = {**SHARED, **PLATFORM, **changes}
    return PlatformInRegionsConfig.read({key: value for key, value in given.items() if value is not None})


def told(region: str, **changes: Any) -> Told:
    host = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    given: Json = {
        "store": S3Store(kind="s3", url=f"s3://results-{region}", region=region, checksum="SHA256"),
        "results": f"{host}/tradeplane/runs",
        "signer": "awskms:///alias/tradeplane-prod-signing-key",
        "repositories": {name: f"{host}/{name}" for name in ("tradeplane/operator", "tradeplane/workloads")},
        "failover": ActiveRegion(name=region, table="tradeplane-prod-failover", table_regions=("eu-west-1",)),
    }
    return Told(**given | changes)


def beneath(region: str, login: LedgerLogin | None = None) -> Beneath:
    return Beneath(f"cluster-{region}", f"kubeconfig of {region}", f"{ROLE}/runner", told(region), login)


def rendered(files: dict[str, str]) -> list[Json]:
    """Return a few objects in place of those that kubectl would make: a namespace, and the settings as they are."""
    settings = {"settings.yaml": files["operator/settings.yaml"]}
    space: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    runs = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": path.split("/")[1]}}
        for path in sorted(files)
        if path.startswith("namespaces/")
    ]
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": SYSTEM}}
    return [space, *runs, {**made, "data": settings}]


class Made:
    """What was asked for, with its options and what it is made by."""

    def __init__(self, given: PlatformInRegionsConfig, recorder_in: str = "") -> None:
        def make() -> dict[str, Any]:
            key = pulumi.CustomResource("aws:kms/key:Key", "key", {}, pulumi.ResourceOptions())
            login = LedgerLogin(
                f"{ROLE}/recorder", pulumi.Output.from_input(f"postgresql://recorder@db-{recorder_in}/")
            )
            there = {region: beneath(region, login if region == recorder_in else None) for region in given.regions}
            found = PlatformInRegions("p", given, StackName("prod"), there, after=[key])
            return {"kinds": found.kinds, "namespaces": found.namespaces}

        with noted_options() as self.options, pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "render", rendered)
            self.recorded: Recorded = record_with_options(make)[0]

    def settings(self, region: str) -> Json:
        """Return the operator's settings on a region's cluster."""
        data = self.recorded.resources[f"p-{region}-configmap-{SYSTEM}-settings"].inputs["data"]
        found = yaml.safe_load(data["settings.yaml"])
        assert isinstance(found, dict)
        return found

    def providers(self) -> dict[str, Json]:
        return self.recorded.of_type("pulumi:providers:kubernetes")


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(config())


@pytest.mark.parametrize("region", REGIONS)
def test_the_operator_is_told_what_is_in_its_region(made: Made, region: str) -> None:
    found = made.settings(region)
    environment = {"AWS_REGION": region, "AWS_CHECKSUM_ALGORITHM": "SHA256"}
    assert found["stores"] == {"default": {"url": f"s3://results-{region}", "environment": environment}}
    assert found["evidence"] == {
        "registry": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/tradeplane/runs",
        "signer": "awskms:///alias/tradeplane-prod-signing-key",
        "plainHttp": False,
        "required": True,
        "timestampAuthority": "https://timestamps.example",
        "signaturesPerSecond": 5,
        "snapshotKeys": "/etc/tradeplane-snapshot-keys/keyring.json",
    }
    assert found["region"] == {
        "name": region,
        "table": "tradeplane-prod-failover",
        "tableRegions": ["eu-west-1"],
        "validSeconds": 30,
    }
    assert found["limits"]["runs"] == 7
    assert found["images"]["default"] == f"ghcr.io/desk/workloads@{DIGEST}"


@pytest.mark.parametrize("region", REGIONS)
def test_images_of_the_registry_are_pulled_from_that_of_the_region(region: str) -> None:
    found = config().of_region(told(region))
    assert found.images.operator == f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/tradeplane/operator@{DIGEST}"
    assert found.images.workloads == f"ghcr.io/desk/workloads@{DIGEST}"


def test_all_else_is_as_it_is_configured_in_every_region() -> None:
    changes: Json = {
        "registries": ["ghcr.io/desk/"],
        "architecture": "arm64",
        "protected": False,
        "policies": [one for one in POLICIES if one != "runs"],
        "queues": {"cpu": "8"},
        "monitoring": {},
        "serves": "namespaces",
        "approvals": {"rules": [{"modes": ["Paper"]}]},
        "images": PLATFORM["images"] | {"attested": {"valid_seconds": 60}},
    }
    given = config(**changes)
    for region in REGIONS:
        found = given.of_region(told(region, failover=None))
        assert found.pod_identity
        assert (found.operator_role, found.failover, found.ledger) == (None, None, None)
        assert found.images.attested == given.images.attested
        assert {field: getattr(found, field) for field in SAME} == {field: getattr(given, field) for field in SAME}


def test_whatever_a_platform_is_made_by_is_told_or_said_here() -> None:
    told_or_fixed = {"store", "failover", "pod_identity"}
    assert PlatformConfig.model_fields.keys() - told_or_fixed <= PlatformInRegionsConfig.model_fields.keys()


def test_queues_are_of_the_same_names_in_every_region() -> None:
    spaces = [{"name": "desk", "tenant": "desk", "queue": True}]
    given = config(queues={}, policies=[one for one in POLICIES if one != "runs"], namespaces=spaces)
    files = [kustomizations(given.of_region(told(region))) for region in REGIONS]
    for found in files:
        assert "components/local-queue" in found["namespaces/desk/kustomization.yaml"]
    assert len({found["operator/queues/kustomization.yaml"] for found in files}) == 1


def test_each_cluster_is_reached_by_its_own_kubeconfig_and_has_its_own_objects(made: Made) -> None:
    assert {name: one["kubeconfig"] for name, one in made.providers().items()} == {
        f"p-{region}-cluster": f"kubeconfig of {region}" for region in REGIONS
    }
    objects = {name: asked for name, asked in made.recorded.resources.items() if asked.typ.startswith("kubernetes:")}
    for name, asked in objects.items():
        (region,) = (region for region in REGIONS if name.startswith(f"p-{region}-"))
        assert asked.provider is not None
        assert asked.provider.split("::")[-2] == f"p-{region}-cluster", name
    assert len(objects) == 2 * 4


def test_accounts_have_their_roles_by_pod_identity_on_each_cluster(made: Made) -> None:
    found = made.recorded.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    accounts = {
        (one["region"], one["clusterName"], one["namespace"], one["serviceAccount"]): one["roleArn"]
        for one in found.values()
    }
    assert accounts == {
        (region, f"cluster-{region}", namespace, account): role
        for region in REGIONS
        for namespace, account, role in (
            (SYSTEM, "tradeplane-operator", f"{ROLE}/operator"),
            ("desk", "tradeplane-runner", f"{ROLE}/runner"),
            ("lab", "tradeplane-runner", f"{ROLE}/runner"),
        )
    }
    for one in found.values():
        # By the tags of its session the store tells a run of one namespace from that of another.
        assert one["disableSessionTags"] is False
        assert one["tags"]["tradeplane:owner"] == "desk"


def test_the_recorder_logs_in_where_its_database_is_and_by_its_own_role() -> None:
    found = Made(config(ledger=LEDGER), recorder_in="us-east-1")
    accounts = found.recorded.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    (recorder,) = (one for one in accounts.values() if one["serviceAccount"] == "tradeplane-recorder")
    assert (recorder["namespace"], recorder["region"]) == (SYSTEM, "us-east-1")
    assert recorder["roleArn"] == f"{ROLE}/recorder"
    assert [one["roleArn"] for one in accounts.values()].count(f"{ROLE}/recorder") == 1
    (secret,) = found.recorded.of_type("kubernetes:core/v1:Secret").values()
    assert secret["metadata"]["name"] == "tradeplane-ledger"
    assert secret["metadata"]["namespace"] == SYSTEM
    assert secret_files(secret) == {"url": "postgresql://recorder@db-us-east-1/", "ca.crt": CA}
    assert waits_for(found.options["p-us-east-1-cluster"]) >= {f"p-us-east-1-{SYSTEM}-tradeplane-recorder"}


def test_without_a_ledger_no_account_is_the_recorders(made: Made) -> None:
    assert made.recorded.of_type("kubernetes:core/v1:Secret") == {}
    assert Made(config(), recorder_in="us-east-1").recorded.of_type("kubernetes:core/v1:Secret") == {}


def test_the_url_has_no_password_and_is_what_the_recorder_takes() -> None:
    address = "audit.c1a2b3.eu-west-1.rds.amazonaws.com"
    url = login_url(database("eu-west-1"), "recorder", 5432, address)
    assert url == (
        f"postgresql://recorder@{address}:5432/audit?sslmode=verify-full"
        "&sslrootcert=/etc/tradeplane-ledger/ca.crt&aws_iam_region=eu-west-1"
    )
    assert is_by_iam(connect(url).url)
    assert Ledger.read({"database": {"url": url, "ca": CA}}).database_port == 5432


def test_everything_on_a_cluster_is_made_after_what_the_operator_uses(made: Made) -> None:
    for region in REGIONS:
        identities = {f"p-{region}-{SYSTEM}-tradeplane-operator"}
        identities |= {f"p-{region}-{space}-tradeplane-runner" for space in ("desk", "lab")}
        assert waits_for(made.options[f"p-{region}-cluster"]) == {"key", *identities}
        for one in identities:
            assert waits_for(made.options[one]) == {"key"}


def test_what_holds_everything_is_protected_unless_it_is_said_otherwise(made: Made) -> None:
    spaces = {f"p-{region}-namespace-{space}" for region in REGIONS for space in (SYSTEM, "desk", "lab")}
    assert protected(made.options) == spaces
    assert protected(Made(config(protected=False)).options) == set()


def test_outputs_are_by_region(made: Made) -> None:
    assert made.recorded.outputs == {
        "namespaces": {region: ["desk", "lab"] for region in REGIONS},
        "kinds": {region: [] for region in REGIONS},
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "images: Field required"),
        ({"images": {"operator": f"tradeplane/operator@{DIGEST}"}}, r"images\.workloads: Field required"),
        ({"images": PLATFORM["images"] | {"operator": "tradeplane/operator"}}, r"images\.operator"),
        ({"images": PLATFORM["images"] | {"operator": "tradeplane/operator:1.2"}}, r"images\.operator"),
        ({"images": PLATFORM["images"] | {"workloads": "tradeplane/workloads@sha256:12"}}, r"images\.workloads"),
        ({"regions": []}, "regions"),
        ({"regions": ["eu-west-9"]}, r"regions\.0: .*no region of AWS"),
        ({"regions": ["eu-west-1", "eu-west-1"]}, "regions: each region once"),
        ({"regions": ["us-gov-west-1"]}, "of one partition of AWS"),
        ({"operator_role": "arn:aws:iam::*:role/any"}, "operator_role"),
        ({"account": "1"}, "account"),
        ({"ownership": None}, "ownership: Field required"),
        ({"namespaces": [{"name": "kube-system"}]}, r"namespaces\.0\.name: .*is the system's"),
        ({"namespaces": [{"name": "a", "runner_role": f"{ROLE}/a"}]}, r"namespaces\.0\.runner_role: .*leave it out"),
        ({"evidence": {"signer": "file:/etc/key.pem"}}, r"evidence\.signer: Extra inputs"),
        ({"evidence": {"timestamp_authority": "t.example"}}, r"evidence\.timestamp_authority"),
        ({"store": {"kind": "volume"}}, "store: Extra inputs"),
        ({"ledger": True}, "ledger: Input should be"),
        ({"ledger": {}}, r"ledger\.ca: Field required"),
        ({"ledger": {"ca": "none"}}, r"ledger\.ca: .*no certificate in PEM"),
        ({"ledger": {"ca": CA, "user": "a; DROP"}}, r"ledger\.user"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(changes: Json, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)


def replicated(**changes: Json) -> Replicated:
    """Return what the service of ``service_config`` has in its regions, with fields of parts changed."""
    kinds: dict[str, type[Configuration]] = {
        "signing_key": SigningKeyConfig,
        "snapshot_store": SnapshotStoreConfig,
        "artifact_registry": ArtifactRegistryConfig,
    }
    read: dict[str, Any] = {}
    for key, kind in kinds.items():
        shared = {field: value for field, value in CONFIG.items() if field in kind.model_fields}
        read[key] = kind.read({**shared, **CONFIG[key], **changes.get(key, {})})
    return Replicated(**read)


def failover(**changes: Any) -> FailoverConfig:
    shared = {field: value for field, value in CONFIG.items() if field in FailoverConfig.model_fields}
    return FailoverConfig.read({**shared, **CONFIG["failover"], **changes})


def database(region: str, **changes: Any) -> MetadataDatabaseConfig:
    shared = {field: CONFIG[field] for field in ("ownership", "account", "administrator_roles")}
    users = {"recorder": f"{ROLE}/recorder", "auditors": f"{ROLE}/auditor"}
    given = {**shared, "region": region, "identifier": "audit", "users": users}
    return MetadataDatabaseConfig.read({**given, **changes})


def checked(given: PlatformInRegionsConfig, parts: Json | None = None, **others: Any) -> None:
    """Check a platform with what there is beside it."""
    beside: Json = {"failover": None, "metadata_database": None} | others
    PlatformParts(replicated(**parts or {}), **beside).check(given)


def test_a_platform_whose_regions_have_what_it_is_made_by_is_taken() -> None:
    checked(config())
    checked(config(), failover=failover())
    checked(config(regions=["us-east-1"]), failover=failover())
    checked(config(ledger=LEDGER), metadata_database=database("eu-west-1"))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"signing_key": {"replica_regions": []}}, r"signing_key\.replica_regions: us-east-1 missing, which platform"),
        ({"snapshot_store": {"regions": ["eu-west-1"]}}, r"snapshot_store\.regions: us-east-1 missing"),
        ({"artifact_registry": {"regions": ["us-east-1"]}}, r"artifact_registry\.regions: eu-west-1 missing"),
        ({"signing_key": {"operator_role": f"{ROLE}/other"}}, r"signing_key\.operator_role: .* is not platform\."),
        ({"snapshot_store": {"operator_role": f"{ROLE}/other"}}, r"snapshot_store\.operator_role"),
        ({"artifact_registry": {"images": ["desk/operator"]}}, r"images\.operator: tradeplane/operator is none of"),
    ],
)
def test_a_region_that_lacks_what_a_platform_is_made_by_is_refused(parts: Json, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        checked(config(), parts)


def test_a_region_that_nobody_moves_to_has_no_operator_that_leads() -> None:
    elsewhere = failover(regions=["eu-west-1", "eu-west-2"], names=None)
    with pytest.raises(
        InvalidConfiguration, match=r"failover\.regions: us-east-1 missing, where an operator would lead"
    ):
        checked(config(), failover=elsewhere)


def test_a_ledger_needs_its_database_in_one_of_the_regions() -> None:
    with pytest.raises(InvalidConfiguration, match="ledger: needs metadata_database, which is not configured"):
        checked(config(ledger=LEDGER))
    with pytest.raises(InvalidConfiguration, match="ledger: metadata_database is in eu-west-2, which is none of"):
        checked(config(ledger=LEDGER), metadata_database=database("eu-west-2"))
    assert config().of_region(told("eu-west-1", ledger=Ledger(port=5433))).ledger == Ledger(port=5433)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": {"auditors": f"{ROLE}/auditor"}}, "ledger.user: recorder is none of .*users, which are auditors"),
        (
            {"users": {"recorder": f"{ROLE}/operator"}},
            r"users\.recorder: .*/operator is that of the operator or of runs",
        ),
        ({"users": {"recorder": f"{ROLE}/runner"}}, r"users\.recorder: .*/runner is that of the operator or of runs"),
        (
            {
                "account": "444455556666",
                "administrator_roles": ["arn:aws:iam::444455556666:role/administrator"],
                "users": {"recorder": "arn:aws:iam::444455556666:role/recorder"},
            },
            "ledger: metadata_database is of account 444455556666, which is not platform.account",
        ),
    ],
)
def test_a_recorder_has_a_user_and_a_role_of_its_own(changes: Json, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        checked(config(ledger=LEDGER), metadata_database=database("eu-west-1", **changes))


def test_an_operator_of_namespaces_alone_has_no_ledger() -> None:
    checked(config(serves="namespaces"))
    with pytest.raises(InvalidConfiguration, match="ledger: its recorder sees the whole cluster"):
        checked(config(serves="namespaces", ledger=LEDGER), metadata_database=database("eu-west-1"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"namespaces": [{"name": "lab"}]}, "namespaces: lab: tenant: "),
        ({"namespaces": [{"name": "lab", "tenant": "lab", "queue": True}]}, "lab: queue: there are no queues"),
        ({"queues": {"workers": ["worker-1"]}}, r"queues\.workers: runs of other clusters are not attested"),
    ],
)
def test_what_cannot_be_together_on_a_cluster_is_refused_before_any_is_asked(changes: Json, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        checked(config(**changes))


@pytest.mark.parametrize("image", ["tradeplane/operatr", "operator", "localhost", "desk/tools/operator"])
def test_an_image_that_is_of_no_registry_is_refused_with_those_there_are(image: str) -> None:
    wrong = config(images=PLATFORM["images"] | {"operator": f"{image}@{DIGEST}"})
    with pytest.raises(InvalidConfiguration, match=f"{image} is none of artifact_registry.images, .*workloads"):
        checked(wrong)


@pytest.mark.parametrize("image", ["localhost/operator", "r.example/operator", "r:5000/operator"])
def test_an_image_of_another_registry_is_taken_as_it_is(image: str) -> None:
    found = config(images=PLATFORM["images"] | {"operator": f"{image}@{DIGEST}"})
    assert found.of_region(told("eu-west-1")).images.operator == f"{image}@{DIGEST}"
