"""Changes of objects, in the forms that kustomize takes: what they change is named, and nothing else is."""

from collections.abc import Mapping
from typing import Any

import yaml

ROLE = "eks.amazonaws.com/role-arn"
"""Annotation of an account by which its pods take on a role of IAM (IRSA)."""


def annotated(account: str, namespace: str | None, role: str) -> dict[str, Any]:
    """Return the change that gives an account a role of IAM."""
    within = {"namespace": namespace} if namespace else {}
    metadata = {"name": account, **within, "annotations": {ROLE: role}}
    return merged({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def merged(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change that merges fields into the object of a document's kind and name."""
    target = {"kind": document["kind"], "name": document["metadata"]["name"]}
    return {"target": target, "patch": yaml.safe_dump(dict(document))}


def changed(kind: str, name: str, *steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change of an object by steps of JSON Patch (RFC 6902)."""
    return {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump([dict(step) for step in steps])}


def renamed(kind: str, name: str, to: str, *steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change of an object that gives it another name, and of further steps."""
    return changed(kind, name, step("replace", "/metadata/name", to), *steps)


def step(operation: str, path: str, value: Any) -> dict[str, Any]:
    """Return one step: ``add`` or ``replace``, where, and what."""
    return {"op": operation, "path": path, "value": value}
