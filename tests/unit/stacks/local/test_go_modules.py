"""What programs of the demo share is of one version, so that its packages are compiled once.

A package that two programs import is one entry of the compiler's cache only if it, and all that it imports, is of one
version in both. Apart, the programs of a first demo took a third more to compile.
"""

from __future__ import annotations

import re
from collections import defaultdict

from tradeplane_stacks.local.binaries import (
    ARM64_NODE,
    CONTROL_PLANE,
    MODULES,
    NODE,
    PULUMI,
    PULUMI_KUBERNETES,
    module_version,
)

_DEMO = sorted({program.module for program in (*CONTROL_PLANE, *NODE, *ARM64_NODE, PULUMI, PULUMI_KUBERNETES)})
_APART = {
    # This containerd implements the runtime interface in the form it had before Kubernetes 1.33.
    ("containerd", "k8s.io/cri-api"),
    ("containerd", "k8s.io/kubelet"),
    # It uses interceptors that the next version is without.
    ("containerd", "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"),
}
_REQUIRED = re.compile(r"^\s*(?:require\s+)?([\w./~-]+\.[\w./~-]+)\s+v", re.MULTILINE)


def _required(module: str) -> dict[str, str]:
    """Return what a module requires, and the version of that which it is built with."""
    text = (MODULES / module / "go.mod").read_text(encoding="utf-8")
    replaced = dict(re.findall(r"^replace (\S+) => \S+ (v\S+)$", text, re.MULTILINE))
    return {path: replaced.get(path) or module_version(module, path) for path in _REQUIRED.findall(text)}


def test_programs_of_the_demo_agree_on_the_version_of_what_they_share() -> None:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module in _DEMO:
        for path, version in _required(module).items():
            if (module, path) not in _APART:
                found[path][version].append(module)
    assert sum(len(versions) for versions in found.values()) > 300, "they are read"
    differ = {path: dict(versions) for path, versions in found.items() if len(versions) > 1}
    assert not differ, "run `go get path@version` and `go mod tidy` in the modules that are behind"


def test_what_is_apart_is_apart() -> None:
    for module, path in _APART:
        elsewhere = {_required(other).get(path) for other in _DEMO if other != module} - {None}
        assert _required(module)[path] not in elsewhere, f"{module} agrees on {path} now: it need not be named here"
