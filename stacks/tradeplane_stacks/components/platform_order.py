"""In which order objects of Kubernetes are made: each after what it needs, and removed the other way round.

By kinds, in waves. An object of a kind that is not here, as one of our own, needs its kind and its namespace, and is
needed by what is bound.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

Object = Mapping[str, Any]
"""An object of Kubernetes, as kustomize gives it."""

PROTECTED = ("CustomResourceDefinition", "Namespace")
"""Kinds of objects that are kept from removal: with these go every Strategy there is, and all that tenants have."""
_THE_REST = 1
_WAVES: Mapping[str, int] = MappingProxyType(
    {
        "CustomResourceDefinition": 0,
        "Namespace": 0,
        # They name roles, and kinds and objects of parameters.
        "ClusterRoleBinding": 2,
        "RoleBinding": 2,
        "ValidatingAdmissionPolicy": 2,
        "ValidatingAdmissionPolicyBinding": 3,
        # Together: a Service may be waited for until it has pods.
        "Deployment": 4,
        "Service": 4,
    }
)


def in_waves(objects: Iterable[Object]) -> list[list[Object]]:
    """Return objects in the order they are to be made in: those of one wave need none of each other."""
    waves: dict[int, list[Object]] = {}
    for one in objects:
        waves.setdefault(_WAVES.get(one["kind"], _THE_REST), []).append(one)
    return [waves[number] for number in sorted(waves)]


def type_token(one: Object) -> str:
    """Return the type that Pulumi has for the kind of an object, as ``kubernetes:apps/v1:Deployment``."""
    version = one["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{one['kind']}"


def resource_name(component: str, one: Object) -> str:
    """Return a name of an object that no other object of a component has."""
    metadata = one["metadata"]
    parts = (component, one["kind"].lower(), metadata.get("namespace"), metadata["name"])
    return "-".join(part for part in parts if part)
