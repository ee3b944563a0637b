import json
from typing import Any

import pytest

from tests.unit.stacks.components.policy_evaluation import decided

ROLE = "arn:aws:iam::111122223333:role/r"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:b/*"], **more}


def test_what_is_not_said_is_not_decided() -> None:
    assert decided(policy(allow()), ROLE, "s3:PutObject", "arn:b/x") is None
    assert decided(policy(allow()), ROLE, "s3:GetObject", "arn:c/x") is None
    assert decided(policy(allow(Principal={"AWS": "other"})), ROLE, "s3:GetObject", "arn:b/x") is None


def test_what_is_refused_is_refused_whoever_allows_it() -> None:
    refused = {"Effect": "Deny", "Action": ["s3:*"], "Principal": {"AWS": "*"}}
    assert decided(policy(allow()), ROLE, "s3:GetObject", "arn:b/x") is True
    assert decided(policy(allow(), refused), ROLE, "s3:GetObject", "arn:b/x") is False


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"StringEquals": {"k": "a"}}, "a", True),
        ({"StringEquals": {"k": "a"}}, "b", None),
        ({"StringEquals": {"k": "a"}}, None, None),
        ({"StringNotEquals": {"k": "a"}}, None, True),
        ({"StringNotEquals": {"k": "a"}}, "a", None),
        ({"StringLike": {"k": ["${tag}/*"]}}, "t/1", True),
        ({"StringLike": {"k": ["${none}/*"]}}, "t/1", None),
        ({"ArnEquals": {"k": "a:*"}}, "a:b", True),
        ({"ArnNotEquals": {"k": ["a", "b"]}}, "b", None),
        ({"ArnNotEquals": {"k": ["a", "b"]}}, "c", True),
        ({"Bool": {"k": "true"}}, None, None),
        ({"Bool": {"k": "true"}}, "true", True),
        ({"Null": {"k": "true"}}, None, True),
        ({"Null": {"k": "false"}}, None, None),
        ({"Null": {"k": "false"}}, "x", True),
        ({"NumericLessThan": {"k": "1.2"}}, "1.1", True),
        ({"NumericLessThan": {"k": "1.2"}}, "1.2", None),
        ({"NumericLessThan": {"k": "1.2"}}, None, None),
        ({"Null": {"k": "false"}, "StringEquals": {"k": "a"}}, "b", None),
    ],
)
def test_conditions_hold_as_aws_says(condition: dict[str, Any], value: str | None, holds: bool | None) -> None:
    context = {"tag": "t"} | ({} if value is None else {"k": value})
    assert decided(policy(allow(Condition=condition)), ROLE, "s3:GetObject", "arn:b/x", context) is holds


def test_a_variable_without_a_value_matches_nothing() -> None:
    own = policy(allow(Resource=["arn:b/${aws:PrincipalTag/kubernetes-namespace}/*"]))
    tagged = {"aws:PrincipalTag/kubernetes-namespace": "trading"}
    assert decided(own, ROLE, "s3:GetObject", "arn:b/trading/x", tagged) is True
    assert decided(own, ROLE, "s3:GetObject", "arn:b/other/x", tagged) is None
    assert decided(own, ROLE, "s3:GetObject", "arn:b//x") is None


def test_what_it_cannot_judge_is_an_error() -> None:
    with pytest.raises(KeyError):
        decided(policy(allow(Condition={"IpAddress": {"k": "a"}})), ROLE, "s3:GetObject", "arn:b/x")
    with pytest.raises(AssertionError, match="NotAction"):
        decided(policy({"Effect": "Allow", "NotAction": []}), ROLE, "s3:GetObject")
