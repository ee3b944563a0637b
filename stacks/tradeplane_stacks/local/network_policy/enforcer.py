"""Follow the API, and keep the kernel's table what it should be.

Tasks that follow resources change the state; one task compiles it and loads the text when that differs from what is
loaded. Loading is one nftables transaction: no packet ever meets half a ruleset. The table outlives this process, so a
restart leaves no gap. Any failure ends the process with a message: whoever supervises it decides about starting again.
"""

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tradeplane_stacks.local.network_policy.api_server import Kubeconfig, Sink, connect, follow
from tradeplane_stacks.local.network_policy.gate import serve
from tradeplane_stacks.local.network_policy.ruleset import render
from tradeplane_stacks.local.network_policy.state import ClusterState

_LOG = logging.getLogger(__name__)
_NFT_S = 30  # for one load; thousands of pods take well under a second
_GATHER_S = 0.02  # changes that come together are loaded together


class EnforcerError(RuntimeError):
    """Policies cannot be enforced; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where the API server is, and where to say how things are.

    `give_up_after_s` bounds the time without an API server; 120 s outlasts its restart.
    """

    kubeconfig: Path
    status_file: Path | None = None
    socket: Path | None = None
    nft: str = "nft"
    give_up_after_s: float = 120.0


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What the kernel has: the state's version, the pods it knew, and the text."""

    version: int = 0
    pods: frozenset[str] = frozenset()
    text: str = ""


class Enforcer:
    """The state, and what of it the kernel has."""

    def __init__(self, options: Options) -> None:
        self._changed = asyncio.Event()
        self.state = ClusterState(self._changed.set)
        self._options = options
        self._loaded = _Loaded()
        self._progress = asyncio.Condition()

    @property
    def ready(self) -> bool:
        """Whether the kernel has a table compiled from the whole cluster."""
        return self._loaded.version > 0

    async def run(self) -> None:
        """Enforce until cancelled.

        Raises:
            EnforcerError: nftables refused the table.
            ApiServerError: the API server cannot be used.

        """
        _forget_status(self._options.status_file)
        kubeconfig = Kubeconfig.load(self._options.kubeconfig)
        resources: dict[str, Sink] = {
            "/api/v1/namespaces": self.state.namespaces,
            "/api/v1/pods": self.state.pods,
            "/apis/networking.k8s.io/v1/networkpolicies": self.state.policies,
        }
        try:
            async with connect(kubeconfig) as session, asyncio.TaskGroup() as tasks:
                for path, sink in resources.items():
                    tasks.create_task(follow(session, path, sink, self._options.give_up_after_s))
                tasks.create_task(self._keep_loaded())
                if self._options.socket is not None:
                    tasks.create_task(serve(self._options.socket, self))
        finally:
            _forget_status(self._options.status_file)

    async def admit(self, uid: str, container: str, address: IPv4Address, wait_s: float) -> None:
        """Return when the kernel treats a pod's new address as its policies say.

        Raises:
            TimeoutError: within `wait_s` the API did not show the pod, or the table could not be loaded.

        """
        version = self.state.attach(uid, container, address)
        try:
            async with asyncio.timeout(wait_s), self._progress:
                await self._progress.wait_for(lambda: self._loaded.version >= version and uid in self._loaded.pods)
        except TimeoutError:
            self.state.detach(uid, container)
            raise

    def release(self, uid: str, container: str) -> None:
        """Note that a pod's network is gone, so that its address is no longer taken for the pod's."""
        self.state.detach(uid, container)

    async def _keep_loaded(self) -> None:
        """Load the ruleset whenever what is known has changed."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_GATHER_S)
            self._changed.clear()
            if self.state.complete:
                loaded = await self._load()
                async with self._progress:
                    self._loaded = loaded
                    self._progress.notify_all()

    async def _load(self) -> _Loaded:
        """Give what is known to nftables, unless the kernel has the same text already."""
        ruleset = self.state.ruleset()
        wanted = _Loaded(self.state.version, self.state.pods.uids(), render(ruleset))
        if wanted.text != self._loaded.text:
            await load_table(wanted.text, self._options.nft)
            status = {
                "digest": f"sha256:{hashlib.sha256(wanted.text.encode()).hexdigest()}",
                "policies": len(self.state.policies),
                "isolated": {str(way): len(isolation.pods) for way, isolation in ruleset.isolations.items()},
            }
            _LOG.info("loaded %s", status)
            if self._options.status_file is not None:
                _write_status(self._options.status_file, json.dumps(status))
        return wanted


async def load_table(text: str, nft: str = "nft") -> None:
    """Load a ruleset into the network namespace of this process, whole or not at all.

    Raises:
        EnforcerError: nftables is missing, hangs, or refuses the text.

    """
    try:
        process = await asyncio.create_subprocess_exec(
            nft, "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise EnforcerError(f"{nft} cannot be started ({error}); install the package nftables") from error
    try:
        async with asyncio.timeout(_NFT_S):
            _, errors = await process.communicate(text.encode())
    except TimeoutError:
        raise EnforcerError(f"{nft} did not load the table within {_NFT_S} s") from None
    finally:
        if process.returncode is None:  # out of time, or this process is being stopped
            process.kill()
            await process.wait()
    if process.returncode != 0:
        said = errors.decode(errors="replace").strip()[:2000]
        raise EnforcerError(
            f"{nft} refuses the table: {said or 'no message'}; it needs CAP_NET_ADMIN in this network namespace "
            "and a kernel with nf_tables (5.10 or newer)"
        )


def _write_status(path: Path, text: str) -> None:
    """Replace the status file in one step, so that a reader never sees half of it."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(f"{text}\n", encoding="utf-8")
    fresh.replace(path)


def _forget_status(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)
