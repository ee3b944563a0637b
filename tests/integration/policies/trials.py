"""Copies of policies, each bound to namespaces of its own, so that many can be tried at once on one API server."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from tradeplane_api.base import GROUP, VERSION
from tradeplane_api.kinds import KINDS

from tests.awaiting import until
from tests.integration.policies.cases import EDITORS, GIVEN, MISSING, NAMESPACE_ADMINISTRATORS, Case, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.integration.policies.server import Answer, Json, Server

ADMISSION = Path(__file__).parents[3] / "policies" / "admission"
SYSTEM = "tradeplane-system"
_TRIAL = "tradeplane.dev/trial"
_OUTSIDE = "outside"
HERE = "@here"
"""In parameters: the namespaces of all trials."""
_AT_ONCE = 8
_REGISTRATION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
POLICIES, BINDINGS = f"{_REGISTRATION}ies", f"{_REGISTRATION}ybindings"
_ROLES = "/apis/rbac.authorization.k8s.io/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PARAMETERS_VERSION = "policies.tradeplane.dev/v1alpha1"
PARAMETERS = f"/apis/{PARAMETERS_VERSION}/admissionparameters"
LAX = f"lax.{GROUP}"
"""Group of kinds like ours that take any specification, under names by which no kubectl takes them for ours."""
_LAX_KINDS = ("Strategy", "Approval")
_WORK = ("ReplicationController", "Job", "CronJob", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
PLURALS = {kind.name: kind.plural for kind in KINDS} | {"Pod": "pods", "ConfigMap": "configmaps"}
PLURALS |= {"NetworkPolicy": "networkpolicies"} | {kind: f"{kind.lower()}s" for kind in _WORK}
PLURALS |= {f"Lax{kind}": f"lax{PLURALS[kind]}" for kind in _LAX_KINDS}


@dataclass(frozen=True)
class Rules:
    """One policy and its bindings."""

    policy: Json
    bindings: tuple[Json, ...]

    @classmethod
    def of(cls, table: Table) -> Rules:
        """Return those that a table is of, as they are checked in."""
        documents = [
            document
            for file in sorted((ADMISSION / table.directory).glob("*.yaml"))
            for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        ]
        (policy,) = (
            one
            for one in documents
            if one["kind"] == "ValidatingAdmissionPolicy" and one["metadata"]["name"] == table.policy
        )
        bindings = (one for one in documents if one["kind"] == "ValidatingAdmissionPolicyBinding")
        return cls(policy, tuple(one for one in bindings if one["spec"]["policyName"] == table.policy))

    def open_ends(self) -> list[str]:
        """Return how it would let through what it cannot judge, or what it refuses."""
        ends = [] if self.policy["spec"]["failurePolicy"] == "Fail" else ["failurePolicy"]
        return ends + [
            f"validationActions of {one['metadata']['name']}"
            for one in self.bindings
            if "Deny" not in one["spec"]["validationActions"]
        ]


@dataclass(frozen=True)
class Trial:
    """A copy of a policy, as it is or weakened, with a namespace for each of the parameters that its table has."""

    tag: str
    table: Table
    rules: Rules

    def answer(self, server: Server, case: Case) -> Answer:
        """Ask for what a case says, without it being done."""
        place, body = _place(case), case.body
        if body["kind"] == "Namespace":
            labels = {**body["metadata"].get("labels", {}), _TRIAL: self._label(case.given)}
            body = {**body, "metadata": {**body["metadata"], "labels": labels}}
        if case.lax:
            body = _lax(body)
        path = self._path(body, place)
        groups = (self.table.within, *case.groups)
        if not case.of:
            return server.ask("POST", f"{path}?dryRun=All", body, user=case.user, groups=groups)
        path += f"/{self._standing(body['kind'], case.of)}"
        path += f"/{case.subresource}" if case.subresource else ""
        if case.verb == "PATCH":
            return server.ask("PATCH", f"{path}?dryRun=All", body, user=case.user, groups=groups)
        if case.verb == "DELETE":
            return server.ask("DELETE", f"{path}?dryRun=All", user=case.user, groups=groups)
        return server.ask("POST", path, user=case.user, groups=groups)

    def fault(self, server: Server, case: Case) -> str:
        """Return how the answer differs from what the case says, or ""."""
        answer = self.answer(server, case)
        if not case.refused:
            let_through = case.ends in answer.words if case.ends else answer.allowed
            return "" if let_through else f"{case.name}: should be let through: {answer.code} {answer.words}"
        if answer.allowed:
            return f"{case.name}: should be refused with {case.refused!r}"
        return "" if case.refused in answer.words else f"{case.name}: refused, without {case.refused!r}: {answer.words}"

    def _label(self, given: str) -> str:
        return f"{self.tag}-{given}"

    def _path(self, body: Json, place: str) -> str:
        if body["kind"] == "Namespace":
            return "/api/v1/namespaces"
        group = "/api/v1" if body["apiVersion"] == "v1" else f"/apis/{body['apiVersion']}"
        return f"{group}/namespaces/{self.tag}-{place}/{PLURALS[body['kind']]}"

    def _standing(self, kind: str, name: str) -> str:
        return f"{self.tag}-{name}" if kind == "Namespace" else name

    def places(self) -> list[tuple[str, Json]]:
        """Return the namespaces that its cases are asked for in: paths, and objects to be created there."""
        asked = dict.fromkeys(_place(case) for case in self.table.cases if case.body["kind"] != "Namespace")
        labels = {place: {**self.table.labels, _TRIAL: self._label(place)} for place in asked}
        if _OUTSIDE in labels:
            labels[_OUTSIDE] = {_TRIAL: self._label(GIVEN)}
        return [
            ("/api/v1/namespaces", {"metadata": {"name": f"{self.tag}-{place}", "labels": kept}})
            for place, kept in labels.items()
        ]

    def standing(self) -> list[tuple[str, Json]]:
        """Return what must stand in them: what cases change, and the account that pods are created with."""
        bodies = {(body["kind"], body["metadata"]["name"]): body for body in self.table.standing}
        made: dict[str, tuple[str, Json]] = {}
        for case in self.table.cases:
            kind, place = case.body["kind"], _place(case)
            if kind == "Pod":
                path = f"/api/v1/namespaces/{self.tag}-{place}/serviceaccounts"
                made[path] = (path, {"metadata": {"name": "default"}})
            if case.of:
                body = bodies[kind, case.of]
                body = _lax(body) if case.lax else body
                body = {**body, "metadata": {**body["metadata"], "name": self._standing(kind, case.of)}}
                path = self._path(body, place)
                made[f"{path}/{case.of}"] = (path, body)
        return list(made.values())

    def bound(self) -> list[tuple[str, Json]]:
        """Return the copies of the bindings: each holds in one namespace, and goes by its parameters."""
        made = []
        for binding in self.rules.bindings:
            for place in self.table.given():
                one = copy.deepcopy(binding)
                one["metadata"] = {"name": f"{self._label(place)}-{binding['metadata']['name']}"}
                one["spec"]["policyName"] = f"{self.tag}-{self.table.policy}"
                selector = one["spec"].setdefault("matchResources", {}).setdefault("namespaceSelector", {})
                selector.setdefault("matchLabels", {})[_TRIAL] = self._label(place)
                if "paramRef" in one["spec"]:
                    one["spec"]["paramRef"]["name"] = parameters_of(self.table, place)
                made.append((BINDINGS, one))
        return made

    def copied(self) -> tuple[str, Json]:
        """Return the copy of the policy, which is also of the lax kinds."""
        one = copy.deepcopy(self.rules.policy)
        one["metadata"] = {"name": f"{self.tag}-{self.table.policy}"}
        for rule in one["spec"]["matchConstraints"]["resourceRules"]:
            if GROUP in rule["apiGroups"]:
                lax = [f"lax{PLURALS[kind]}" for kind in _LAX_KINDS if PLURALS[kind] in rule["resources"]]
                rule["apiGroups"] += [LAX]
                rule["resources"] += lax
        return POLICIES, one


def _place(case: Case) -> str:
    return _OUTSIDE if case.outside else case.given


def _lax(body: Json) -> Json:
    return {**body, "apiVersion": f"{LAX}/{VERSION}", "kind": f"Lax{body['kind']}"}


_SUBRESOURCES = ("ephemeralcontainers", "resize", "exec", "attach", "portforward", "proxy")


def grant_roles(server: Server) -> None:
    """Let those who edit do anything in namespaces but to the namespaces, and others change these."""
    roles = f"{_ROLES}/clusterroles"
    edits = [
        {"apiGroups": [""], "resources": ["pods", *(f"pods/{one}" for one in _SUBRESOURCES)], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["replicationcontrollers"], "verbs": ["*"]},
        {"apiGroups": ["apps", "batch", "networking.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]
    administers = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["update"]}]
    for group, rules in ((EDITORS, edits), (NAMESPACE_ADMINISTRATORS, administers)):
        server.make(roles, {"metadata": {"name": group}, "rules": rules})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": group}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}
        server.make(f"{roles[:-1]}bindings", {"metadata": {"name": group}, "roleRef": role, "subjects": [subject]})


def define_parameters(server: Server) -> None:
    """Define the kind of parameters, as it is checked in, and wait until it is served."""
    server.make(
        f"{DEFINITIONS}?fieldValidation=Strict",
        yaml.safe_load((ADMISSION / "parameters" / "crd.yaml").read_text(encoding="utf-8")),
    )
    until(partial(_served, server, PARAMETERS), "AdmissionParameters to be served")


def _served(server: Server, path: str) -> bool:
    return server.ask("GET", path).allowed


def keep_config_maps(server: Server) -> None:
    """Bind a policy that goes by a ConfigMap and matches nothing, for good.

    An API server stops to watch ConfigMaps for policies, and never begins again, when the last binding that names one
    is removed (https://github.com/kubernetes/kubernetes/issues/130887); here tests come and go on one server.
    """
    rule = {"apiGroups": ["kept.example"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["none"]}
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "true"}],
    }
    named = {"name": "config-maps", "namespace": "default", "parameterNotFoundAction": "Allow"}
    server.make(POLICIES, {"metadata": {"name": "config-maps"}, "spec": spec})
    bound = {"policyName": "config-maps", "validationActions": ["Deny"], "paramRef": named}
    server.make(BINDINGS, {"metadata": {"name": "config-maps"}, "spec": bound})


def define_lax_kinds(server: Server) -> None:
    """Define kinds that are named as ours and take any specification, and wait until they are served."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for kind in _LAX_KINDS:
        version = {"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        plural = PLURALS[f"Lax{kind}"]
        names = {"kind": f"Lax{kind}", "plural": plural}
        spec = {"group": LAX, "scope": "Namespaced", "names": names, "versions": [version]}
        name = f"{plural}.{LAX}"
        server.make(DEFINITIONS, {"metadata": {"name": name}, "spec": spec})
        until(partial(_served, server, f"/apis/{LAX}/{VERSION}/{plural}"), f"{name} to be served")


def parameters_of(table: Table, given: str) -> str:
    """Return the name of an object of a table's parameters."""
    return f"trial-{table.policy}-{given}"


def begin(server: Server, trials: Sequence[Trial]) -> None:
    """Make all that trials need, and wait until the API server goes by their policies."""
    _make(server, [("/api/v1/namespaces", {"metadata": {"name": SYSTEM}})])
    _make(server, [one for trial in trials for one in trial.places()])
    standing = [one for trial in trials for one in trial.standing()]
    for accounts in (True, False):  # pods are created with an account
        _make(server, [one for one in standing if one[0].endswith("/serviceaccounts") is accounts])
    tables = {trial.table.policy: trial.table for trial in trials}.values()
    here = [f"{trial.tag}-{place}" for trial in trials for place in trial.table.given()]
    _make(server, [one for table in tables for one in _parameters(table, here)])
    _make(server, [trial.copied() for trial in trials])
    _make(server, [one for trial in trials for one in trial.bound()])
    await_in_force(server, f"sentinel-{trials[0].tag}")


def unbind(server: Server, trials: Sequence[Trial]) -> None:
    """Remove what was made of bindings, policies and parameters, so that nothing holds any longer."""
    tables = {trial.table.policy: trial.table for trial in trials}.values()
    _remove(server, [one for trial in trials for one in trial.bound()])
    _remove(server, [trial.copied() for trial in trials])
    _remove(server, [one for table in tables for one in _parameters(table, [])])


def leave(server: Server, trials: Sequence[Trial]) -> None:
    """Remove the namespaces of trials, and all that is in them."""
    _remove(server, [one for trial in trials for one in trial.places()])


def _remove(server: Server, made: Sequence[tuple[str, Json]]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: server.ask("DELETE", f"{one[0]}/{one[1]['metadata']['name']}"), made))


def _parameters(table: Table, here: Sequence[str]) -> Iterable[tuple[str, Json]]:
    """Return a table's parameters, with the namespaces of all trials in the place of ``@here``."""
    for given, said in table.parameters.items():
        assert given != MISSING
        metadata = {"name": parameters_of(table, given)}
        if of_config_map(Rules.of(table).policy):
            yield f"/api/v1/namespaces/{SYSTEM}/configmaps", {"metadata": metadata, "data": dict(said)}
            continue
        spec = copy.deepcopy(dict(said))
        if HERE in spec.get("liveTrading", {}).get("namespaces", []):
            spec["liveTrading"]["namespaces"] += here
        yield (
            PARAMETERS,
            {"apiVersion": PARAMETERS_VERSION, "kind": "AdmissionParameters", "metadata": metadata, "spec": spec},
        )


def of_config_map(policy: Json) -> bool:
    """Return whether a policy goes by a ConfigMap."""
    return bool(policy["spec"].get("paramKind", {}).get("kind") == "ConfigMap")


def _make(server: Server, made: Sequence[tuple[str, Json]]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: server.make(*one), made))


def await_in_force(server: Server, name: str) -> None:
    """Wait until a policy that was made last is gone by: the API server takes them up in the order of their making."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    spec = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": PARAMETERS_VERSION, "kind": "AdmissionParameters"},
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "params == null", "message": "the sentinel stands"}],
    }
    bound = {
        "policyName": name,
        "validationActions": ["Deny"],
        "paramRef": {"name": name, "parameterNotFoundAction": "Deny"},
        "matchResources": {"namespaceSelector": {"matchLabels": {_TRIAL: name}}},
    }
    server.make("/api/v1/namespaces", {"metadata": {"name": name, "labels": {_TRIAL: name}}})
    parameters = {"apiVersion": PARAMETERS_VERSION, "kind": "AdmissionParameters"}
    server.make(PARAMETERS, {**parameters, "metadata": {"name": name}, "spec": {}})
    server.make(POLICIES, {"metadata": {"name": name}, "spec": spec})
    server.make(BINDINGS, {"metadata": {"name": name}, "spec": bound})
    path = f"/api/v1/namespaces/{name}/configmaps?dryRun=All"
    until(
        lambda: "the sentinel stands" in server.ask("POST", path, {"metadata": {"name": "x"}}).words,
        "policies to be in force",
    )
    for path in (BINDINGS, POLICIES, PARAMETERS, "/api/v1/namespaces"):
        server.ask("DELETE", f"{path}/{name}")
