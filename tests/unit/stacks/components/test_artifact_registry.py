from typing import Any, NamedTuple

import pulumi
import pytest
from tradeplane_stacks.components.artifact_registry import ArtifactRegistry
from tradeplane_stacks.components.artifact_registry_config import ArtifactRegistryConfig
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.policy_evaluation import allowed, decided
from tests.unit.stacks.components.recording import Recorded, record
from tests.unit.stacks.components.resource_options import noted_options, protected, waits_for

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
ADMINISTRATOR, OPERATOR, NODE = f"{ROLE}/administrator", f"{ROLE}/eks/operator", f"{ROLE}/node"
PUBLISHER, AUDITOR = "arn:aws:iam::444455556666:role/ci", "arn:aws:iam::777788889999:role/auditor"
SOMEBODY = f"{ROLE}/somebody"
EVERYBODY = [ADMINISTRATOR, OPERATOR, NODE, PUBLISHER, AUDITOR, SOMEBODY]
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
IMAGES = {"tradeplane/operator": "tradeplane-operator", "tradeplane/workloads": "tradeplane-workloads"}

PULL = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
PUSH = {"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}
LIST = {"ecr:DescribeImages", "ecr:ListImageReferrers", "ecr:ListImages"}
REMOVE = {"ecr:BatchDeleteImage", "ecr:PutLifecyclePolicy"}
UNDO = {"ecr:DeleteRepository", "ecr:PutImageTagMutability"}
ALL = PULL | PUSH | LIST | REMOVE | UNDO | {"ecr:SetRepositoryPolicy", "ecr:ReplicateImage"}


def config(**changes: object) -> ArtifactRegistryConfig:
    return ArtifactRegistryConfig.read(
        {
            "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "confidential"},
            "account": ACCOUNT,
            "administrator_roles": [ADMINISTRATOR],
            "regions": list(REGIONS),
            "operator_role": OPERATOR,
            "publisher_roles": [PUBLISHER],
            "node_roles": [NODE],
            "auditor_roles": [AUDITOR],
        }
        | changes
    )


class Made(NamedTuple):
    recorded: Recorded
    options: dict[str, pulumi.ResourceOptions]
    registry: ArtifactRegistry

    def inputs(self, name: str) -> dict[str, Any]:
        return self.recorded.resources[name].inputs

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.recorded.of_type(f"aws:ecr/{kind[0].lower()}{kind[1:]}:{kind}")


def make(**changes: object) -> Made:
    registries: list[ArtifactRegistry] = []

    def run() -> dict[str, Any]:
        registries.append(ArtifactRegistry("registry", config(**changes), StackName("prod")))
        return {"key_arns": registries[0].key_arns}

    with noted_options() as options:
        recorded = record(run)
    return Made(recorded, options, registries[0])


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def alone() -> Made:
    return make(regions=["eu-west-1"], scanning="ENHANCED", auditor_roles=[])


def test_each_image_has_a_repository_in_each_region_whose_tags_stay(made: Made) -> None:
    repositories = made.of("Repository")
    assert set(repositories) == {f"registry-{region}-{name}" for region in REGIONS for name in IMAGES.values()}
    for region in REGIONS:
        for image, name in IMAGES.items():
            inputs = repositories[f"registry-{region}-{name}"]
            assert (inputs["name"], inputs["region"]) == (image, region)
            assert inputs["imageTagMutability"] == "IMMUTABLE"
            assert inputs["imageScanningConfiguration"] == {"scanOnPush": True}
            assert inputs["encryptionConfigurations"] == [
                {"encryptionType": "KMS", "kmsKey": f"arn:registry-{region}-key"}
            ]
            assert inputs["forceDelete"] is False
            assert inputs["tags"]["tradeplane:owner"] == "desk"


def test_repositories_and_keys_are_protected_from_removal(made: Made) -> None:
    assert protected(made.options) == {*made.of("Repository"), *(f"registry-{region}-key" for region in REGIONS)}


def test_nothing_ends_by_a_rule_of_age_or_tags(made: Made) -> None:
    assert not made.of("LifecyclePolicy")
    assert all("lifecyclePolicy" not in inputs for inputs in made.of("RepositoryCreationTemplate").values())


@pytest.mark.parametrize("region", REGIONS)
def test_repositories_of_results_are_made_alike_by_pushing_and_by_copying(made: Made, region: str) -> None:
    template = made.inputs(f"registry-{region}-results")
    assert (template["prefix"], template["region"]) == ("tradeplane/runs", region)
    assert template["appliedFors"] == ["CREATE_ON_PUSH", "REPLICATION"]
    assert template["imageTagMutability"] == "IMMUTABLE"
    assert template["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": f"arn:registry-{region}-key"}]
    assert template["customRoleArn"] == "arn:registry-creation"
    assert template["resourceTags"]["tradeplane:data-classification"] == "confidential"


def done(policy: str, who: str) -> set[str]:
    return {action for action in ALL if allowed(policy, who, action)}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", IMAGES.values())
@pytest.mark.parametrize(
    ("who", "what"),
    [
        (PUBLISHER, PULL | PUSH),
        (NODE, PULL),
        (OPERATOR, PULL | LIST),
        (AUDITOR, PULL | LIST),
        (ADMINISTRATOR, set()),
        (SOMEBODY, set()),
    ],
)
def test_images_are_pushed_by_publishers_and_pulled_by_nodes(
    made: Made, region: str, name: str, who: str, what: set[str]
) -> None:
    inputs = made.inputs(f"registry-{region}-{name}-policy")
    assert (inputs["repository"], inputs["region"]) == ({v: k for k, v in IMAGES.items()}[name], region)
    assert done(inputs["policy"], who) == what


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(
    ("who", "what"),
    [
        (OPERATOR, PULL | PUSH | LIST),
        (AUDITOR, PULL | LIST),
        (PUBLISHER, set()),
        (NODE, set()),
        (ADMINISTRATOR, set()),
        (SOMEBODY, set()),
    ],
)
def test_results_are_pushed_by_the_operator_and_read_by_auditors(
    made: Made, region: str, who: str, what: set[str]
) -> None:
    assert done(made.inputs(f"registry-{region}-results")["repositoryPolicy"], who) == what


@pytest.mark.parametrize("who", EVERYBODY)
def test_whatever_iam_allows_nobody_else_pushes_and_nobody_removes(made: Made, who: str) -> None:
    images = made.inputs("registry-eu-west-1-tradeplane-operator-policy")["policy"]
    results = made.inputs("registry-eu-west-1-results")["repositoryPolicy"]
    for policy, pusher, kept in ((images, PUBLISHER, REMOVE), (results, OPERATOR, REMOVE | UNDO)):
        for action in PUSH:
            assert (decided(policy, who, action) is False) is (who != pusher)
        for action in kept:
            assert decided(policy, who, action) is False
        assert decided(policy, who, "ecr:ReplicateImage") is None


def test_the_operator_logs_in_and_makes_repositories_of_results_alone(made: Made) -> None:
    inputs = made.inputs("registry-operator")
    assert inputs["role"] == "operator"

    def may(action: str, resource: str) -> bool:
        return allowed(inputs["policy"], OPERATOR, action, resource)

    assert may("ecr:GetAuthorizationToken", "*")
    for region in REGIONS:
        place = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/tradeplane"
        assert may("ecr:CreateRepository", f"{place}/runs/trading/sp500")
        assert not may("ecr:CreateRepository", f"{place}/operator")
        assert not any(may(action, f"{place}/runs/trading/sp500") for action in ALL)
    assert not may("ecr:CreateRepository", f"arn:aws:ecr:eu-north-1:{ACCOUNT}:repository/tradeplane/runs/a/b")


def test_ecr_makes_repositories_of_results_alone(made: Made) -> None:
    trust = made.inputs("registry-creation")["assumeRolePolicy"]
    assert allowed(trust, "ecr.amazonaws.com", "sts:AssumeRole")
    assert not any(allowed(trust, who, "sts:AssumeRole") for who in [*EVERYBODY, "ec2.amazonaws.com"])
    inputs = made.inputs("registry-creation-policy")
    place = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/tradeplane"
    made_by_it = {"ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"}
    for action in ALL | made_by_it:
        assert allowed(inputs["policy"], "it", action, f"{place}/runs/trading/sp500") is (action in made_by_it)
        assert not allowed(inputs["policy"], "it", action, f"{place}/workloads")


@pytest.mark.parametrize("region", REGIONS)
def test_the_key_is_used_by_ecr_alone(made: Made, region: str) -> None:
    policy = made.inputs(f"registry-{region}-key")["policy"]
    through = {"kms:ViaService": f"ecr.{region}.amazonaws.com"}
    granting = through | {"kms:GrantIsForAWSResource": "true"}
    makers = {ADMINISTRATOR, "arn:registry-creation"}
    for who in {*EVERYBODY, *makers}:
        assert allowed(policy, who, "kms:CreateGrant", "*", granting) is (who in makers)
        assert allowed(policy, who, "kms:RetireGrant", "*", through) is (who in makers)
        assert not allowed(policy, who, "kms:CreateGrant", "*", through)
        assert not allowed(policy, who, "kms:RetireGrant")
        for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"):
            assert not allowed(policy, who, action, "*", granting)
    assert allowed(policy, ADMINISTRATOR, "kms:PutKeyPolicy")


@pytest.mark.parametrize("region", REGIONS)
def test_images_and_results_are_copied_to_each_other_region(made: Made, region: str) -> None:
    inputs = made.inputs(f"registry-{region}-replication")
    assert inputs["region"] == region
    (rule,) = inputs["replicationConfiguration"]["rules"]
    assert rule["destinations"] == [{"region": other, "registryId": ACCOUNT} for other in REGIONS if other != region]
    assert rule["repositoryFilters"] == [
        {"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in (*IMAGES, "tradeplane/runs/")
    ]


def test_nothing_is_copied_before_there_is_what_it_is_copied_to(made: Made) -> None:
    ready = {f"registry-{region}-{name}-policy" for region in REGIONS for name in IMAGES.values()}
    ready |= {f"registry-{region}-results" for region in REGIONS}
    for region in REGIONS:
        assert waits_for(made.options[f"registry-{region}-replication"]) == ready


@pytest.mark.parametrize("region", REGIONS)
def test_images_are_scanned_as_they_are_pushed(made: Made, region: str) -> None:
    inputs = made.inputs(f"registry-{region}-scanning")
    assert (inputs["scanType"], inputs["region"]) == ("BASIC", region)
    assert inputs["rules"] == [
        {
            "scanFrequency": "SCAN_ON_PUSH",
            "repositoryFilters": [{"filter": image, "filterType": "WILDCARD"} for image in IMAGES],
        }
    ]


def test_images_can_be_scanned_for_as_long_as_they_are_there(alone: Made) -> None:
    inputs = alone.inputs("registry-eu-west-1-scanning")
    assert (inputs["scanType"], inputs["rules"][0]["scanFrequency"]) == ("ENHANCED", "CONTINUOUS_SCAN")


def test_a_registry_of_one_region_is_copied_nowhere(alone: Made) -> None:
    assert not alone.of("ReplicationConfiguration")


def test_without_auditors_only_the_operator_reads_results(alone: Made) -> None:
    policy = alone.inputs("registry-eu-west-1-results")["repositoryPolicy"]
    assert {who for who in EVERYBODY if allowed(policy, who, "ecr:BatchGetImage")} == {OPERATOR}


def test_it_tells_what_is_pushed_and_pulled_where(made: Made) -> None:
    host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert made.registry.image_repositories["us-east-1"] == {image: f"{host}/{image}" for image in IMAGES}
    assert made.registry.results["us-east-1"] == f"{host}/tradeplane/runs"
    assert made.recorded.outputs["key_arns"] == {region: f"arn:registry-{region}-key" for region in REGIONS}


def test_everything_that_takes_tags_has_the_required(made: Made) -> None:
    for inputs in [*made.recorded.of_type("aws:kms/key:Key").values(), made.inputs("registry-creation")]:
        assert inputs["tags"]["tradeplane:data-classification"] == "confidential"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account": "444455556666"}, "operator_role|administrator_roles"),
        ({"operator_role": "arn:aws:iam::444455556666:role/o"}, "operator_role: .* is not of account"),
        ({"regions": []}, "regions"),
        ({"regions": ["eu-west-1", "eu-west-1"]}, "regions: each region once"),
        ({"regions": ["eu-west-1", "us-gov-west-1"]}, "one partition of AWS, not of aws, aws-us-gov"),
        ({"auditor_roles": ["arn:aws-cn:iam::111122223333:role/a"]}, "one partition of AWS"),
        ({"publisher_roles": []}, "publisher_roles"),
        ({"publisher_roles": ["*"]}, r"publisher_roles\.0"),
        ({"publisher_roles": [OPERATOR]}, r"publisher_roles\.0: .* is one of operator_role as well"),
        ({"node_roles": []}, "node_roles"),
        ({"node_roles": [OPERATOR]}, r"node_roles\.0: .* is one of operator_role as well"),
        ({"auditor_roles": [PUBLISHER]}, r"auditor_roles\.0: .* is one of publisher_roles\.0"),
        ({"operator_role": ADMINISTRATOR}, "operator_role: .* is one of administrator_roles"),
        ({"images": []}, "images"),
        ({"images": ["Tradeplane/operator"]}, r"images\.0"),
        ({"images": ["tradeplane//operator"]}, r"images\.0"),
        ({"images": ["a"]}, r"images\.0"),
        ({"images": ["tradeplane/operator", "tradeplane/operator"]}, "images: each name once"),
        ({"images": ["tradeplane/runs"]}, r"images\.0: tradeplane/runs and results"),
        ({"images": ["tradeplane/runs/operator"]}, r"images\.0: .*apart"),
        ({"images": ["tradeplane"]}, r"images\.0: .*apart"),
        ({"results": "runs/"}, "results"),
        ({"results": "r" * 61}, "results"),
        ({"scanning": "NONE"}, "scanning"),
        ({"lifecycle": {}}, "lifecycle: Extra"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)


def test_a_registry_of_china_has_another_host() -> None:
    there = "arn:aws-cn:iam::111122223333:role"
    chinese = config(
        regions=["cn-north-1"],
        administrator_roles=[f"{there}/a"],
        operator_role=f"{there}/o",
        publisher_roles=[f"{there}/p"],
        node_roles=[f"{there}/n"],
        auditor_roles=[],
    )
    assert chinese.registry("cn-north-1") == f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn"
