"""A layer over the operator: a component of kustomize in a platform's files, of those of operator/deploy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradeplane_stacks.deployment import kustomization_text

SYSTEM = "tradeplane-system"
"""The operator's namespace; the manifests have it."""
OPERATOR = "tradeplane-operator"
"""The operator's Deployment, account and policy."""
RUNNER = "tradeplane-runner"
"""The account of runs, in each namespace that runs work."""
DEPLOY = "manifests/operator/deploy"
"""Where operator/deploy lies in a platform's files."""


@dataclass(frozen=True)
class ConfigMapFiles:
    """A ConfigMap of the operator's namespace, by its files.

    ``rolls``: whether what mounts it is started anew when it changes, as its name has a digest then.
    """

    name: str
    files: Mapping[str, str]
    rolls: bool = False

    def generator(self) -> dict[str, Any]:
        """Return what kustomize makes it by."""
        made = {"name": self.name, "namespace": SYSTEM, "files": [f"{file}={self.name}/{file}" for file in self.files]}
        return made if self.rolls else {**made, "options": {"disableNameSuffixHash": True}}


@dataclass(frozen=True)
class Layer:
    """One purpose: its name, components of operator/deploy, changes of these, and ConfigMaps that they mount.

    ``named``: objects of folders of operator/deploy that are there once for each name, and how each is changed.
    """

    name: str
    components: tuple[str, ...] = ()
    patches: tuple[Mapping[str, Any], ...] = ()
    config_maps: tuple[ConfigMapFiles, ...] = ()
    named: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)

    def files(self) -> Iterator[tuple[str, str]]:
        """Return its files, by their paths below the operator's kustomization."""
        named = {
            "resources": [*self.named],
            "components": [f"../../{DEPLOY}/components/{one}" for one in self.components],
            "configMapGenerator": [one.generator() for one in self.config_maps],
            "patches": [*self.patches],
        }
        kind = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        fields = {key: value for key, value in named.items() if value}
        yield f"{self.name}/kustomization.yaml", kustomization_text({**kind, **fields})
        for name, (folder, patch) in self.named.items():
            below = {"resources": [f"../../../{DEPLOY}/{folder}"], "patches": [patch]}
            yield f"{self.name}/{name}/kustomization.yaml", kustomization_text(below)
        for one in self.config_maps:
            for file, text in one.files.items():
                yield f"{self.name}/{one.name}/{file}", text
