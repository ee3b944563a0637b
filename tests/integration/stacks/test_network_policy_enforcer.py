"""The enforcer follows an API server through all the ways a watch can end, and holds pods back until they are policed.

The API server is a small one of our own, which keeps objects, serves lists and watches, and misbehaves on demand. In
place of `nft` stands a shell script that keeps each text it is given, so that no privilege is needed.
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tradeplane_stacks.local.network_policy import cni_plugin, gate
from tradeplane_stacks.local.network_policy.__main__ import main
from tradeplane_stacks.local.network_policy.api_server import ApiServerError, Kubeconfig, follow
from tradeplane_stacks.local.network_policy.enforcer import Enforcer, Options, load_table
from tradeplane_stacks.local.network_policy.ruleset import Direction
from tradeplane_stacks.local.network_policy.state import ClusterState

Json = dict[str, Any]

_WAIT_S = 60.0
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "networkpolicies": "/apis/networking.k8s.io/v1/networkpolicies",
}


class FakeApiServer:
    """Lists and watches of three resources."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Json]] = {path: {} for path in PATHS.values()}
        self.lists = 0
        self.refusal: int | None = None
        self.refused = 0
        self._version = 1
        self._watchers: dict[str, list[asyncio.Queue[Json | None]]] = {path: [] for path in PATHS.values()}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusal is not None:
            self.refused += 1
            return web.Response(status=self.refusal)
        return await (self._watch(request) if request.query.get("watch") else self._list(request))

    async def _list(self, request: web.Request) -> web.Response:
        """Answer in pages of one, whatever the limit, so that paging is always exercised."""
        self.lists += 1
        items, start = list(self.objects[request.path].values()), int(request.query.get("continue") or 0)
        metadata = {"resourceVersion": str(self._version)}
        if start + 1 < len(items):
            metadata["continue"] = str(start + 1)
        return web.json_response({"metadata": metadata, "items": items[start : start + 1]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if int(request.query["resourceVersion"]) < 0:
            return web.Response(status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._watchers[request.path].append(queue)
        while (event := await queue.get()) is not None:
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    def send(self, resource: str, kind: str, obj: Json) -> None:
        """Change an object and tell whoever watches."""
        path = PATHS[resource]
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        if kind == "DELETED":
            self.objects[path].pop(obj["metadata"]["uid"], None)
        else:
            self.objects[path][obj["metadata"]["uid"]] = obj
        self.tell(resource, {"type": kind, "object": obj})

    def tell(self, resource: str, event: Json | None) -> None:
        """Send an event, true or not; None ends the watches."""
        for queue in self._watchers[PATHS[resource]]:
            queue.put_nowait(event)
        if event is None or event["type"] == "ERROR":
            self._watchers[PATHS[resource]].clear()

    def hang_up(self) -> None:
        """End every watch, so that the server can stop."""
        for resource in PATHS:
            self.tell(resource, None)

    def watched(self) -> bool:
        return all(self._watchers.values())


@asynccontextmanager
async def serving(server: FakeApiServer) -> AsyncIterator[str]:
    application = web.Application()
    for path in PATHS.values():
        application.router.add_get(path, server.handle)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        server.hang_up()
        await runner.cleanup()


class Bench:
    """An enforcer at work, and what it has loaded."""

    def __init__(self, server: FakeApiServer, enforcer: Enforcer, folder: Path) -> None:
        self.server, self.enforcer, self._folder = server, enforcer, folder

    @property
    def loads(self) -> list[str]:
        return [path.read_text() for path in sorted(self._folder.glob("load-*"))]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(_WAIT_S):
                while not condition():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pytest.fail(f"waited {_WAIT_S} s in vain until {what}; loaded last: {self.loads[-1:]}")

    async def until_isolated(self, *addresses: str) -> None:
        expected = {IPv4Address(address) for address in addresses}
        await self.until(lambda: self.isolated() == expected, f"{addresses} are isolated")

    def isolated(self) -> set[IPv4Address]:
        lines = [line for line in self.loads[-1].splitlines() if ": goto ingress" in line] if self.loads else []
        return {IPv4Address(part.split()[-1]) for line in lines for part in line.split(" : goto")[:-1]}


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": url}}],
                "users": [{"name": "test", "user": {"token": "t0ken"}}],
            }
        )
    )
    return path


def keeping_nft(folder: Path) -> Path:
    """Write a stand-in for nft that keeps what it is given, numbered."""
    script = folder / "nft"
    script.write_text(
        f'#!/bin/sh\nset -e\ncd {folder}\nn=$(ls | grep -c "^load-" || true)\n'
        'cat > new && mv new "load-$(printf %04d "$n")"\n'
    )
    script.chmod(0o755)
    return script


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    server = FakeApiServer()
    server.send("namespaces", "ADDED", {"metadata": {"name": "shop", "uid": "shop"}})
    async with serving(server) as url:
        options = Options(
            kubeconfig(tmp_path, url), tmp_path / "status", tmp_path / "socket", str(keeping_nft(tmp_path)), 60.0
        )
        enforcer = Enforcer(options)
        task = asyncio.create_task(enforcer.run())
        made = Bench(server, enforcer, tmp_path)
        await made.until(
            lambda: server.watched() and enforcer.ready and (tmp_path / "socket").exists(), "all is watched"
        )
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def pod(name: str, address: str | None) -> Json:
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": name, "labels": {}},
        "spec": {"containers": []},
        "status": {"phase": "Running", "podIP": address} if address else {"phase": "Pending"},
    }


def closed(name: str = "closed") -> Json:
    return {"metadata": {"namespace": "shop", "name": name, "uid": name}, "spec": {"podSelector": {}}}


async def test_what_changes_is_loaded_and_what_does_not_change_is_not(bench: Bench) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    await bench.until_isolated("10.0.0.1")
    loads = len(bench.loads)
    touched = pod("a", "10.0.0.1")
    touched["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    bench.server.send("pods", "MODIFIED", touched)
    bench.server.send("pods", "ADDED", pod("b", "10.0.0.2"))
    await bench.until_isolated("10.0.0.1", "10.0.0.2")
    assert len(bench.loads) == loads + 1


async def test_changes_that_come_together_are_loaded_together(bench: Bench) -> None:
    loads = len(bench.loads)
    for number in range(1, 201):
        bench.server.send("pods", "ADDED", pod(f"p{number}", f"10.0.0.{number}"))
    bench.server.send("networkpolicies", "ADDED", closed())
    await bench.until_isolated(*(f"10.0.0.{number}" for number in range(1, 201)))
    assert len(bench.loads) - loads < 20


async def test_deleted_and_finished_pods_are_forgotten(bench: Bench) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    for name, address in (("a", "10.0.0.1"), ("b", "10.0.0.2"), ("c", "10.0.0.3")):
        bench.server.send("pods", "ADDED", pod(name, address))
    await bench.until_isolated("10.0.0.1", "10.0.0.2", "10.0.0.3")
    bench.server.send("pods", "DELETED", pod("a", "10.0.0.1"))
    finished = pod("b", "10.0.0.2")
    finished["status"]["phase"] = "Failed"
    bench.server.send("pods", "MODIFIED", finished)
    await bench.until_isolated("10.0.0.3")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}, id="compacted"),
        pytest.param({"type": "ERROR", "object": {"code": 500, "message": "internal"}}, id="error"),
    ],
)
async def test_what_happened_in_a_gap_is_found_by_listing_again(bench: Bench, end: Json) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("gone", "10.0.0.1"))
    await bench.until_isolated("10.0.0.1")
    lists = bench.server.lists
    bench.server.objects[PATHS["pods"]] = {"new": pod("new", "10.0.0.2")}
    bench.server.tell("pods", end)
    await bench.until_isolated("10.0.0.2")
    assert bench.server.lists > lists


async def test_a_watch_that_the_server_closes_goes_on_without_a_list(bench: Bench) -> None:
    lists = bench.server.lists
    bench.server.tell("pods", None)
    await bench.until(bench.server.watched, "the pods are watched again")
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    await bench.until_isolated("10.0.0.1")
    assert bench.server.lists == lists


async def test_garbage_on_a_watch_leads_to_another_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    monkeypatch.setattr(f"{follow.__module__}.json.loads", _failing_once(json.loads))
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    await bench.until_isolated("10.0.0.1")


def _failing_once(real: Callable[[bytes], Json]) -> Callable[[bytes], Json]:
    failures = iter([True])

    def loads(text: bytes) -> Json:
        if next(failures, False):
            raise json.JSONDecodeError("cut off", "", 0)
        return real(text)

    return loads


async def test_a_policy_that_cannot_be_understood_closes_its_namespace(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    odd = closed("odd") | {"spec": {"podSelector": {"matchLabels": {"no": "pod"}}, "ingress": [{"from": [{}]}]}}
    bench.server.send("networkpolicies", "ADDED", odd)
    await bench.until_isolated("10.0.0.1")
    assert "shop/odd cannot be understood" in caplog.text


async def test_the_status_file_is_there_while_policies_are_enforced(bench: Bench, tmp_path: Path) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    await bench.until(
        lambda: json.loads((tmp_path / "status").read_text())["isolated"]["ingress"] == 1, "the status counts the pod"
    )


@pytest.mark.parametrize("refusal", [401, 403])
async def test_a_refused_caller_gives_up_at_once(tmp_path: Path, refusal: int) -> None:
    server = FakeApiServer()
    server.refusal = refusal
    async with serving(server) as url:
        with pytest.RaisesGroup(pytest.RaisesExc(ApiServerError, match=str(refusal)), flatten_subgroups=True):
            await asyncio.wait_for(_first_refusal(Options(kubeconfig(tmp_path, url))), _WAIT_S)


async def test_a_caller_refused_while_the_server_restarts_goes_on(bench: Bench) -> None:
    await bench.until(bench.server.watched, "everything is watched")
    bench.server.refusal = 403
    bench.server.hang_up()
    await bench.until(lambda: bench.server.refused >= len(PATHS), "every watch is refused")
    bench.server.refusal = None
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.1"))
    await bench.until_isolated("10.0.0.1")


async def _first_refusal(options: Options) -> None:
    try:
        await Enforcer(options).run()
    except ExceptionGroup as group:
        raise ExceptionGroup(group.message, group.exceptions[:1]) from None


async def test_an_api_server_that_is_gone_is_given_up_in_time(tmp_path: Path) -> None:
    server = FakeApiServer()
    server.refusal = 503
    async with serving(server) as url:
        options = Options(kubeconfig(tmp_path, url), give_up_after_s=0.5)
        with pytest.RaisesGroup(pytest.RaisesExc(ApiServerError, match="has failed for"), flatten_subgroups=True):
            await asyncio.wait_for(_first_refusal(options), _WAIT_S)


def test_the_process_says_in_one_line_why_it_ends(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tradeplane_stacks.local.network_policy", "--kubeconfig", str(tmp_path / "absent")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert f"kubeconfig {tmp_path}/absent cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refusing_nft_ends_the_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    refusing = tmp_path / "nft"
    refusing.write_text("#!/bin/sh\ncat >/dev/null\necho 'Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)

    async def serve_and_run() -> int:
        async with serving(FakeApiServer()) as url:
            arguments = ["--kubeconfig", str(kubeconfig(tmp_path, url)), "--nft", str(refusing)]
            return await asyncio.to_thread(_main_without_signals, arguments)

    assert asyncio.run(serve_and_run()) == 1
    assert "Operation not permitted; it needs CAP_NET_ADMIN" in caplog.text


def _main_without_signals(arguments: list[str]) -> int:
    """Run main() on a thread, where no signal handler can be set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "add_signal_handler", lambda *_: None, raising=False)
        patch.setattr("asyncio.unix_events._UnixSelectorEventLoop.add_signal_handler", lambda *_: None)
        return main(arguments)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "current-context: x", "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}]}"],
)
def test_a_kubeconfig_that_lacks_something_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ApiServerError, match=str(path)):
        Kubeconfig.load(path)


async def test_nothing_is_left_running_when_a_load_is_cut_short(tmp_path: Path) -> None:
    hanging = tmp_path / "nft"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/pid\nexec sleep 60\n")
    hanging.chmod(0o755)
    load = asyncio.create_task(load_table("", str(hanging)))
    async with asyncio.timeout(_WAIT_S):
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.005)
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


async def test_a_pod_is_held_back_until_its_address_is_policed(bench: Bench, tmp_path: Path) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", None))
    request = {"command": "attach", "uid": "a", "container": "c1", "address": "10.0.0.9"}
    await asyncio.to_thread(cni_plugin.ask, str(tmp_path / "socket"), request)
    assert bench.isolated() == {IPv4Address("10.0.0.9")}, "the answer came before the table was loaded"


async def test_a_pod_that_the_api_shows_late_is_admitted_when_it_does(bench: Bench, tmp_path: Path) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    request = {"command": "attach", "uid": "late", "container": "c1", "address": "10.0.0.9"}
    asked = asyncio.create_task(asyncio.to_thread(cni_plugin.ask, str(tmp_path / "socket"), request))
    await asyncio.sleep(0.1)  # no condition can show that something does not happen
    assert not asked.done()
    bench.server.send("pods", "ADDED", pod("late", None))
    await asyncio.wait_for(asked, _WAIT_S)
    assert bench.isolated() == {IPv4Address("10.0.0.9")}


async def test_a_pod_that_the_api_never_shows_is_refused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_ADMIT_S", 0.05)
    request = {"command": "attach", "uid": "nobody", "container": "c1", "address": "10.0.0.9"}
    with pytest.raises(cni_plugin.PluginError, match="the API has not shown it"):
        await asyncio.to_thread(cni_plugin.ask, str(tmp_path / "socket"), request)


async def test_an_address_that_was_taken_away_is_no_longer_the_pods(bench: Bench, tmp_path: Path) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", "10.0.0.9"))
    for command in ("attach", "detach"):
        request = {"command": command, "uid": "a", "container": "c1", "address": "10.0.0.9"}
        await asyncio.to_thread(cni_plugin.ask, str(tmp_path / "socket"), request)
        await bench.until_isolated(*(["10.0.0.9"] if command == "attach" else []))


def addresses(state: ClusterState) -> list[str]:
    isolated = state.ruleset().isolations[Direction.INGRESS].pods
    return [str(address) for address in isolated]


def test_the_late_removal_of_a_replaced_network_changes_nothing() -> None:
    state = ClusterState()
    state.policies.replace([closed()])
    state.pods.replace([pod("a", "10.0.0.7")])
    state.attach("a", "old", IPv4Address("10.0.0.8"))
    state.attach("a", "new", IPv4Address("10.0.0.9"))
    version = state.version
    state.detach("a", "old")
    assert (addresses(state), state.version) == (["10.0.0.9"], version)
    state.detach("a", "new")
    assert addresses(state) == [], "the status still shows an address that is another pod's by now"


def test_an_announced_address_is_forgotten_with_its_pod() -> None:
    state = ClusterState()
    state.policies.replace([closed()])
    state.attach("a", "c1", IPv4Address("10.0.0.8"))
    state.pods.replace([pod("a", None)])
    assert addresses(state) == ["10.0.0.8"], "announced before the pod was known"
    state.pods.replace([])
    state.pods.replace([pod("a", None)])
    assert addresses(state) == []


@pytest.mark.parametrize(
    "line", [b"\n", b"[]\n", b"{}\n", b'{"command": "open"}\n', b'{"command": "attach", "uid": "a"}\n', b"x" * 70000]
)
async def test_a_request_that_makes_no_sense_is_answered_with_an_error(
    bench: Bench, tmp_path: Path, line: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
    writer.write(line)
    reply = json.loads(await asyncio.wait_for(reader.readline(), _WAIT_S))
    writer.close()
    assert reply["ok"] is False
    assert reply["error"]
    assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o600


async def test_health_is_told(bench: Bench, tmp_path: Path) -> None:
    await asyncio.to_thread(cni_plugin.ask, str(tmp_path / "socket"), {"command": "health"})


def plugin(command: str, configuration: Json, **environment: str) -> tuple[int, str]:
    """Run the plugin as a container runtime does."""
    ended = subprocess.run(
        [sys.executable, "-I", cni_plugin.__file__],
        input=json.dumps(configuration),
        env={"CNI_COMMAND": command, "CNI_CONTAINERID": "c1", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, ended.stdout


ARGUMENTS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=a;K8S_POD_UID=a"
RESULT = {"cniVersion": "1.0.0", "ips": [{"address": "fd00::9/64"}, {"address": "10.0.0.9/24"}]}


async def test_the_plugin_passes_on_the_result_of_the_one_before(bench: Bench, tmp_path: Path) -> None:
    bench.server.send("networkpolicies", "ADDED", closed())
    bench.server.send("pods", "ADDED", pod("a", None))
    configuration = {"cniVersion": "1.0.0", "socket": str(tmp_path / "socket"), "prevResult": RESULT}
    code, output = await asyncio.to_thread(plugin, "ADD", configuration, CNI_ARGS=ARGUMENTS)
    assert (code, json.loads(output)) == (0, RESULT)
    assert bench.isolated() == {IPv4Address("10.0.0.9")}
    assert await asyncio.to_thread(plugin, "DEL", configuration, CNI_ARGS=ARGUMENTS) == (0, "")
    await bench.until_isolated()


def test_without_an_enforcer_no_pod_starts_and_every_pod_can_be_removed(tmp_path: Path) -> None:
    configuration = {"cniVersion": "1.0.0", "socket": str(tmp_path / "absent"), "prevResult": RESULT}
    code, output = plugin("ADD", configuration, CNI_ARGS=ARGUMENTS)
    assert code == 1
    assert json.loads(output)["code"] == 11
    assert plugin("DEL", configuration, CNI_ARGS=ARGUMENTS) == (0, "")


@pytest.mark.parametrize(
    ("configuration", "arguments", "named"),
    [
        ({"prevResult": RESULT}, ARGUMENTS, "socket"),
        ({"socket": "/s", "prevResult": RESULT}, "IgnoreUnknown=1", "K8S_POD_UID"),
        ({"socket": "/s"}, ARGUMENTS, "no IPv4 address"),
    ],
)
def test_the_plugin_names_what_it_lacks(configuration: Json, arguments: str, named: str) -> None:
    code, output = plugin("ADD", configuration, CNI_ARGS=arguments)
    assert code == 1
    assert named in json.loads(output)["msg"]


def test_the_plugin_tells_its_versions() -> None:
    code, output = plugin("VERSION", {"cniVersion": "1.0.0"})
    assert code == 0
    assert json.loads(output)["supportedVersions"] == ["0.4.0", "1.0.0"]


def test_an_enforcer_that_hangs_up_is_reported(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(cni_plugin.PluginError, match="does not answer"):
            cni_plugin.ask(str(tmp_path / "s"), {"command": "health"})
