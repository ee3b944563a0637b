"""Runners of CI on arm64 nodes: one pod a job, gone after it, and none while there is nothing to do.

GitHub's runner scale sets by their own Helm charts, or Buildkite's agent stack as the second choice. Credentials are in
a Secret that is there already, made by whoever holds them: here is only its name, so that neither the configuration
nor Pulumi's state ever has them. Images are by digest; charts by version alone, as Helm's provider takes no digest.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import pulumi
from pulumi_kubernetes import core, helm, meta, networking
from pydantic import Field, StringConstraints, field_validator

from tradeplane_stacks.components.cluster_access import KubernetesName
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.image_reference import Image, ImageReference
from tradeplane_stacks.components.node_groups import Name
from tradeplane_stacks.components.runner_pods import CONTAINER, Cpu, Memory, egress, placed, resources
from tradeplane_stacks.components.server_side_apply import TAKES_BACK
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.components.tags import Ownership, TaggedComponent, required_tags

# Semantic Versioning 2.0.0, without ranges: those would take whatever is newest.
ChartVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
Repository = Annotated[str, StringConstraints(pattern=r"^oci://[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$")]

# Charts before ask for an organization and a token of GraphQL, which are not here (their `values.schema.json`).
BUILDKITE_SINCE = (0, 28)
HELM_TIMEOUT_SECONDS = 600
# Distroless `nonroot`, which GitHub's controller image is made for.
CONTROLLER_USER = 65532


class _Runners(Configuration):
    """What either kind has."""

    charts: Repository
    credentials_secret: KubernetesName
    chart_version: ChartVersion
    controller_image: ImageReference
    runner_image: ImageReference
    max_runners: Annotated[int, Field(ge=1, le=200)]
    cpu: Cpu = "2"
    memory: Memory = "8Gi"
    # The `dedicated` of a node group of RegionCluster whose architecture is arm64.
    dedicated: Name = "runners"


class GitHubRunners(_Runners):
    """A runner scale set of GitHub Actions, as an organization's or a repository's GitHub App."""

    kind: Literal["github"]
    url: Annotated[
        str, StringConstraints(max_length=256, pattern=r"^https://[a-z0-9.-]+/[A-Za-z0-9-]+(/[A-Za-z0-9._-]+)?$")
    ]
    runner_group: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ._-]{1,64}$")] = "default"
    charts: Repository = "oci://ghcr.io/actions/actions-runner-controller-charts"


class BuildkiteRunners(_Runners):
    """Agents of Buildkite for one queue."""

    kind: Literal["buildkite"]
    queue: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    deadline_seconds: Annotated[int, Field(ge=60, le=86400)] = 21600
    charts: Repository = "oci://ghcr.io/buildkite/helm"

    @field_validator("chart_version")
    @classmethod
    def _takes_what_is_given(cls, version: str) -> str:
        if tuple(map(int, version.split(".")))[:2] < BUILDKITE_SINCE:
            raise ValueError(
                "charts of Buildkite before 0.28 ask for an organization and for GraphQL; name a newer one"
            )
        return version


Runners: TypeAlias = Annotated[GitHubRunners | BuildkiteRunners, Field(discriminator="kind")]


class Arm64RunnersConfig(Configuration):
    """Whose runners, and of which kind."""

    ownership: Ownership
    runners: Runners


def controller_values(runners: GitHubRunners, name: str, namespace: str) -> dict[str, Any]:
    """Return values of GitHub's controller: it watches one namespace, and has a role there alone."""
    image = Image.parse(runners.controller_image)
    return {
        "image": {"repository": image.repository, "tag": image.pinned_tag},
        "serviceAccount": {"create": True, "name": name},
        "flags": {
            "logLevel": "info",
            "logFormat": "json",
            "watchSingleNamespace": namespace,
            "updateStrategy": "eventual",
        },
        "podSecurityContext": {"runAsNonRoot": True, "runAsUser": CONTROLLER_USER},
        "securityContext": {**CONTAINER, "readOnlyRootFilesystem": True},
        "resources": resources("100m", "256Mi"),
    }


def scale_set_values(runners: GitHubRunners, name: str, controller: str, controller_namespace: str) -> dict[str, Any]:
    """Return values of a runner scale set: none idle, each for one job (the chart's runners always are)."""
    runner = {
        "name": "runner",
        "image": runners.runner_image,
        "command": ["/home/runner/run.sh"],
        "securityContext": CONTAINER,
        "resources": resources(runners.cpu, runners.memory),
    }
    return {
        "githubConfigUrl": runners.url,
        "githubConfigSecret": runners.credentials_secret,
        "runnerScaleSetName": name,
        "runnerGroup": runners.runner_group,
        "minRunners": 0,
        "maxRunners": runners.max_runners,
        "controllerServiceAccount": {"namespace": controller_namespace, "name": controller},
        "listenerTemplate": {"spec": {"containers": [{"name": "listener", "securityContext": CONTAINER}]}},
        "template": {"spec": {"containers": [runner], "restartPolicy": "Never", **placed(runners.dedicated)}},
    }


def agent_values(runners: BuildkiteRunners, name: str) -> dict[str, Any]:
    """Return values of Buildkite's agent stack: a Job for each job, whose pod a pipeline cannot change."""
    return {
        "fullnameOverride": name,  # as what its controller is labelled `app`, which older charts take the release's for
        "agentStackSecret": runners.credentials_secret,
        "image": runners.controller_image,
        "resources": resources("100m", "256Mi"),
        "config": {
            "image": runners.runner_image,
            "tags": [f"queue={runners.queue}"],
            "max-in-flight": runners.max_runners,
            "job-ttl": "10m",
            "job-active-deadline-seconds": runners.deadline_seconds,
            "prohibit-kubernetes-plugin": True,
            "allow-pod-spec-patch-unsafe-command-modification": False,
            "pod-spec-patch": {
                **placed(runners.dedicated),
                "containers": [{"name": "container-0", "resources": resources(runners.cpu, runners.memory)}],
            },
        },
    }


class Arm64Runners(TaggedComponent):
    """Namespaces that are shut off, and what starts runners in them."""

    namespace: pulumi.Output[str]
    """Where runners are, and where the Secret with their credentials is to be."""

    label: str
    """What a workflow names in `runs-on`, or a pipeline as its queue."""

    def __init__(
        self, name: str, config: Arm64RunnersConfig, stack: StackName, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Arm64Runners", name, required_tags(stack, config.ownership), opts)
        self._name = name
        runners = config.runners
        if isinstance(runners, GitHubRunners):
            self._github(runners)
            self.label = name
        else:
            self._buildkite(runners)
            self.label = runners.queue
        self.register_outputs({"namespace": self.namespace, "label": self.label})

    def _github(self, runners: GitHubRunners) -> None:
        # Apart from the runners: only the controller and its listener may talk to the cluster's API.
        system, controller = f"{self._name}-system", f"{self._name}-controller"
        systems = self._namespace(system, "restricted", inside=True)
        pods = self._namespace(self._name, "restricted", inside=False, most=runners.max_runners)
        self.namespace = pods[0].metadata.name
        started = self._release(
            controller,
            runners,
            "gha-runner-scale-set-controller",
            system,
            controller_values(runners, controller, self._name),
            [*systems, *pods],
        )
        self._release(
            self._name,
            runners,
            "gha-runner-scale-set",
            self._name,
            scale_set_values(runners, self._name, controller, system),
            [started],
        )

    def _buildkite(self, runners: BuildkiteRunners) -> None:
        # One namespace, as the agent stack starts its Jobs where it is itself; and its agents run as root.
        made = self._namespace(self._name, "baseline", inside=False, most=runners.max_runners + 1)
        self._reach_api(self._name, {"app": self._name}, made)
        self.namespace = made[0].metadata.name
        self._release(self._name, runners, "agent-stack-k8s", self._name, agent_values(runners, self._name), made)

    def _namespace(
        self, name: str, security: str, *, inside: bool, most: int | None = None
    ) -> tuple[core.v1.Namespace, networking.v1.NetworkPolicy]:
        """Make a namespace in which pods are held to a standard of Pod Security and talk only to whom they need."""
        levels = {f"pod-security.kubernetes.io/{mode}": security for mode in ("enforce", "audit", "warn")}
        namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(
                name=name, labels={"app.kubernetes.io/part-of": "tradeplane", **levels}, annotations=TAKES_BACK
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        policy = networking.v1.NetworkPolicy(
            f"{name}-shut-off",
            metadata=meta.v1.ObjectMetaArgs(name="shut-off", namespace=name, annotations=TAKES_BACK),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(),
                policy_types=["Ingress", "Egress"],
                ingress=[],
                egress=egress(inside=inside),
            ),
            opts=child,
        )
        if most is not None:
            core.v1.ResourceQuota(
                f"{name}-quota",
                metadata=meta.v1.ObjectMetaArgs(name="runners", namespace=name, annotations=TAKES_BACK),
                spec=core.v1.ResourceQuotaSpecArgs(hard={"pods": str(most)}),
                opts=child,
            )
        return namespace, policy

    def _reach_api(self, namespace: str, labels: dict[str, str], after: Sequence[pulumi.Resource]) -> None:
        """Let the pods of these labels talk to the API of the cluster too."""
        networking.v1.NetworkPolicy(
            f"{namespace}-reach-api",
            metadata=meta.v1.ObjectMetaArgs(name="reach-api", namespace=namespace, annotations=TAKES_BACK),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(match_labels=labels),
                policy_types=["Egress"],
                egress=egress(inside=True),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*after]),
        )

    def _release(
        self,
        name: str,
        runners: _Runners,
        chart: str,
        namespace: str,
        values: dict[str, Any],
        after: Sequence[pulumi.Resource],
    ) -> helm.v3.Release:
        return helm.v3.Release(
            f"{name}-release",
            name=name,
            chart=f"{runners.charts}/{chart}",
            version=runners.chart_version,
            namespace=namespace,
            create_namespace=False,
            atomic=True,
            timeout=HELM_TIMEOUT_SECONDS,
            values=values,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*after]),
        )
