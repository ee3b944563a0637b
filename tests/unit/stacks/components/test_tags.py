import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName
from tradeplane_stacks.components.tags import Ownership, TaggedComponent, TagRefused, merged, required_tags

from tests.unit.stacks.components.recording import record

OWNERSHIP = {"owner": "desk", "cost_center": "cc-7", "data_classification": "internal"}


@pytest.mark.parametrize(
    ("name", "read"),
    [("dev", StackName("dev")), ("prod.eu-west-1", StackName("prod", "eu-west-1"))],
)
def test_a_stack_name_is_read_and_written_alike(name: str, read: StackName) -> None:
    assert StackName.parse(name) == read
    assert str(read) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "environment ''"),
        ("Prod", "environment 'Prod'"),
        (".eu-west-1", "environment ''"),
        ("prod.", "region of a stack's name: ''"),
        ("prod.eu-west-9", "'eu-west-9' is no region"),
        ("prod.eu-west-1.blue", "'eu-west-1.blue' is no region"),
        ("prod\n", "environment"),
        ("a" * 21, "up to 20 of a-z"),
    ],
)
def test_a_wrong_stack_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(InvalidStackName, match=message):
        StackName.parse(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"owner": ""}, "owner"),
        ({"owner": " desk"}, "owner"),
        ({"cost_center": "x" * 129}, "cost_center"),
        ({"data_classification": "secret"}, "data_classification"),
        ({"team": "a"}, "team: Extra inputs"),
    ],
)
def test_a_wrong_ownership_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Ownership.read(OWNERSHIP | changes)


def test_a_resource_keeps_its_own_tags_beside_the_required() -> None:
    required = required_tags(StackName("prod", "eu-west-1"), Ownership.read(OWNERSHIP))
    assert required["tradeplane:stack"] == "prod.eu-west-1"
    assert merged("bucket", {"Name": "a"}, required) == {"Name": "a", **required}


def test_a_resource_that_sets_a_tag_of_its_stack_is_refused() -> None:
    with pytest.raises(TagRefused, match="bucket sets tradeplane:owner"):
        merged("bucket", {"tradeplane:owner": "me"}, {"tradeplane:owner": "desk"})


def test_children_of_children_are_tagged_and_what_takes_no_tags_is_left_alone() -> None:
    import pulumi
    from pulumi_aws import kms

    def make() -> dict[str, pulumi.Output[str]]:
        outer = TaggedComponent("Outer", "outer", {"tradeplane:owner": "desk"}, None)
        inner = pulumi.ComponentResource("test:Inner", "inner", None, pulumi.ResourceOptions(parent=outer))
        key = kms.Key("key", tags={"Name": "k"}, opts=pulumi.ResourceOptions(parent=inner))
        alias = kms.Alias("alias", target_key_id=key.arn, opts=pulumi.ResourceOptions(parent=inner))
        return {"key": key.arn, "alias": alias.arn}

    recorded = record(make)
    assert recorded.resources["key"].inputs["tags"] == {"Name": "k", "tradeplane:owner": "desk"}
    assert "tags" not in recorded.resources["alias"].inputs
