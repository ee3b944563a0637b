"""A stand-in for Pulumi's provider of AWS: its types over boto3, against the server that AWS_ENDPOINT_URL names.

It is started by the engine as ``pulumi-resource-aws``. The types are in tables by service.
"""

from __future__ import annotations

from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from tests.integration.stacks.providers.frame import Found, Properties, Provider, Refused, ResourceType, has_unknown
from tests.integration.stacks.providers.frame import serve as serve_provider
from tests.integration.stacks.providers.shapes import read_back, request

if TYPE_CHECKING:
    from collections.abc import Mapping

# Nothing is asked again: a test says what fails, and how often.
_CLIENT = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@cache
def client(service: str, region: str) -> Any:
    """Return the client of a service in a region."""
    return boto3.client(service, region_name=region, config=_CLIENT)


class AwsType(ResourceType):
    """A type whose inputs are members of the request of one operation, but for some that other requests take."""

    service: str
    operation: str
    """The operation that makes it, as botocore calls it."""
    names: Mapping[str, str] = {}
    """Members of requests that are called otherwise than the property."""
    settings: Mapping[str, type] = {"region": str}
    """Properties that no member of that request is for, and their types."""
    gone: frozenset[str] = frozenset()
    """Codes of errors by which AWS says that it is not there, or how these end."""

    def client(self, inputs: Properties) -> Any:
        """Return the client of the region that a resource is in."""
        if "region" not in inputs:
            raise Refused("region: a stand-in has no region of its own, so that every resource must say it")
        return client(self.service, inputs["region"])

    @cached_property
    def shape(self) -> Any:
        """The request of the operation that makes it."""
        return client(self.service, "us-east-1").meta.service_model.operation_model(self.operation).input_shape

    def check(self, inputs: Properties) -> None:
        """Raise Refused where botocore does not take the request that these inputs are."""
        for name, kind in self.settings.items():
            if name in inputs and not isinstance(inputs[name], kind) and not has_unknown(inputs[name]):
                raise Refused(f"{name}: {inputs[name]!r} is not of type {kind.__name__}")
        if has_unknown(inputs):
            return
        report = ParamValidator().validate(self.request(inputs), self.shape)
        if report.has_errors():
            raise Refused(report.generate_report())

    def request(self, inputs: Properties) -> dict[str, Any]:
        """Return the request that makes it."""
        made = request({k: v for k, v in inputs.items() if k not in self.settings}, self.shape, "", self.names)
        assert isinstance(made, dict)
        return made

    def inputs_of(self, found: Mapping[str, Any], inputs: Properties) -> Properties:
        """Return what inputs would have to be for what AWS answered; settings cannot be read and stay."""
        kept = {key: value for key, value in inputs.items() if key in self.settings}
        read = read_back(dict(found), {k: v for k, v in inputs.items() if k not in self.settings}, self.names)
        return {**kept, **read}

    def read(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is, None where AWS says that it is not there."""
        try:
            return self.look(resource_id, inputs)
        except ClientError as error:
            if self._is_gone(error):
                return None
            raise

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is."""
        raise NotImplementedError

    def delete(self, resource_id: str, inputs: Properties) -> None:
        """Remove it."""
        try:
            self.remove(resource_id, inputs)
        except ClientError as error:
            if not self._is_gone(error):
                raise

    def _is_gone(self, error: ClientError) -> bool:
        return str(error.response["Error"]["Code"]).endswith(tuple(self.gone))

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove what is there."""
        raise NotImplementedError


def serve() -> None:
    """Be the provider."""
    from tests.integration.stacks.providers import aws_kms
    from tests.integration.stacks.providers.aws_types import TYPES

    # The version that the types of Pulumi's SDK ask for.
    serve_provider(Provider(version("pulumi-aws"), TYPES, aws_kms.FUNCTIONS))
