"""How runners could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_arm64_runners.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"minRunners": 0', '"minRunners": 1', 0),
    ('"maxRunners": runners.max_runners', '"maxRunners": 1000', 0),
    ('"githubConfigSecret": runners.credentials_secret', '"githubConfigSecret": {"github_token": "x"}', 0),
    (
        '"image": runners.runner_image,\n        "command"',
        '"image": "ghcr.io/actions/actions-runner:latest",\n        "command"',
        0,
    ),
    ('"securityContext": CONTAINER,\n', "\n", 0),
    ("**placed(runners.dedicated)}}", "}}", 0),
    ('"watchSingleNamespace": namespace,', "", 0),
    ('"tag": image.pinned_tag', '"tag": image.tag', 0),
    ('"podSecurityContext": {"runAsNonRoot": True, "runAsUser": CONTROLLER_USER},\n', "\n", 0),
    ('{**CONTAINER, "readOnlyRootFilesystem": True}', "CONTAINER", 0),
    ('"listenerTemplate": {"spec": {"containers": [{"name": "listener", "securityContext": CONTAINER}]}},\n', "\n", 0),
    ('"fullnameOverride": name,', "", 0),
    ("BUILDKITE_SINCE = (0, 28)", "BUILDKITE_SINCE = (0, 27)", 0),
    ('"prohibit-kubernetes-plugin": True', '"prohibit-kubernetes-plugin": False', 0),
    (
        '"allow-pod-spec-patch-unsafe-command-modification": False',
        '"allow-pod-spec-patch-unsafe-command-modification": True',
        0,
    ),
    (
        '"agentStackSecret": runners.credentials_secret',
        '"agentToken": "x", "agentStackSecret": runners.credentials_secret',
        0,
    ),
    ('"max-in-flight": runners.max_runners', '"max-in-flight": 0', 0),
    ('"job-active-deadline-seconds": runners.deadline_seconds,\n', "\n", 0),
    ("**placed(runners.dedicated),\n", "\n", 0),
    ('self._namespace(system, "restricted", inside=True)', 'self._namespace(system, "privileged", inside=True)', 0),
    (
        'self._namespace(self._name, "restricted", inside=False',
        'self._namespace(self._name, "baseline", inside=False',
        0,
    ),
    (
        'self._namespace(self._name, "restricted", inside=False',
        'self._namespace(self._name, "restricted", inside=True',
        0,
    ),
    (
        'self._namespace(self._name, "baseline", inside=False',
        'self._namespace(self._name, "privileged", inside=False',
        0,
    ),
    ('self._namespace(self._name, "baseline", inside=False', 'self._namespace(self._name, "baseline", inside=True', 0),
    ('self._reach_api(self._name, {"app": self._name}, made)', "self._reach_api(self._name, {}, made)", 0),
    ('("enforce", "audit", "warn")', '("audit", "warn")', 0),
    ('policy_types=["Ingress", "Egress"]', 'policy_types=["Ingress"]', 0),
    ('policy_types=["Ingress", "Egress"]', 'policy_types=["Egress"]', 0),
    ("ingress=[],\n", "ingress=[networking.v1.NetworkPolicyIngressRuleArgs()],\n", 0),
    (
        "pod_selector=meta.v1.LabelSelectorArgs(),",
        'pod_selector=meta.v1.LabelSelectorArgs(match_labels={"a": "b"}),',
        0,
    ),
    ('hard={"pods": str(most)}', 'hard={"pods": "1000"}', 0),
    ("most=runners.max_runners)", "most=None)", 0),
    ("create_namespace=False", "create_namespace=True", 0),
    ("atomic=True", "atomic=False", 0),
    ("version=runners.chart_version,\n", "\n", 0),
    ("depends_on=[*after]", "depends_on=[]", 1),
    ("timeout=HELM_TIMEOUT_SECONDS", "timeout=0", 0),
    (r'r"^[0-9]+\.[0-9]+\.[0-9]+$"', 'r"^.*$"', 0),
    ('r"^oci://', 'r"^[a-z]+://', 0),
    ("^https://[a-z0-9.-]+/", "^https?://[a-z0-9.:@-]+/", 0),
    ("credentials_secret: KubernetesName", "credentials_secret: Any", 0),
    ("controller_image: ImageReference", "controller_image: str", 0),
    ("runner_image: ImageReference", "runner_image: str", 0),
    ("Field(ge=1, le=200)", "Field(ge=1, le=2000)", 0),
)
