"""What watches miss is found out: deletions in a gap, compacted history, connections that fall silent."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.integration.operator.cluster import Bench, eventually
from tests.integration.operator.proxy import Proxy, target_of, through

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.operator.processes import OperatorProcess


@pytest_asyncio.fixture
async def proxy(cluster: Path) -> AsyncIterator[Proxy]:
    """Give a proxy before the API server."""
    started = await Proxy(target_of(cluster)).start()
    yield started
    await started.stop()


def _compact(control_plane: EmbeddedCluster) -> None:
    """Have etcd forget all history, by its HTTP gateway."""
    tls, ports = control_plane.certificates, control_plane.control_plane.ports
    context = ssl.create_default_context(cafile=str(tls.certificate("etcd-ca")))
    client = "apiserver-etcd-client"
    context.load_cert_chain(str(tls.certificate(client)), str(tls.key(client)))
    base = f"https://{control_plane.settings.address}:{ports.etcd}/v3/kv"

    def ask(path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        request = urllib.request.Request(f"{base}/{path}", json.dumps(body).encode())  # noqa: S310 - https
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310 - https
            found: dict[str, dict[str, str]] = json.loads(answer.read())
            return found

    revision = ask("range", {"key": "AA=="})["header"]["revision"]
    ask("compaction", {"revision": revision, "physical": True})


async def test_history_lost_and_deletions_in_the_gap(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    proxy: Proxy,
    cluster: Path,
    control_plane: EmbeddedCluster,
    tmp_path: Path,
) -> None:
    operator = operators(kubeconfig=through(cluster, tmp_path, proxy.port))
    await operator.working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    for name in ("stays", "goes"):
        await bench.create_strategy(name)
    kept = await bench.a_job((await bench.strategy("stays"))["metadata"]["uid"])

    async def known() -> bool:
        return operator.metrics().get('tradeplane_objects{kind="strategies"}') == 2

    await eventually(known, "both Strategies to be known")
    proxy.cut()
    await bench.delete_strategy("goes")
    await bench.delete_job(kept["metadata"]["name"])
    await bench.no_jobs()
    # It has a second, as in a crash: were it away for long, the controllers would pause for up to a minute between
    # their attempts to reach it, and the Job below would end only when they come back.
    control_plane.supervisor.stop("kube-apiserver", 1.0)
    _compact(control_plane)
    control_plane.up()
    proxy.mend()

    async def forgotten() -> bool:
        return operator.metrics().get('tradeplane_purged_objects_total{kind="strategies"}') == 1

    await eventually(forgotten, "the deleted Strategy to be forgotten")
    again = await bench.a_job((await bench.strategy("stays"))["metadata"]["uid"])
    assert again["metadata"]["name"] == kept["metadata"]["name"]
    await bench.succeed(again)
    await bench.until("stays", "Succeeded")


async def test_a_silent_connection_is_opened_anew(
    bench: Bench, operators: Callable[..., OperatorProcess], proxy: Proxy, cluster: Path, tmp_path: Path
) -> None:
    operator = operators(
        kubeconfig=through(cluster, tmp_path, proxy.port),
        client={"requestSeconds": 2.0, "inactivitySeconds": 4.0},
    )
    await operator.working()
    proxy.silent = True
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    await bench.succeed(await bench.a_job())
    await bench.until("macd", "Succeeded")
