"""Tags that everything which takes tags has: who answers for it, and what kind of data it holds.

They are added by a transformation that children inherit, so that no component can forget them, and none can say
otherwise.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pulumi
from pydantic import StringConstraints

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.stack_name import StackName

PREFIX = "tradeplane:"

# What AWS takes in a tag's value, without leading or trailing space.
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/=+@-]{1,128}$")]


class TagRefused(ValueError):
    """A resource says otherwise than its stack in a tag that the stack sets."""


class Ownership(Configuration):
    """Who answers for a component, and what is in it."""

    owner: Word
    cost_center: Word
    data_classification: Literal["public", "internal", "confidential", "restricted"]


def required_tags(stack: StackName, ownership: Ownership) -> dict[str, str]:
    """Return the tags that every resource of a stack has."""
    return {
        f"{PREFIX}owner": ownership.owner,
        f"{PREFIX}cost-center": ownership.cost_center,
        f"{PREFIX}data-classification": ownership.data_classification,
        f"{PREFIX}environment": stack.environment,
        f"{PREFIX}stack": str(stack),
    }


def merged(name: str, own: Mapping[str, str] | None, required: Mapping[str, str]) -> dict[str, str]:
    """Add the required tags to a resource's own, of which none may begin as the required do."""
    reserved = sorted(tag for tag in own or {} if tag.startswith(PREFIX))
    if reserved:
        raise TagRefused(f"resource {name} sets {', '.join(reserved)}: tags of {PREFIX} are those of its stack")
    return {**(own or {}), **required}


class TaggedComponent(pulumi.ComponentResource):
    """A component whose children all have the required tags, where their type takes any."""

    def __init__(self, kind: str, name: str, tags: Mapping[str, str], opts: pulumi.ResourceOptions | None) -> None:
        def tag(child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            # A generated type that takes tags has them among its properties, None where they were left out.
            properties: dict[str, Any] = dict(child.props)
            if "tags" not in properties:
                return None
            properties["tags"] = merged(child.name, properties["tags"], tags)
            return pulumi.ResourceTransformationResult(properties, child.opts)

        tagged = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[tag]))
        super().__init__(f"tradeplane:components:{kind}", name, None, tagged)
