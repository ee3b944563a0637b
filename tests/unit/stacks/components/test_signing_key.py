import json
from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.signing_key import SigningKey, SigningKeyConfig
from tradeplane_stacks.components.stack_name import StackName

from tests.unit.stacks.components.recording import Recorded, record

OPERATOR = "arn:aws:iam::111122223333:role/tradeplane-operator"
ADMINISTRATOR = "arn:aws:iam::111122223333:role/security/key-administrator"
GENERATIONS = [
    {"name": "2025", "state": "verifies"},
    {"name": "2026", "state": "signs"},
    {"name": "2027", "state": "published"},
]
REGIONS = ("eu-west-1", "us-east-1")


def config(**changes: object) -> SigningKeyConfig:
    return SigningKeyConfig.read(
        {
            "ownership": {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"},
            "primary_region": REGIONS[0],
            "replica_regions": [REGIONS[1]],
            "operator_role": OPERATOR,
            "administrator_roles": [ADMINISTRATOR],
            "generations": GENERATIONS,
        }
        | changes
    )


def public_key(asked: dict[str, Any]) -> dict[str, Any]:
    return {"publicKeyPem": f"PEM of {asked['keyId']} in {asked['region']}"}


def made(**changes: object) -> Recorded:
    def make() -> dict[str, Any]:
        key = SigningKey("evidence", config(**changes), StackName("prod"))
        assert key.signer == "awskms:///alias/evidence"
        return {"public_keys": key.public_keys, "keyring": key.keyring, "key_arns": key.key_arns}

    return record(make, {"aws:kms/getPublicKey:getPublicKey": public_key})


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return made()


def policies(recorded: Recorded, generation: str) -> list[dict[str, Any]]:
    keys = recorded.of_type("aws:kms/key:Key") | recorded.of_type("aws:kms/replicaKey:ReplicaKey")
    name = f"evidence-{generation}"
    return [json.loads(keys[key]["policy"]) for key in (name, f"{name}-us-east-1")]


def test_each_generation_is_a_key_for_signing_in_the_primary_region(recorded: Recorded) -> None:
    keys = recorded.of_type("aws:kms/key:Key")
    assert set(keys) == {"evidence-2025", "evidence-2026", "evidence-2027"}
    for inputs in keys.values():
        assert inputs["customerMasterKeySpec"] == "ECC_NIST_P256"
        assert inputs["keyUsage"] == "SIGN_VERIFY"
        assert inputs["multiRegion"] is True
        assert inputs["deletionWindowInDays"] == 30
        assert inputs["bypassPolicyLockoutSafetyCheck"] is False
        assert inputs["region"] == REGIONS[0]


def test_each_generation_is_replicated_to_the_other_regions(recorded: Recorded) -> None:
    replicas = recorded.of_type("aws:kms/replicaKey:ReplicaKey")
    assert set(replicas) == {"evidence-2025-us-east-1", "evidence-2026-us-east-1", "evidence-2027-us-east-1"}
    for name, inputs in replicas.items():
        assert inputs["primaryKeyArn"] == f"arn:{name.removesuffix('-us-east-1')}"
        assert inputs["deletionWindowInDays"] == 30
        assert inputs["bypassPolicyLockoutSafetyCheck"] is False
        assert inputs["region"] == REGIONS[1]


def test_the_operator_alone_signs_with_the_generation_that_signs(recorded: Recorded) -> None:
    for policy in policies(recorded, "2026"):
        allowed = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
        signing = [s for s in allowed if "kms:Sign" in s["Action"]]
        assert [s["Principal"] for s in signing] == [{"AWS": OPERATOR}]
        assert signing[0]["Action"] == ["kms:Sign", "kms:GetPublicKey", "kms:DescribeKey"]
        assert [s for s in policy["Statement"] if s["Effect"] == "Deny"] == [
            {
                "Sid": "RefuseSigning",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Sign"],
                "Resource": "*",
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": OPERATOR}},
            }
        ]


@pytest.mark.parametrize("generation", ["2025", "2027"])
def test_nobody_signs_with_another_generation(recorded: Recorded, generation: str) -> None:
    for policy in policies(recorded, generation):
        assert not [s for s in policy["Statement"] if s["Effect"] == "Allow" and "kms:Sign" in s["Action"]]
        refused = [s for s in policy["Statement"] if s["Effect"] == "Deny"]
        assert [(s["Principal"], s["Action"], "Condition" in s) for s in refused] == [
            ({"AWS": "*"}, ["kms:Sign"], False)
        ]


@pytest.mark.parametrize("generation", ["2025", "2026", "2027"])
def test_administrators_cannot_sign_nor_hand_signing_on(recorded: Recorded, generation: str) -> None:
    for policy in policies(recorded, generation):
        statements = [s for s in policy["Statement"] if s["Principal"] == {"AWS": [ADMINISTRATOR]}]
        assert len(statements) == 1
        actions = statements[0]["Action"]
        assert "kms:PutKeyPolicy" in actions
        assert not {"kms:Sign", "kms:CreateGrant"} & set(actions)
        assert not [action for action in actions if "*" in action]
        assert len(policy["Statement"]) == (3 if generation == "2026" else 2)


def test_the_alias_leads_to_the_key_that_signs_in_each_region(recorded: Recorded) -> None:
    aliases = recorded.of_type("aws:kms/alias:Alias").values()
    assert {(a["region"], a["name"], a["targetKeyId"]) for a in aliases} == {
        ("eu-west-1", "alias/evidence", "arn:evidence-2026"),
        ("us-east-1", "alias/evidence", "arn:evidence-2026-us-east-1"),
    }


def test_outputs_are_the_public_key_of_every_generation_and_the_arns_of_the_one_that_signs(recorded: Recorded) -> None:
    assert recorded.outputs["public_keys"] == {
        name: f"PEM of arn:evidence-{name} in eu-west-1" for name in ("2025", "2026", "2027")
    }
    keys = json.loads(recorded.outputs["keyring"])["keys"]
    assert [one["publicKey"] for one in keys] == list(recorded.outputs["public_keys"].values())
    assert recorded.outputs["key_arns"] == {
        "eu-west-1": "arn:evidence-2026",
        "us-east-1": "arn:evidence-2026-us-east-1",
    }


def test_every_key_has_the_tags_of_its_stack(recorded: Recorded) -> None:
    keys = recorded.of_type("aws:kms/key:Key") | recorded.of_type("aws:kms/replicaKey:ReplicaKey")
    assert len(keys) == 6
    for inputs in keys.values():
        assert inputs["tags"] == {
            "tradeplane:owner": "desk",
            "tradeplane:cost-center": "cc-7",
            "tradeplane:data-classification": "restricted",
            "tradeplane:environment": "prod",
            "tradeplane:stack": "prod",
        }


def test_keys_are_protected_from_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    from pulumi_aws import kms

    protected: dict[str, object] = {}
    for kind in (kms.Key, kms.ReplicaKey):
        original = kind._internal_init

        def noted(self: Any, name: str, *args: Any, opts: Any = None, original: Any = original, **inputs: Any) -> None:
            protected[name] = opts.protect
            original(self, name, *args, opts=opts, **inputs)

        monkeypatch.setattr(kind, "_internal_init", noted)
    made(generations=[{"name": "2026", "state": "signs"}])
    assert protected == {"evidence-2026": True, "evidence-2026-us-east-1": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"primary_region": "eu-west-9"}, "primary_region: .*eu-west-9.* is no region"),
        ({"replica_regions": ["us-east-1", "mars-1"]}, r"replica_regions\.1: .*mars-1"),
        ({"replica_regions": ["eu-west-1"]}, "each region once"),
        ({"replica_regions": ["us-east-1", "us-east-1"]}, "each region once"),
        ({"replica_regions": ["cn-north-1"]}, "one partition of AWS, not of aws, aws-cn"),
        ({"operator_role": "arn:aws-cn:iam::111122223333:role/operator"}, "one partition"),
        ({"operator_role": "arn:aws:iam::111122223333:root"}, "operator_role"),
        ({"operator_role": "arn:aws:iam::111122223333:role/*"}, "operator_role"),
        ({"operator_role": "*"}, "operator_role"),
        ({"operator_role": ADMINISTRATOR}, "who signs does not administer"),
        ({"administrator_roles": []}, "administrator_roles"),
        ({"administrator_roles": ["*"]}, r"administrator_roles\.0"),
        ({"deletion_window_days": 7}, "deletion_window_days"),
        ({"deletion_window_days": 31}, "deletion_window_days"),
        ({"generations": []}, "generations"),
        ({"generations": [{"name": "a", "state": "verifies"}]}, "exactly one"),
        ({"generations": [{"name": "a", "state": "signs"}, {"name": "b", "state": "signs"}]}, "exactly one"),
        ({"generations": [{"name": "a", "state": "signs"}, {"name": "a", "state": "verifies"}]}, "each name once"),
        ({"generations": [{"name": "A b", "state": "signs"}]}, r"generations\.0\.name"),
        ({"generations": [{"name": "a", "state": "retired"}]}, r"generations\.0\.state"),
        ({"rotation": True}, "rotation: Extra inputs"),
        ({"ownership": {"owner": "desk", "cost_center": "cc-7"}}, r"ownership\.data_classification: Field required"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)
