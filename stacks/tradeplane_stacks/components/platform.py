"""tradeplane on a cluster: kinds, the operator, namespaces that run work, and the policies that hold them.

The objects are those that kustomize makes of the manifests of the repository, each a resource of Pulumi of its own, so
that what somebody changed by hand is found in it and put right. Their types are Pulumi's; their contents go to the API
server as they are, since a class of the SDK for each would be a second form of what the manifests say.

They are this platform's, and nobody else's: fields that somebody has taken over by hand are taken back.
"""

from collections.abc import Sequence
from importlib.metadata import version

import pulumi

from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_layer import OPERATOR, SYSTEM
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.components.platform_order import PROTECTED, Object, in_waves, resource_name, type_token
from tradeplane_stacks.components.platform_secrets import secrets
from tradeplane_stacks.components.server_side_apply import TAKES_BACK
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.kustomize import KustomizeError, render


class Platform(pulumi.ComponentResource):
    """All objects of an installation.

    Raises:
        pulumi.RunError: when the manifests cannot be rendered. Nothing is made then.

    """

    kinds: pulumi.Output[list[str]]
    """The kinds that are served, as `strategies.tradeplane.dev`."""

    namespaces: pulumi.Output[list[str]]
    """The namespaces that run work."""

    operator: str
    """Who the operator is to the API server, and to a role of IAM that trusts the cluster's accounts."""

    def __init__(
        self,
        name: str,
        config: PlatformConfig,
        stack: StackName,
        beside: Sequence[Object] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install it; ``beside`` are objects whose contents are not known before something else is made."""
        super().__init__("tradeplane:components:Platform", name, None, opts)
        del stack  # its environment is in the name
        self._name, self._config = name, config
        try:
            objects: list[Object] = list(render(kustomizations(config)))
        except KustomizeError as error:
            raise pulumi.RunError(f"{name}: {error}") from error
        objects += [*secrets(config), *beside]
        made: list[pulumi.Resource] = []
        for wave in in_waves(objects):
            made = [*made, *[self._made(one, made) for one in wave]]
        self.operator = f"system:serviceaccount:{SYSTEM}:{OPERATOR}"
        self.kinds = self._names_of("CustomResourceDefinition", objects, made)
        self.namespaces = self._names_of("Namespace", objects, made).apply(lambda found: sorted({*found} - {SYSTEM}))
        self.register_outputs({"kinds": self.kinds, "namespaces": self.namespaces, "operator": self.operator})

    def _made(self, one: Object, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        metadata = one["metadata"]
        inputs = {**one, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **TAKES_BACK}}}
        rollout = f"{self._config.rollout_seconds}s"
        return pulumi.CustomResource(
            type_token(one),
            resource_name(self._name, one),
            inputs,
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[*after],
                protect=self._config.protected and one["kind"] in PROTECTED,
                custom_timeouts=pulumi.CustomTimeouts(create=rollout, update=rollout),
                version=version("pulumi-kubernetes"),
            ),
        )

    def _names_of(
        self, kind: str, objects: Sequence[Object], made: Sequence[pulumi.Resource]
    ) -> pulumi.Output[list[str]]:
        """Return the names of the objects of a kind, once they are there."""
        names = sorted(one["metadata"]["name"] for one in objects if one["kind"] == kind)
        there = [one.urn for one in made]
        return pulumi.Output.all(*there).apply(lambda _: names)
