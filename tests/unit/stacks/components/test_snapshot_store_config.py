import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration

from tests.unit.stacks.components.snapshot_stores import ADMINISTRATOR, OPERATOR, RUNNER, config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account": "1"}, "account: String should match"),
        ({"account": "444455556666"}, r"administrator_roles\.0: .* is not of account 444455556666"),
        ({"runner_role": "arn:aws:iam::444455556666:role/r"}, "runner_role: .* is not of account"),
        ({"operator_role": "arn:aws:iam::444455556666:role/r"}, "operator_role: .* is not of account"),
        ({"reader_roles": ["arn:aws:iam::444455556666:role/r"]}, r"reader_roles\.0: .* is not of account"),
        ({"regions": []}, "regions"),
        ({"regions": ["eu-west-9"]}, r"regions\.0: .*no region"),
        ({"regions": ["eu-west-1", "eu-west-1"]}, "regions: each region once"),
        ({"regions": ["eu-west-1", "cn-north-1"]}, "one partition of AWS, not of aws, aws-cn"),
        ({"runner_role": "arn:aws-cn:iam::111122223333:role/r"}, "one partition of AWS"),
        ({"runner_role": "*"}, "runner_role"),
        ({"runner_role": OPERATOR}, "runner_role: .* is one of operator_role as well"),
        ({"runner_role": ADMINISTRATOR}, "runner_role: .* is one of administrator_roles as well"),
        ({"operator_role": ADMINISTRATOR}, "operator_role: .* is one of administrator_roles as well"),
        ({"reader_roles": [RUNNER]}, r"reader_roles\.0: .* is one of runner_role"),
        ({"administrator_roles": []}, "administrator_roles"),
        ({"bucket_prefix": "Tradeplane"}, "bucket_prefix"),
        ({"bucket_prefix": "a" * 29}, "bucket_prefix"),
        ({"bucket_prefix": "-tradeplane"}, "bucket_prefix"),
        ({"retention": {"mode": "COMPLIANCE"}}, "retention: .*days or years"),
        ({"noncurrent_version_days": 2189}, "noncurrent_version_days: 2189 are fewer than the 2190 of retention"),
        ({"tiers": {"infrequent_access_days": 29}}, r"tiers\.infrequent_access_days"),
        ({"tiers": {"glacier_instant_days": 59}}, r"tiers\.glacier_instant_days"),
        ({"tiers": {"infrequent_access_days": 90, "glacier_instant_days": 119}}, "tiers: .*glacier_instant_days: at"),
        ({"access_log_days": 89}, "access_log_days"),
        ({"deletion_window_days": 13}, "deletion_window_days"),
        ({"deletion_window_days": 31}, "deletion_window_days"),
        ({"versioning": False}, "versioning: Extra"),
        ({"ownership": {"owner": "desk"}}, r"ownership\.cost_center"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        config(**changes)


def test_a_partition_whose_names_are_not_known_is_refused() -> None:
    roles = {"administrator_roles": ["arn:aws-iso:iam::111122223333:role/a"], "reader_roles": []}
    others = {
        "operator_role": "arn:aws-iso:iam::111122223333:role/o",
        "runner_role": "arn:aws-iso:iam::111122223333:role/r",
    }
    with pytest.raises(InvalidConfiguration, match="regions: of aws, aws-cn, aws-us-gov, not of aws-iso"):
        config(regions=["us-iso-east-1"], **roles, **others)


def test_it_is_of_another_partition_where_its_regions_are() -> None:
    chinese = {field: f"arn:aws-cn:iam::111122223333:role/{field}" for field in ("operator_role", "runner_role")}
    there = config(
        regions=["cn-north-1"], administrator_roles=["arn:aws-cn:iam::111122223333:role/a"], reader_roles=[], **chinese
    )
    assert there.bucket_arn("cn-north-1") == "arn:aws-cn:s3:::tradeplane-prod-111122223333-cn-north-1"
