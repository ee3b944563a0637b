"""A stand-in for Pulumi's provider of Kubernetes: objects by server-side apply, to the API server of KUBECONFIG.

It is started by the engine as ``pulumi-resource-kubernetes``. It does as the provider from 4.29 on does where tests can
tell: an object that is there already is not taken over; fields are owned by a manager of each object, and those of
others are taken by force only where the object says so; what cannot be changed is replaced. What an object is waited
for is in ``kubernetes_readiness.py``. It is stricter in three things: a field that the API does not know is an error, a
kind that is not served yet is not asked for again, and whether something can be changed is asked of the API server.

Charts, kustomizations and YAML of the provider's own, and its types of patches and lists, are refused by name.
https://www.pulumi.com/registry/packages/kubernetes/
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import yaml
from pulumi.runtime.proto import provider_pb2 as protocol

from tests.integration.policies.server import APPLY, Answer, Server
from tests.integration.stacks.providers.frame import Found, Properties, Provider, Refused, ResourceType, same
from tests.integration.stacks.providers.frame import serve as serve_provider
from tests.integration.stacks.providers.kubernetes_readiness import SKIPS_WAITING, unready, waited_for

if TYPE_CHECKING:
    from collections.abc import Iterator

FORCES = "pulumi.com/patchForce"
"""Annotation of an object by which fields are taken from who owns them."""
_ANNOTATIONS = frozenset({FORCES, SKIPS_WAITING})
_NO_OBJECTS = ("helm.sh/", "kustomize/", "yaml:", "yaml/")
_TOKEN = re.compile(r"kubernetes:(?P<version>(?:(?P<group>[a-z0-9.-]+)/)?v[0-9][a-z0-9]*):(?P<kind>[A-Z][A-Za-z]*)")
_CANNOT_CHANGE = re.compile(r"immutable|cannot change|may not be (?:changed|updated)|updates to .* are forbidden")
_GONE_WITHIN_S = 300.0
_LOOK_AGAIN_S = 0.1


class ApiError(Exception):
    """The API server refused; the message is its own."""


@cache
def server() -> Server:
    """Return the API server."""
    return Server.of(Path(os.environ["KUBECONFIG"]))


class Kind(ResourceType):
    """Objects of one kind."""

    def __init__(self, pulumi_type: str, group: str, api_version: str, kind: str) -> None:
        self.pulumi_type = pulumi_type
        self._group, self._version, self._kind = group, api_version, kind
        self._served: tuple[str, bool] | None = None

    @property
    def api_version(self) -> str:
        """Group and version, as objects state them."""
        return f"{self._group}/{self._version}" if self._group else self._version

    def check(self, inputs: Properties) -> None:
        """Raise Refused for what is not an object of this kind with a name, or asks for what is not implemented."""
        stated = (inputs.get("apiVersion"), inputs.get("kind"))
        if stated != (self.api_version, self._kind):
            raise Refused(f"{self.pulumi_type}: apiVersion and kind are {stated}, not those of the type")
        metadata = inputs.get("metadata", {})
        if not metadata.get("name"):
            raise Refused(f"{self.pulumi_type}: metadata.name is not there, and this stand-in makes no names up")
        asked = {name for name in metadata.get("annotations", {}) if name.startswith("pulumi.com/")}
        if unknown := sorted(asked - _ANNOTATIONS):
            raise Refused(f"annotation {', '.join(unknown)} is not implemented by this stand-in")
        if not waited_for(inputs):
            raise Refused(
                f"{self.pulumi_type}: what it is waited for is not implemented by this stand-in; "
                f"give it the annotation {SKIPS_WAITING}"
            )

    def replacing(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """Return what changed where it makes another object: names, contents by default, or what cannot be changed."""
        if _identity(old) != _identity(new):
            return ["metadata"]
        if self.api_version == "v1" and self._kind in ("ConfigMap", "Secret"):
            return [key for key in changed if key in ("data", "binaryData", "stringData", "type")]
        answer = self._apply(new, dry_run=True)
        refused = answer.code == HTTPStatus.UNPROCESSABLE_ENTITY and _CANNOT_CHANGE.search(answer.words)
        return changed if refused else []

    def same_name(self, old: Properties, new: Properties) -> bool:
        """Whether both are one object to the API server."""
        return _identity(old) == _identity(new)

    def create(self, inputs: Properties) -> str:
        """Apply it, where there is none of its name."""
        if self._get(inputs).code != HTTPStatus.NOT_FOUND:
            raise ApiError(f"{self._kind} {_id(inputs)!r} already exists")
        _done(self._apply(inputs))
        return _id(inputs)

    def read(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is, in those fields that its inputs have."""
        if not inputs:
            raise Refused(f"{resource_id}: importing is not implemented by this stand-in")
        answer = self._get(inputs)
        if answer.code == HTTPStatus.NOT_FOUND:
            return None
        live = _done(answer)
        live["metadata"].pop("managedFields", None)
        return Found(projected(live, inputs), live)

    def unready(self, resource_id: str, inputs: Properties) -> list[str]:
        """Return what it is still waited for."""
        answer = self._get(inputs)
        if answer.code == HTTPStatus.NOT_FOUND:
            return []
        live = _done(answer)
        return unready(inputs, live) or (_unserved(live) if self._kind == "CustomResourceDefinition" else [])

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Apply the new inputs."""
        _done(self._apply(new))

    def delete(self, resource_id: str, inputs: Properties) -> None:
        """Remove it, and what it owns, and wait until it is gone."""
        path = self._path(inputs)
        if path is None:
            return
        # The provider always says Foreground. What owns nothing goes at once then as well, but for the objects of new
        # kinds, of which the garbage collector learns only after half a minute.
        owns = self._group in ("apps", "batch")
        answer = server().ask("DELETE", path, {"propagationPolicy": "Foreground" if owns else "Background"})
        ends = time.monotonic() + _GONE_WITHIN_S
        while answer.code != HTTPStatus.NOT_FOUND:
            live = _done(answer)
            if time.monotonic() > ends:
                kept = ", ".join(live["metadata"].get("finalizers", [])) or "nothing it says"
                raise ApiError(f"{self._kind} {resource_id!r} is still there; it is kept by {kept}")
            time.sleep(_LOOK_AGAIN_S)
            answer = server().ask("GET", path)

    def _get(self, inputs: Properties) -> Answer:
        path = self._path(inputs)
        return Answer(HTTPStatus.NOT_FOUND, {}) if path is None else server().ask("GET", path)

    def _apply(self, inputs: Properties, *, dry_run: bool = False) -> Answer:
        path = self._path(inputs)
        if path is None:
            raise ApiError(f"the API server serves no {self._kind} of {self.api_version}")
        forces = inputs["metadata"].get("annotations", {}).get(FORCES) == "true"
        options = {
            # The provider's are made up once for each object.
            "fieldManager": f"pulumi-kubernetes-{hashlib.sha256(path.encode()).hexdigest()[:8]}",
            "force": str(forces or dry_run).lower(),
            "fieldValidation": "Strict",
            **({"dryRun": "All"} if dry_run else {}),
        }
        return server().ask("PATCH", f"{path}?{urlencode(options)}", inputs, patch=APPLY)

    def _path(self, inputs: Properties) -> str | None:
        """Return where an object is; None where its kind is not served."""
        base = f"/apis/{self.api_version}" if self._group else f"/api/{self._version}"
        if self._served is None:
            self._served = self._discovered(base)
            if self._served is None:
                return None
        plural, namespaced = self._served
        metadata = inputs["metadata"]
        within = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{base}{within}/{plural}/{metadata['name']}"

    def _discovered(self, base: str) -> tuple[str, bool] | None:
        answer = server().ask("GET", base)
        if answer.code == HTTPStatus.NOT_FOUND:
            return None
        for one in _done(answer)["resources"]:
            if one["kind"] == self._kind and "/" not in one["name"]:
                return one["name"], one["namespaced"]
        return None


class Kinds(Mapping[str, ResourceType]):
    """Every kind there can be, by its type; which of them are served is asked when one is made."""

    def __init__(self) -> None:
        self._known: dict[str, ResourceType] = {}

    def __getitem__(self, token: str) -> ResourceType:
        if token not in self._known:
            found = _TOKEN.fullmatch(token)
            asked = token.partition(":")[2]
            if found is None or asked.startswith(_NO_OBJECTS) or found["kind"].endswith(("List", "Patch")):
                raise KeyError(token)
            group = "" if found["group"] in (None, "core") else found["group"]
            self._known[token] = Kind(token, group, found["version"].rpartition("/")[2], found["kind"])
        return self._known[token]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class KubernetesProvider(Provider):
    """The provider, whose configuration may name the context that KUBECONFIG is at, and nothing else."""

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - named as the protocol has it
        """Refuse another cluster, and settings that are not implemented."""
        given = {field: value for field, value in request.news.items() if not field.startswith("__")}
        given.pop("version", None)
        failures = [
            protocol.CheckFailure(property=field, reason=f"{field} is not implemented by this stand-in")
            for field in sorted(given.keys() - {"context"})
        ]
        if "context" in given:
            current = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))["current-context"]
            if given["context"] != current:
                reason = f"this stand-in knows the context {current}, and not {given['context']}"
                failures.append(protocol.CheckFailure(property="context", reason=reason))
        return protocol.CheckResponse(inputs=request.news, failures=failures)


def projected(live: Any, asked: Any) -> Any:
    """Return of a live value what was asked for: keys that others added to it are theirs.

    A list is taken item by item where it is as long as it was asked to be, and whole where it is not.
    """
    if isinstance(live, dict) and isinstance(asked, dict):
        return {key: projected(live[key], value) for key, value in asked.items() if key in live}
    if isinstance(live, list) and isinstance(asked, list) and len(live) == len(asked):
        return [projected(one, other) for one, other in zip(live, asked, strict=True)]
    return asked if same(live, asked) else live


def _unserved(definition: dict[str, Any]) -> list[str]:
    """Return why objects of a kind that is established cannot be asked for yet, which they can be a moment later."""
    spec = definition["spec"]
    for one in spec["versions"]:
        base = f"/apis/{spec['group']}/{one['name']}"
        listed = server().ask("GET", base).body.get("resources", [])
        known = any(resource["kind"] == spec["names"]["kind"] for resource in listed)
        answer = server().ask("GET", f"{base}/{spec['names']['plural']}?limit=1")
        if one["served"] and not (known and answer.allowed):
            return [f"objects of {definition['metadata']['name']} are not served yet: {answer.words}"]
    return []


def _identity(inputs: Properties) -> tuple[str, str]:
    metadata = inputs["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _id(inputs: Properties) -> str:
    return "/".join(filter(None, _identity(inputs)))


def _done(answer: Answer) -> dict[str, Any]:
    """Return the object of an answer.

    Raises:
        ApiError: the API server refused, in its words.

    """
    if not answer.allowed and answer.code != HTTPStatus.ACCEPTED:
        raise ApiError(answer.words or json.dumps(answer.body))
    return answer.body


def serve() -> None:
    """Be the provider."""
    serve_provider(KubernetesProvider(version("pulumi-kubernetes"), Kinds(), {}))
