"""Types that moto does not have: the stand-in holds them itself, and says so here.

Inputs are checked by botocore's own shapes as those of all others; what AWS would do with them is not reproduced beyond
that. Each is kept as JSON in a parameter of moto's Systems Manager below ``/held``, so that it is gone when moto is
emptied, and a test can look at it, and change or remove it by hand.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests.integration.stacks.providers.aws import AwsType, client
from tests.integration.stacks.providers.frame import Found, Properties

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "/held"


class HeldType(AwsType):
    """A type of which there is one for some of its inputs, by the operation of AWS that would make it."""

    gone = frozenset({"ParameterNotFound"})

    def __init__(
        self,
        kind: str,
        service: str,
        operation: str,
        key: tuple[str, ...],
        *,
        names: Mapping[str, str] | None = None,
        settings: Mapping[str, type] | None = None,
        replaces: frozenset[str] = frozenset(),
        arn: str | None = None,
    ) -> None:
        """Name it as ``eks/addon:Addon``, and the inputs of which there is one; another value of these replaces it."""
        self.pulumi_type, self.service, self.operation = f"aws:{kind}", service, operation
        self.names, self.settings = names or {}, {"region": str, **(settings or {})}
        self.replaces = frozenset({*key, "region"}) | replaces
        self._key, self._arn = key, arn

    def create(self, inputs: Properties) -> str:
        """Hold it; one that is there already is refused, as AWS does."""
        made = ":".join(str(inputs[name]) for name in self._key)
        self._ssm(inputs).put_parameter(Name=self.path(made), Value=json.dumps(inputs), Type="String", Tier="Advanced")
        return made

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return what is held."""
        value = self._ssm(inputs).get_parameter(Name=self.path(resource_id))["Parameter"]["Value"]
        arn = (
            {}
            if self._arn is None
            else {"arn": f"arn:aws:{self.service}:{inputs['region']}::{self._arn}/{resource_id}"}
        )
        return Found(json.loads(value), arn)

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Hold it as it is to be."""
        self._ssm(new).put_parameter(Name=self.path(resource_id), Value=json.dumps(new), Overwrite=True)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Hold it no more."""
        self._ssm(inputs).delete_parameter(Name=self.path(resource_id))

    def path(self, resource_id: str) -> str:
        """Return the parameter that it is in: ids have letters that a parameter's name cannot have."""
        kind = self.pulumi_type.rpartition(":")[2]
        return f"{PATH}/{kind}/{hashlib.sha256(resource_id.encode()).hexdigest()[:16]}"

    def _ssm(self, inputs: Properties) -> Any:
        return client("ssm", inputs["region"])
