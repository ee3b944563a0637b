"""The charts of Helm come to what kustomize makes of the same configuration, and refuse what that refuses."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.chart.platform import platform_fields
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.kustomize import render

from tests.integration.stacks.helm import NAMES, Helm, by_identity, packed, programs, written
from tests.unit.stacks.components.platforms import CLOUD, LOCAL, ROLE, changed, one, rendered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_stacks.chart.fields import Option

Json = dict[str, Any]
_COMBINATIONS = 12
_TRIES = 10_000


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory, renderings: Path) -> Helm:
    return packed(tmp_path_factory.mktemp("charts"), renderings)


def combination(seed: int) -> Json:
    """Return a configuration with about half of all options, those of each of some namespaces apart, that can be."""
    chance = random.Random(seed)  # noqa: S311 - which options, the same ones each time
    for _ in range(_TRIES):
        values = _by_chance(chance)
        with contextlib.suppress(InvalidConfiguration):
            PlatformConfig.read(values)
            return values
    raise AssertionError(f"no configuration of {_TRIES} can be used")


def _by_chance(chance: random.Random) -> Json:
    fields = platform_fields()
    values = _chosen(copy.deepcopy(fields.least[0]), fields.options, chance)
    (first,) = values["namespaces"]
    several = []
    for position in range(chance.randrange(4)):
        again = _chosen(
            {**copy.deepcopy(fields.least[0]), "namespaces": [copy.deepcopy(first)]}, fields.options, chance
        )
        several.append({**again["namespaces"][0], "name": f"space-{position}"})
    return {**values, "namespaces": several}


def _chosen(values: Json, options: Sequence[Option], chance: random.Random) -> Json:
    chosen: dict[str, str] = {}
    for option in options:
        within = all(chosen.get(choice) == wanted for choice, wanted in option.within.items())
        if within and option.choice not in chosen and chance.random() < 0.5:
            chosen[option.choice] = option.option
            at: Any = values
            for key in option.keys[:-1]:
                at = at[key]
            at[option.keys[-1]] = copy.deepcopy(option.values[chance.randrange(2)])
    return values


CONFIGURATIONS = {
    "local": LOCAL,
    "cloud": CLOUD,
    "least": {key: LOCAL[key] for key in ("images", "store")},
    "of-arm64": {**LOCAL, "architecture": "arm64", "registries": ["r.example/", "s.example:5000/team/"]},
    "port-of-tls": changed(LOCAL, "evidence.registry", "r.example:443/runs"),
    "port-of-six": changed(LOCAL, "evidence.registry", "[::1]:5443/runs"),
    "many-runs": {**CLOUD, "limits": {"runs": 20_000_000}},
    **{f"combination-{seed}": combination(seed) for seed in range(_COMBINATIONS)},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_charts_come_to_what_kustomize_makes_of_the_same_configuration(helm: Helm, tmp_path: Path, name: str) -> None:
    config = CONFIGURATIONS[name]
    values = written(config, tmp_path)
    found = by_identity([one for chart in NAMES for one in helm.objects(chart, values)])
    wanted = by_identity(rendered(config))
    assert set(found) == set(wanted)
    for identity, wanted_object in wanted.items():
        assert found[identity] == wanted_object, identity


def test_kinds_come_first_then_policies_and_then_what_they_hold(helm: Helm, tmp_path: Path) -> None:
    kinds, policies, rest = ([one["kind"] for one in helm.objects(chart, written(CLOUD, tmp_path))] for chart in NAMES)
    assert set(kinds) == {"CustomResourceDefinition"}
    # As Helm makes them: parameters before policies, and these before what binds them.
    assert list(dict.fromkeys(policies)) == [
        "AdmissionParameters",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
    assert rest[-1] == "Deployment"
    assert {*rest}.isdisjoint({*kinds, *policies})


def test_what_is_protected_stays_and_what_opens_a_namespace_goes(helm: Helm, tmp_path: Path) -> None:
    def kept(config: Json) -> set[tuple[str, str]]:
        return {
            (one["kind"], one["metadata"]["name"])
            for chart in NAMES
            for one in helm.objects(chart, written(config, tmp_path))
            if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        }

    protected = kept(CLOUD)
    assert {kind for kind, _ in protected} == {
        "CustomResourceDefinition",
        "LimitRange",
        "Namespace",
        "NetworkPolicy",
        "ServiceAccount",
    }
    assert {name for kind, name in protected if kind == "NetworkPolicy"} == {"default-deny", "tradeplane-runs-to-dns"}
    assert ("ServiceAccount", "tradeplane-operator") not in protected
    assert kept({**CLOUD, "protected": False}) == set()


def test_a_changed_setting_rolls_the_operator_and_nothing_else_does(helm: Helm, tmp_path: Path) -> None:
    def rolled_by(config: Json) -> Json:
        objects = helm.objects("tradeplane", written(config, tmp_path))
        annotations: Json = one(objects, "Deployment", "tradeplane-operator")["spec"]["template"]["metadata"][
            "annotations"
        ]
        return annotations

    before = rolled_by(CLOUD)
    assert set(before) == {"checksum/tradeplane-settings", "checksum/tradeplane-trust-config"}
    assert rolled_by({**CLOUD, "limits": {"runs": 7}}) != before
    assert rolled_by({**CLOUD, "namespaces": []}) == before


def _space(name: str, **fields: Any) -> Json:
    return {"name": name, "tenant": name, **fields}


def _with(**fields: Any) -> Json:
    return {**LOCAL, "namespaces": [_space("a")], **fields}


REFUSED = {
    "unknown field": (changed(LOCAL, "images.extra", 1), "images", "extra"),
    "image without digest": (
        changed(LOCAL, "images.operator", "r.example/operator:1.0"),
        "/images/operator",
        "pattern",
    ),
    "no image": (changed(LOCAL, "images", {"operator": LOCAL["images"]["operator"]}), "/images", "workloads"),
    "no store": ({key: value for key, value in LOCAL.items() if key != "store"}, "''", "store"),
    "store of no kind": (changed(LOCAL, "store.kind", "tape"), "/store", "kind"),
    "store without a region": (changed(CLOUD, "store", {"kind": "s3", "url": "s3://a-bucket"}), "/store", "region"),
    "namespace of the system": (changed(LOCAL, "namespaces", [{"name": "kube-system"}]), "/namespaces/0/name", "not"),
    "namespace of the operator": (
        changed(LOCAL, "namespaces", [{"name": "tradeplane-system"}]),
        *("/namespaces/0/name", "not"),
    ),
    "namespace of no name": (changed(LOCAL, "namespaces", [{"name": "Research"}]), "/namespaces/0/name", "pattern"),
    "namespace twice": (
        changed(LOCAL, "namespaces", [_space("a"), _space("b"), _space("a")]),
        "namespaces",
        "a more",
    ),
    "quota of no size": (
        changed(LOCAL, "namespaces", [{"name": "a", "quota": "huge"}]),
        "/namespaces/0/quota",
        "large",
    ),
    "limit of nothing": (changed(LOCAL, "limits", {"runs": 0}), "/limits/runs", "minimum"),
    "limit of no number": (changed(LOCAL, "limits", {"runs": "many"}), "/limits/runs", "integer"),
    "role of everybody": (changed(LOCAL, "operator_role", f"{ROLE}*"), "/operator_role", "pattern"),
    "signer of nobody": (changed(LOCAL, "evidence.signer", "file:/tmp/key"), "/evidence/signer", "pattern"),
    "registry without a slash": (changed(LOCAL, "registries", ["r.example"]), "/registries/0", "pattern"),
    "namespace of nobody": (_with(namespaces=[{"name": "a"}]), "namespaces: a", "name a tenant"),
    "queue of none": (_with(namespaces=[_space("a", queue=True)]), "namespaces: a", "configure queues"),
    "queue of a tenant": (
        _with(namespaces=[_space("a", queue=True)], queues={}),
        *("namespaces: a", "the policy runs refuses Kueue"),
    ),
    "images that nobody verifies": (
        _with(namespaces=[_space("a", verified_images=True)]),
        *("namespaces: a", "configure images.attested"),
    ),
    "none to serve": (_with(namespaces=[], serves="namespaces"), "serves", "no namespaces to serve"),
    "recorder of some": (_with(serves="namespaces", ledger={}), "ledger", "sees the whole cluster"),
    "policy twice": (_with(policies=["tenancy", "tenancy"]), "policies", "more than once"),
    "policy of none": (_with(policies=["kindness"]), "/policies/0", "tenancy"),
    "approval of nowhere": (
        _with(approvals={"rules": [{"modes": ["Live"], "namespaces": ["b"]}]}),
        *("approvals.rules", "b is none of namespaces"),
    ),
    "heads on no volume": (
        {**CLOUD, "ledger": {"heads": {"kind": "volume"}}},
        *("ledger.heads", "needs a store on a volume"),
    ),
    "ports of no instance": (
        _with(evidence={**LOCAL["evidence"], "sigstore_ports": [5_555]}),
        *("evidence", "are for a signer of keyless:"),
    ),
    "trust in nothing": (
        _with(evidence={**LOCAL["evidence"], "trust_config": {"mediaType": "x"}}),
        *("/evidence/trust_config/mediaType", "clienttrustconfig"),
    ),
    "architecture of none": (changed(LOCAL, "architecture", "s390x"), "/architecture", "amd64"),
}
"""Values that are refused, with where Helm says that it is, and why."""


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused_by_field_as_the_configuration_is(helm: Helm, tmp_path: Path, name: str) -> None:
    config, where, why = REFUSED[name]
    with pytest.raises(InvalidConfiguration):
        PlatformConfig.read(config)
    ended = helm.asked("template", "release", helm.chart("tradeplane"), "--values", written(config, tmp_path))
    assert ended.returncode != 0
    assert where in ended.stderr
    assert why in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("field", ["evidence.signing_key", "evidence.registry_login", "rollout_seconds"])
def test_what_no_chart_takes_is_refused_rather_than_left_undone(helm: Helm, tmp_path: Path, field: str) -> None:
    values = written(changed(LOCAL, field, 60), tmp_path)
    ended = helm.asked("template", "release", helm.chart("tradeplane"), "--values", values)
    assert ended.returncode != 0
    assert field.rpartition(".")[2] in ended.stderr


def test_kinds_need_no_values_and_policies_those_that_they_are_made_of(helm: Helm, tmp_path: Path) -> None:
    assert "kind: CustomResourceDefinition" in helm.done("template", "release", helm.chart("tradeplane-crds"))
    ended = helm.asked("template", "release", helm.chart("tradeplane-policies"))
    assert ended.returncode != 0
    assert "images" in ended.stderr
    assert "store" not in ended.stderr
    values = written({"images": LOCAL["images"]}, tmp_path)
    assert helm.objects("tradeplane-policies", values)


@pytest.mark.parametrize("chart", NAMES)
def test_helm_finds_nothing_to_say_of_a_chart(helm: Helm, tmp_path: Path, chart: str) -> None:
    told = helm.done("lint", "--strict", helm.chart(chart), "--values", written(CLOUD, tmp_path))
    assert "1 chart(s) linted, 0 chart(s) failed" in told


def test_the_same_charts_are_the_same_bytes(helm: Helm, tmp_path: Path, renderings: Path) -> None:
    again = packed(tmp_path, renderings)
    assert [again.chart(name).read_bytes() for name in NAMES] == [helm.chart(name).read_bytes() for name in NAMES]
    assert programs()[0] == helm.program


def test_manifests_are_those_of_the_sources_that_are_named(helm: Helm, tmp_path: Path) -> None:
    del helm  # it has kubectl built
    (tmp_path / "kustomization.yaml").write_text("resources: [one.yaml]", encoding="utf-8")
    one_of_them = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-a-test"}}
    (tmp_path / "one.yaml").write_text(json.dumps(one_of_them), encoding="utf-8")
    (tmp_path.parent / "link").symlink_to(tmp_path)
    files = {"kustomization.yaml": "resources: [manifests]"}
    assert render(files, manifests=tmp_path.parent / "link", kubectl=programs()[1]) == [one_of_them]
