"""The clusters a demo runs on, behind one face: start, where images go, where results lie, take away.

What differs is only how a node gets at images and at the store. Everything after that is the same kubectl.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.stack_files import read_settings
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.demo.choice import ClusterKind
from tradeplane_stacks.demo.configuration import PLATFORM, platform_of
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.evidence import evidence_configuration
from tradeplane_stacks.demo.installation import Installation, provide_engine
from tradeplane_stacks.demo.ledger import LedgerAccess
from tradeplane_stacks.demo.objects import GENERATED, shown
from tradeplane_stacks.demo.programs import Kubectl, beside_python, require, run
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.local import postgres
from tradeplane_stacks.local.certificates import CLUSTER
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.ledger_audit import NODE_PORT
from tradeplane_stacks.local.settings import Settings
from tradeplane_stacks.local.storage import STORE_MODE, heads_folder, make_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_stacks.demo.progress import Progress

DEPLOY = CHECKOUT / "operator/deploy"
STORE_GROUP = 65_532
"""User and group of pods that run work, who own a store on a volume."""
_KIND_NAME = "tradeplane"
_KIND_STORE = Path("/var/lib/tradeplane/kind")
_KIND_NODE_STORE = "/var/lib/tradeplane/store"
_KIND_REGISTRY = "tradeplane-registry"
_KIND_REGISTRY_IMAGE = "docker.io/library/registry:2"
_KIND_PORT = 5001
_KIND_LIMIT_S = 600
_NAMESPACE_LIMIT_S = 300
_STACK_INSTEAD = "Name in STACK a stack's settings, such as stacks/local/Pulumi.dev.yaml (docs/stacks/platform.md)"


class DemoCluster(Protocol):
    """A cluster as the demo sees it."""

    @property
    def stack(self) -> Path:
        """Folder of the stack that the demo installs by, with its state."""

    @property
    def configuration(self) -> dict[str, Any]:
        """Settings of that stack for this cluster, but for images: what ``Pulumi.demo.yaml`` says."""

    @property
    def registry(self) -> str:
        """Registry that the nodes pull from and this machine pushes to."""

    @property
    def plain_http(self) -> bool:
        """Whether the registry speaks HTTP."""

    @property
    def kubectl(self) -> Kubectl:
        """The kubectl for this cluster."""

    @property
    def environment(self) -> str:
        """Shell command a person gives first to reach this cluster; empty when none is needed."""

    @property
    def evidence(self) -> dict[str, Any] | None:
        """How runs are attested, as the platform is configured by it; None where the demo does not say."""

    @property
    def ledger(self) -> LedgerAccess | None:
        """The audit ledger; None where there is none that the demo set up."""

    def start(self, say: Callable[[str], None]) -> None:
        """Make the cluster, or mend it, or check that it answers."""

    def provide_store(self, namespace: str, *, of_all: bool = False) -> None:
        """Make a namespace's part of the store, or with ``of_all`` the operator's view of it."""

    def store_url(self, namespace: str) -> str:
        """Return a namespace's part of the store as this machine reaches it."""

    def remove(self, progress: Progress) -> None:
        """Remove what the demo made."""


@dataclass(frozen=True)
class Embedded:
    """The embedded cluster."""

    settings: Settings
    say: Callable[[str], None] = field(repr=False)
    plain_http: bool = True
    environment: str = f'eval "$({shown(beside_python("python"))} -m tradeplane_stacks.local env)"'

    @cached_property
    def _cluster(self) -> EmbeddedCluster:
        return EmbeddedCluster(self.settings, self.say)

    @property
    def stack(self) -> Path:
        """Folder in the cluster's state, which it goes with."""
        return self._cluster.layout.stack

    @property
    def configuration(self) -> dict[str, Any]:
        """A store on volumes, runs attested by a key in a file, and the operator kept off the emulated node."""
        ledger = self.ledger
        recorded = {} if ledger is None else {"ledger": ledger.configuration}
        return _configuration(architecture="amd64", evidence=self.evidence, **recorded)

    @property
    def registry(self) -> str:
        """Registry beside the nodes."""
        return self._cluster.registry

    @property
    def evidence(self) -> dict[str, Any] | None:
        """Runs are attested in the registry beside the nodes."""
        return evidence_configuration(self.registry)

    @property
    def ledger(self) -> LedgerAccess | None:
        """The cluster's Postgres, where it has one; heads lie beside the namespaces' stores."""
        database, audit = self._cluster.postgres, self._cluster.audit
        if database is None or audit is None:
            return None
        authority = self._cluster.certificates.certificate(CLUSTER)
        return LedgerAccess(
            owner=database.url_file(postgres.OWNER),
            reader=database.url_file(postgres.READER),
            recorder={
                "url": database.url(postgres.APPENDER, "/etc/tradeplane-ledger/ca.crt").encode(),
                "ca.crt": authority.read_bytes(),
            },
            audit=audit.files(),
            heads=heads_folder(self._cluster.layout),
            port=self.settings.postgres_port,
            node_port=NODE_PORT,
        )

    @property
    def kubectl(self) -> Kubectl:
        """The cluster's own kubectl."""
        return Kubectl(self._cluster.kubectl, self._cluster.kubeconfig)

    def start(self, say: Callable[[str], None]) -> None:
        """Bring it up."""
        say(f"state: {self.settings.state}; programs are kept in {self.settings.cache}")
        self._cluster.up()
        if self._cluster.postgres is not None:
            make_heads(self._cluster.layout)

    def provide_store(self, namespace: str, *, of_all: bool = False) -> None:
        """Make a directory and the claim that mounts it."""
        self._cluster.provide_store(namespace, of_all=of_all)

    def store_url(self, namespace: str) -> str:
        """Return the directory's URL."""
        return (self._cluster.layout.store / namespace).as_uri()

    def remove(self, progress: Progress) -> None:
        """Stop it and remove its state; what was built stays in the cache."""
        self._cluster.down(purge=True)
        self._cluster.layout.lock.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else lies there, which is not ours to remove
            self.settings.state.rmdir()
        progress.say(f"built programs and images stay in {self.settings.cache}; remove that directory to build anew")


@dataclass(frozen=True)
class Kind:
    """A cluster in Docker, with a registry container beside it as kind's documentation describes it."""

    cluster: Path = DEPLOY / "overlays/kind/cluster.yaml"
    """What kind is told of the cluster."""
    stack: Path = GENERATED / "stack"
    registry: str = f"localhost:{_KIND_PORT}"
    plain_http: bool = True
    environment: str = f"kubectl config use-context kind-{_KIND_NAME}"
    evidence: dict[str, Any] | None = None
    """The registry has another name in the cluster than here; nothing is attested."""
    ledger: LedgerAccess | None = None

    @property
    def configuration(self) -> dict[str, Any]:
        """A store on volumes of the folder that the nodes mount."""
        return _configuration(store={"kind": "volume", "directory": _KIND_NODE_STORE})

    @property
    def kubectl(self) -> Kubectl:
        """The user's kubectl, with a kubeconfig of this cluster alone."""
        program = require("kubectl", "Install kubectl.")
        return Kubectl(Path(program), GENERATED / "kubeconfig")

    def start(self, say: Callable[[str], None]) -> None:
        """Create cluster and registry where they are not there."""
        if _KIND_NAME not in _kind("get", "clusters").split():
            say("kind creates a cluster")
            _kind("create", "cluster", "--config", str(self.cluster), "--wait", "120s")
        self._start_registry(say)
        kubeconfig = GENERATED / "kubeconfig"
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(_kind("get", "kubeconfig", "--name", _KIND_NAME))

    def provide_store(self, namespace: str, *, of_all: bool = False) -> None:
        """Make a directory that the nodes mount; volumes and claims are the stack's."""
        directory = _KIND_STORE if of_all else _KIND_STORE / namespace
        try:
            directory.mkdir(parents=True, exist_ok=True)
            os.chown(directory, STORE_GROUP, STORE_GROUP)
            directory.chmod(STORE_MODE)
        except PermissionError as error:
            ownership = f"-m {STORE_MODE:o} -o {STORE_GROUP} -g {STORE_GROUP}"
            raise DemoError(
                f"{directory} cannot be made: {error}.", f"sudo install -d {ownership} {directory}"
            ) from error

    def store_url(self, namespace: str) -> str:
        """Return the directory's URL."""
        return (_KIND_STORE / namespace).as_uri()

    def remove(self, progress: Progress) -> None:
        """Delete cluster and registry; results outlive them."""
        _kind("delete", "cluster", "--name", _KIND_NAME)
        _docker("rm", "--force", "--volumes", _KIND_REGISTRY)
        progress.say(f"results stay in {_KIND_STORE}; remove that directory to be rid of them")

    def _start_registry(self, say: Callable[[str], None]) -> None:
        if not _docker("ps", "--quiet", "--filter", f"name=^{_KIND_REGISTRY}$"):
            say("starting a registry container")
            publish = f"127.0.0.1:{_KIND_PORT}:5000"
            _docker(
                "run",
                "--detach",
                "--restart=always",
                f"--publish={publish}",
                f"--name={_KIND_REGISTRY}",
                "--network=kind",
                _KIND_REGISTRY_IMAGE,
            )
        hosts = f'[host."http://{_KIND_REGISTRY}:5000"]\n'
        directory = f"/etc/containerd/certs.d/{self.registry}"
        for node in _kind("get", "nodes", "--name", _KIND_NAME).split():
            _docker("exec", node, "mkdir", "-p", directory)
            _docker("exec", node, "sh", "-c", f"printf %s '{hosts}' > {directory}/hosts.toml")


@dataclass(frozen=True)
class Current:
    """The cluster that KUBECONFIG names, with a registry, a store and a configuration of the user's own."""

    registry: str
    configuration: dict[str, Any]
    store: str
    kubectl: Kubectl
    stack: Path = GENERATED / "stack"
    plain_http: bool = False
    environment: str = ""
    evidence: dict[str, Any] | None = None
    """What is attested, and where, stands in the user's own configuration."""
    ledger: LedgerAccess | None = None
    """Nor is it the demo's to say where a ledger is kept."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Current:
        """Read ``REGISTRY``, ``STACK`` and, where they are set, ``STORE`` and ``PLAIN_HTTP``.

        Raises:
            DemoError: one is missing, and all that are missing are named; or one cannot be meant.

        """
        if environment.get("OVERLAY"):
            raise DemoError(
                "OVERLAY is not taken any more: the demo installs by a stack of Pulumi.",
                f"{_STACK_INSTEAD}, or install by `kubectl apply --server-side -k` what OVERLAY names.",
            )
        needed = {
            "REGISTRY": "a registry the nodes pull from and this machine may push to",
            "STACK": "a stack's settings, such as stacks/local/Pulumi.dev.yaml (docs/stacks/platform.md)",
        }
        missing = {name: meaning for name, meaning in needed.items() if not environment.get(name)}
        if missing:
            told = "; ".join(f"{name}: {meaning}" for name, meaning in missing.items())
            raise DemoError(f"CLUSTER=current needs {', '.join(missing)}.", f"Set {told}.")
        plain_http = environment.get("PLAIN_HTTP") or "0"
        if plain_http not in {"0", "1"}:
            raise DemoError(
                f"PLAIN_HTTP is {plain_http!r}.", "Set it to 1 for a registry without TLS, or leave it out."
            )
        configuration = _read_configuration(Path(environment["STACK"]))
        return cls(
            registry=environment["REGISTRY"],
            configuration=configuration,
            store=(environment.get("STORE") or _store_url(configuration)).rstrip("/"),
            kubectl=Kubectl(Path(require("kubectl", "Install kubectl.")), None),
            plain_http=plain_http == "1",
        )

    def start(self, say: Callable[[str], None]) -> None:
        """Check that it answers."""
        context = self.kubectl("config", "current-context", remedy="Set KUBECONFIG.").strip()
        say(f"context: {context}")
        self.kubectl("get", "namespaces", remedy="See that the cluster answers and that you may list namespaces.")

    def provide_store(self, namespace: str, *, of_all: bool = False) -> None:
        """Do nothing: the store is the user's."""

    def store_url(self, namespace: str) -> str:
        """Return the namespace's folder of the store."""
        return f"{self.store}/{namespace}"

    def remove(self, progress: Progress) -> None:
        """Remove namespaces, operator and kinds; results stay in the store."""
        installation = Installation(self.stack, self.kubectl, progress)
        if installation.there:
            provide_engine(progress.say)
            # While there is an operator, to let what it holds by finalizers go.
            for namespace in installation.namespaces():
                progress.say(f"kubectl delete namespace {namespace}")
                remedy = f"See what keeps it: kubectl get tradeplane -n {namespace}"
                delete = ("delete", "namespace", namespace, "--ignore-not-found")
                self.kubectl(*delete, remedy=remedy, limit_s=_NAMESPACE_LIMIT_S)
            installation.destroy()
        elif (earlier := GENERATED / "operator").exists():
            raise DemoError(
                f"What an earlier version installed by {shown(earlier)} is no stack.",
                f"Remove it: kubectl delete -k {shown(GENERATED / 'enrolment')}; kubectl delete -k {shown(earlier)}; "
                f"rm -r {shown(GENERATED)}",
            )
        progress.say(f"results stay in {self.store}; images stay in {self.registry}")


def _configuration(**platform: Any) -> dict[str, Any]:
    """Return settings of a stack for a local cluster, whose store is on volumes, and which nobody shares."""
    return {"config": {PLATFORM: {"store": {"kind": "volume"}, "policies": [], **platform}}}


def _read_configuration(file: Path) -> dict[str, Any]:
    """Return the settings of a user's stack.

    Raises:
        DemoError: the file cannot be read, or says nothing of a platform.

    """
    try:
        found = read_settings(file)
        platform_of(found)
    except StackInvalid as error:
        raise DemoError(f"STACK: {error}.", f"{_STACK_INSTEAD}.") from error
    except InvalidConfiguration as error:
        raise DemoError(f"STACK: {file}: {error}.", f"{_STACK_INSTEAD}.") from error
    return found


def _store_url(configuration: Mapping[str, Any]) -> str:
    """Return the URL of a store in the network, from the settings of a stack.

    Raises:
        DemoError: it is on a volume, of which nobody knows here where it is.

    """
    store = platform_of(configuration).get("store")
    url = store.get("url") if isinstance(store, dict) else None
    if not isinstance(url, str):
        raise DemoError(
            "CLUSTER=current needs STORE where the store is a volume.",
            "Set STORE: the URL by which this machine reaches that volume, without a namespace.",
        )
    return url


def cluster_of(kind: ClusterKind, environment: Mapping[str, str], say: Callable[[str], None]) -> DemoCluster:
    """Return the cluster of a kind.

    Raises:
        DemoError: something it needs is missing.

    """
    if kind is ClusterKind.EMBEDDED:
        return Embedded(Settings.from_environment(environment), say)
    if kind is ClusterKind.KIND:
        return Kind()
    return Current.from_environment(environment)


def _kind(*arguments: str) -> str:
    return run(["kind", *arguments], "See `kind get clusters` and `docker ps`.", limit_s=_KIND_LIMIT_S)


def _docker(*arguments: str) -> str:
    return run(["docker", *arguments], "See `docker ps` and whether Docker can reach its registry.")
