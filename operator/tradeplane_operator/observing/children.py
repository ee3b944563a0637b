"""Kinds of children: what the operator makes for an object of ours, and where the API server keeps it."""

from __future__ import annotations

from typing import NamedTuple

JOBS = "jobs"
STATEFUL_SETS = "statefulsets"
SERVICES = "services"


class ChildKind(NamedTuple):
    """A kind of children, by its name in manifests, its plural, and the path of its API group and version."""

    kind: str
    plural: str
    group: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of one child, of all of a namespace, or of all there are."""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{self.group}{within}/{self.plural}" + (f"/{name}" if name else "")


CHILDREN = {
    kind.plural: kind
    for kind in (
        ChildKind("Job", JOBS, "/apis/batch/v1"),
        ChildKind("StatefulSet", STATEFUL_SETS, "/apis/apps/v1"),
        ChildKind("Service", SERVICES, "/api/v1"),
    )
}
"""By plural."""


def child_kind(kind: str) -> ChildKind:
    """Return a kind of children by its name in manifests."""
    return next(known for known in CHILDREN.values() if known.kind == kind)
