"""Objects of a platform are made in waves, by their kinds."""

from __future__ import annotations

import pytest
from tradeplane_stacks.components.platform_order import in_waves, resource_name, type_token


def test_order_is_of_kinds_alone() -> None:
    kinds = ["Service", "Strategy", "RoleBinding", "Namespace", "ValidatingAdmissionPolicyBinding", "Role"]
    objects = [{"kind": kind, "metadata": {"name": "a"}} for kind in kinds]
    assert [[o["kind"] for o in wave] for wave in in_waves(objects)] == [
        ["Namespace"],
        ["Strategy", "Role"],
        ["RoleBinding"],
        ["ValidatingAdmissionPolicyBinding"],
        ["Service"],
    ]
    assert in_waves([]) == []


@pytest.mark.parametrize(
    ("version", "kind", "token"),
    [
        ("v1", "Namespace", "kubernetes:core/v1:Namespace"),
        ("apps/v1", "Deployment", "kubernetes:apps/v1:Deployment"),
        ("tradeplane.dev/v1alpha1", "Strategy", "kubernetes:tradeplane.dev/v1alpha1:Strategy"),
    ],
)
def test_types_are_named_as_pulumi_names_them(version: str, kind: str, token: str) -> None:
    assert type_token({"apiVersion": version, "kind": kind}) == token


def test_no_two_objects_have_one_name() -> None:
    objects = [
        {"kind": "Role", "metadata": {"name": "a", "namespace": "b"}},
        {"kind": "Role", "metadata": {"name": "a", "namespace": "c"}},
        {"kind": "ClusterRole", "metadata": {"name": "a"}},
    ]
    assert [resource_name("p", one) for one in objects] == ["p-role-b-a", "p-role-c-a", "p-clusterrole-a"]
