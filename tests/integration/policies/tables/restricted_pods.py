"""Pods without a way to the node they run on."""

from typing import Any

from tests.integration.policies.cases import JOB_CONTROLLER, OPERATOR, Case, Table
from tests.integration.policies.objects import CONTEXT, container, named, pod
from tests.integration.policies.server import Json

_POD: Json = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def _pod(**context: Any) -> Json:
    """Return a pod whose security context has something else in it; None takes it out."""
    return pod(securityContext={name: value for name, value in (_POD | context).items() if value is not None})


def _context(**context: Any) -> Json:
    return {name: value for name, value in (CONTEXT | context).items() if value is not None}


def _container(**context: Any) -> Json:
    return pod(container(securityContext=_context(**context)))


def _init(**context: Any) -> Json:
    return pod(initContainers=[container("i", securityContext=_context(**context))])


def _looking(**context: Any) -> Json:
    looking = {**container("looking", resources=None), "terminationMessagePolicy": "File"}
    looking["securityContext"] = _context(**context) or None
    return named("Pod", "standing", {"ephemeralContainers": [looking]}, "v1")


def _volume(**source: Any) -> Json:
    return pod(volumes=[{"name": "v", **source}])


def _asks(**probes: Any) -> Json:
    return pod(container(**probes))


_HOST = {"httpGet": {"host": "169.254.169.254", "port": 80}}
_LIKEWISE = {"httpGet": {"path": "/healthz", "port": 80}}
_SOCKET = {"tcpSocket": {"host": "169.254.169.254", "port": 80}}
_NETWORK, _VOLUMES, _PORTS = "hostNetwork, hostPID and hostIPC", "volumes must be of", "ports of the node"
_PRIVILEGED, _ESCALATION, _CAPABILITIES = "may not be privileged", "allowPrivilegeEscalation", "drop all capabilities"
_ROOT, _SECCOMP, _PROBES = "may not run as root", "seccompProfile must be stated", "name no host"
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_RUNTIME = {"type": "RuntimeDefault"}
_ALLOWED_VOLUMES: tuple[Json, ...] = (
    {"configMap": {"name": "c"}},
    {"csi": {"driver": "secrets-store.csi.k8s.io"}},
    {"downwardAPI": {"items": []}},
    {"emptyDir": {}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}}},
    {"persistentVolumeClaim": {"claimName": "c"}},
    {"projected": {"sources": []}},
    {"secret": {"secretName": "s"}},
)
_ENTERED: dict[str, Any] = {"of": "standing", "subresource": "ephemeralcontainers"}


PODS = Table(
    "restricted-pods",
    "tradeplane-restricted-pods",
    standing=(pod(name="standing"), pod(name="host", hostNetwork=True)),
    cases=(
        Case("restricted", pod()),
        Case("of the operator", pod(), user=JOB_CONTROLLER),
        *(
            Case(f"hostNetwork, hostPID, hostIPC: {name}", pod(**{name: True}), _NETWORK)
            for name in ("hostNetwork", "hostPID", "hostIPC")
        ),
        Case("as the operator", pod(hostPID=True), _NETWORK, user=OPERATOR),
        Case("in a namespace of nobody", pod(hostPID=True), outside=True),
        *(Case(f"a volume of {next(iter(one))}", _volume(**one)) for one in _ALLOWED_VOLUMES),
        Case("a path of the node", _volume(hostPath={"path": "/"}), _VOLUMES),
        Case(
            "a path of the node beside another volume",
            pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]),
            _VOLUMES,
        ),
        Case("an NFS server", _volume(nfs={"server": "s", "path": "/"}), _VOLUMES),
        Case("a port", pod(container(ports=[{"containerPort": 80}]))),
        Case(
            "a port of the node",
            pod(container(ports=[{"containerPort": 81}, {"containerPort": 80, "hostPort": 80}])),
            _PORTS,
        ),
        Case(
            "a port of the node, of an init container",
            pod(initContainers=[container("i", ports=[{"containerPort": 80, "hostPort": 80}])]),
            _PORTS,
        ),
        Case("privileged", _container(privileged=True, allowPrivilegeEscalation=True), _PRIVILEGED),
        Case(
            "an init container that is privileged", _init(privileged=True, allowPrivilegeEscalation=True), _PRIVILEGED
        ),
        Case(
            "looked into with privileges",
            _looking(privileged=True, allowPrivilegeEscalation=True),
            _PRIVILEGED,
            **_ENTERED,
        ),
        Case("looked into", _looking(), **_ENTERED),
        Case("no word of escalation", _container(allowPrivilegeEscalation=None), _ESCALATION),
        Case("escalation", _container(allowPrivilegeEscalation=True), _ESCALATION),
        Case("an init container's escalation", _init(allowPrivilegeEscalation=None), _ESCALATION),
        Case(
            "looked into without a word of escalation", _looking(allowPrivilegeEscalation=None), _ESCALATION, **_ENTERED
        ),
        Case("no security context", pod(container(securityContext=None)), _ESCALATION),
        Case("no capabilities dropped", _container(capabilities=None), _CAPABILITIES),
        Case("one capability dropped", _container(capabilities={"drop": ["NET_RAW"]}), _CAPABILITIES),
        Case("a capability added", _container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}), _CAPABILITIES),
        Case(
            "one of two containers",
            pod(container(), container("b", securityContext=_context(capabilities=None))),
            _CAPABILITIES,
        ),
        Case("no word of root", _pod(runAsNonRoot=None), _ROOT),
        Case("root", _pod(runAsNonRoot=False), _ROOT),
        Case(
            "each container says that it is not root",
            pod(container(securityContext=_context(runAsNonRoot=True)), securityContext={"seccompProfile": _RUNTIME}),
        ),
        Case("a container that may be root", _container(runAsNonRoot=False), _ROOT),
        Case(
            "one of two containers may be root",
            pod(container(), container("b", securityContext=_context(runAsNonRoot=False))),
            _ROOT,
        ),
        Case("user 0", _pod(runAsUser=0), _ROOT),
        Case("user 0 of a container", _container(runAsUser=0), _ROOT),
        Case("another user", _pod(runAsUser=65532)),
        Case("no word of seccomp", _pod(seccompProfile=None), _SECCOMP),
        Case(
            "no security context of the pod",
            pod(container(securityContext=_context(runAsNonRoot=True)), securityContext=None),
            _SECCOMP,
        ),
        Case("no seccomp", _pod(seccompProfile={"type": "Unconfined"}), _SECCOMP),
        Case("no seccomp of a container", _container(seccompProfile={"type": "Unconfined"}), _SECCOMP),
        Case("seccomp of the node's own", _pod(seccompProfile={"type": "Localhost", "localhostProfile": "p.json"})),
        Case(
            "seccomp of each container",
            pod(container(securityContext=_context(seccompProfile=_RUNTIME)), securityContext={"runAsNonRoot": True}),
        ),
        Case(
            "seccomp of one container",
            pod(
                container(securityContext=_context(seccompProfile=_RUNTIME)),
                container("b"),
                securityContext={"runAsNonRoot": True},
            ),
            _SECCOMP,
        ),
        Case("AppArmor", _pod(appArmorProfile={"type": "RuntimeDefault"})),
        Case("no AppArmor", _pod(appArmorProfile={"type": "Unconfined"}), "appArmorProfile"),
        Case("no AppArmor of a container", _container(appArmorProfile={"type": "Unconfined"}), "appArmorProfile"),
        Case("a level of SELinux", _pod(seLinuxOptions={"level": "s0:c1,c2"})),
        *(
            Case(f"SELinux: {one}", _pod(seLinuxOptions={one: "x"}), "seLinuxOptions")
            for one in ("user", "role", "type")
        ),
        Case("SELinux of a container", _container(seLinuxOptions={"type": "spc_t"}), "seLinuxOptions"),
        Case(
            "all of /proc", pod(container(securityContext=_context(procMount="Unmasked")), hostUsers=False), "procMount"
        ),
        Case(
            "all of /proc, of one of two containers",
            pod(container(), container("b", securityContext=_context(procMount="Unmasked")), hostUsers=False),
            "procMount",
        ),
        Case("a sysctl", _pod(sysctls=[{"name": "kernel.shm_rmid_forced", "value": "0"}]), "sysctls"),
        Case("Windows", _pod(windowsOptions={"runAsUserName": "ContainerUser"}), "run on Linux"),
        Case("Windows of a container", _container(windowsOptions={"runAsUserName": "ContainerUser"}), "run on Linux"),
        Case(
            "Windows by name",
            pod(container(securityContext=None), os={"name": "windows"}, securityContext={"runAsNonRoot": True}),
            "run on Linux",
        ),
        Case("Linux by name", pod(os={"name": "linux"})),
        *(
            Case(f"a host is asked: {name}", _asks(**{name: _HOST}), _PROBES)
            for name in ("livenessProbe", "readinessProbe", "startupProbe")
        ),
        *(
            Case(f"a host is asked: {name}", _asks(lifecycle={name: _HOST}), _PROBES)
            for name in ("postStart", "preStop")
        ),
        Case("a host's port is asked", _asks(livenessProbe=_SOCKET), _PROBES),
        Case(
            "a host is asked by one of two containers", pod(container(), container("b", livenessProbe=_HOST)), _PROBES
        ),
        Case("the pod itself is asked", _asks(livenessProbe=_LIKEWISE, lifecycle={"preStop": _LIKEWISE})),
        Case("the pod's port is asked", _asks(readinessProbe={"tcpSocket": {"port": 80}})),
        Case("on a node by name", pod(nodeName="node-1"), "passes the scheduler by"),
        Case("labelled, though it would not be let in", named("Pod", "host", {}, "v1", labels={"a": "b"}), of="host"),
    ),
)
