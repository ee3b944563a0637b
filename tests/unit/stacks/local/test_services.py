"""What a cluster offers beside its components: probes, objects in the API, volumes, and the command line."""

from __future__ import annotations

import datetime
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.local import addons, pool, storage
from tradeplane_stacks.local.command import main, render_status, render_uptime
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.probes import (
    DnsProbe,
    HttpProbe,
    RequestProbe,
    SocketProbe,
    dns_fault,
    dns_question,
    what_failed,
)
from tradeplane_stacks.local.settings import Settings
from tradeplane_stacks.local.supervisor import ComponentStatus
from tradeplane_stacks.local.worker_nodes import node_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "kubernetes.default.svc.cluster.local"
SINCE = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)


@pytest.fixture
def http_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/good" else 503)
            self.end_headers()
            self.wfile.write(b"ok" if self.path == "/good" else b"etcd failed")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_probe_tells_what_the_component_said(http_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy is not for our own components
    assert HttpProbe(f"{http_server}/good").ask() is None
    assert "answered 503: etcd failed" in str(HttpProbe(f"{http_server}/bad").ask())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\nreadyz check failed\n",
            "[-]etcd failed: reason withheld",
        ),
        ("not\nfound", "not; found"),
        ("", ""),
        ("x" * 1000, "x" * 200),
    ],
)
def test_long_answer_is_shortened_to_what_failed(said: str, shown: str) -> None:
    assert what_failed(said) == shown


def test_probe_of_nothing_says_that_nobody_is_there(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert "refused" in str(HttpProbe(f"http://127.0.0.1:{unused.getsockname()[1]}/").ask())
    assert "No such file" in str(SocketProbe(tmp_path / "none").ask())
    assert "No such file" in str(RequestProbe(tmp_path / "none", {}).ask())


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(b'{"ok": true}\n', None), (b'{"ok": false, "error": "no table"}\n', "no table"), (b"x\n", "Expecting")],
)
def test_request_probe_reads_the_answer(tmp_path: Path, answer: bytes, fault: str | None) -> None:
    path, received = tmp_path / "s", []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                received.append(connection.recv(1000))
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        said = RequestProbe(path, {"command": "health"}).ask()
        thread.join()
    assert json.loads(received[0]) == {"command": "health"}
    assert said is None if fault is None else fault in str(said)


def test_question_for_a_name_is_as_the_rfc_says() -> None:
    packet = dns_question("a.bc")
    assert packet[:12] == bytes.fromhex("74700100000100000000 0000".replace(" ", ""))
    assert packet[12:] == b"\x01a\x02bc\x00\x00\x01\x00\x01"


def _answer(identifier: int = 0x7470, code: int = 0, records: int = 1) -> bytes:
    numbers = (identifier, 0x8180 | code, 1, records, 0, 0)
    return b"".join(number.to_bytes(2, "big") for number in numbers)


@pytest.mark.parametrize(
    "answer", [b"", b"short", _answer(code=3), _answer(records=0), _answer(identifier=1), _answer(code=2, records=1)]
)
def test_answer_without_the_name_is_a_fault(answer: bytes) -> None:
    assert dns_fault(answer, NAME) is not None


def test_answer_with_the_name_is_none() -> None:
    assert dns_fault(_answer(), NAME) is None


def test_name_server_that_is_not_there_is_a_fault() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "127.0.0.1" in str(DnsProbe("127.0.0.1", NAME, port).ask())


@given(st.binary(max_size=64))
def test_no_answer_breaks_the_probe(answer: bytes) -> None:
    assert dns_fault(answer, NAME) is None or isinstance(dns_fault(answer, NAME), str)


def _node(status: str, heartbeat: str) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": status,
        "lastHeartbeatTime": heartbeat,
        "message": "the network is not ready",
    }
    return {"status": {"conditions": [{"type": "DiskPressure", "status": "False"}, condition]}}


def test_node_that_spoke_since_its_start_is_ready() -> None:
    assert node_fault(_node("True", "2030-01-01T12:00:01Z"), SINCE) is None
    assert node_fault(_node("True", "2030-01-01T12:00:00Z"), SINCE + datetime.timedelta(milliseconds=900)) is None


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        (_node("True", "2030-01-01T11:59:00Z"), "not been heard of"),
        (_node("False", "2030-01-01T12:00:01Z"), "network is not ready"),
        ({"status": {}}, "no Ready condition"),
    ],
)
def test_node_that_did_not_is_not(node: dict[str, Any], fault: str) -> None:
    assert fault in str(node_fault(node, SINCE))


def test_volume_and_claim_are_bound_to_each_other_alone() -> None:
    layout = Layout(Path("/state"))
    for manifests, namespace, path in (
        (storage.store_volume(layout, "team"), "team", "/state/volumes/store/team"),
        (storage.operator_store_volume(layout), "tradeplane-system", "/state/volumes/store"),
    ):
        volume, claim = manifests
        assert volume["spec"]["hostPath"] == {"path": path, "type": "Directory"}
        assert volume["spec"]["claimRef"]["namespace"] == claim["metadata"]["namespace"] == namespace
        assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"] == "tradeplane-store"
        assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert volume["spec"]["storageClassName"] == claim["spec"]["storageClassName"] == ""


def test_volumes_of_two_namespaces_do_not_meet() -> None:
    layout = Layout(Path("/state"))
    manifests = (
        storage.store_volume(layout, "one"),
        storage.store_volume(layout, "two"),
        storage.operator_store_volume(layout),
    )
    assert len({volume["metadata"]["name"] for volume, _ in manifests}) == 3


class _Kubectl:
    """Has volumes, and remembers what was removed and applied."""

    def __init__(self, **phases: str) -> None:
        self.phases = phases
        self.ran: list[tuple[str, ...]] = []
        self.applied: list[dict[str, Any]] = []

    def get(self, *_: str) -> dict[str, Any]:
        found = self.phases.items()
        return {"items": [{"metadata": {"name": f"{pool.CLASS}-{n[1:]}"}, "status": {"phase": p}} for n, p in found]}

    def run(self, *arguments: str) -> str:
        self.ran.append(arguments)
        return ""

    def apply(self, manifests: list[dict[str, Any]]) -> None:
        self.applied += manifests


@pytest.fixture
def chowned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    given: list[tuple[str, int, int]] = []
    monkeypatch.setattr("os.chown", lambda path, user, group: given.append((Path(path).name, user, group)))
    return given


def test_the_pool_is_the_default_and_waits_for_who_uses_it(tmp_path: Path, chowned: list[Any]) -> None:
    client = _Kubectl()
    pool.provide(client, Layout(tmp_path), ["a", "b"])  # type: ignore[arg-type]
    storage_class, *volumes = client.applied
    assert storage_class["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage_class["volumeBindingMode"] == "WaitForFirstConsumer"
    assert len({volume["metadata"]["name"] for volume in volumes}) == len(volumes) == pool.VOLUMES
    directories = {Path(volume["spec"]["local"]["path"]) for volume in volumes}
    assert directories == set((tmp_path / "volumes" / "pool").iterdir())
    assert all(directory.stat().st_mode & 0o7777 == storage.STORE_MODE for directory in directories)
    assert {owner[1:] for owner in chowned} == {(65532, 65532)}
    (term,) = volumes[0]["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["a", "b"]


def test_a_volume_whose_claim_is_gone_is_emptied_and_no_other(tmp_path: Path, chowned: list[Any]) -> None:
    layout = Layout(tmp_path)
    pool.provide(_Kubectl(), layout, ["a"])  # type: ignore[arg-type]
    for number in ("00", "01", "02", "03"):
        (layout.pool / number / "record").write_text("x", encoding="ascii")
    client = _Kubectl(_00="Released", _01="Bound", _02="Available", _03="Failed")
    pool.provide(client, layout, ["a"])  # type: ignore[arg-type]
    kept = {path.parent.name for path in layout.pool.glob("*/record")}
    assert kept == {"01", "02"}
    assert [arguments[:3] for arguments in client.ran] == [
        ("delete", "pv", "tradeplane-local-00"),
        ("delete", "pv", "tradeplane-local-03"),
    ]
    assert len(chowned) == pool.VOLUMES + 2
    pool.provide(_Kubectl(_05="Released"), Layout(tmp_path / "another"), ["a"])  # type: ignore[arg-type]


def test_name_server_is_where_policies_and_kubelets_look_for_it() -> None:
    settings = Settings(Path("/s"), Path("/c"))
    objects = {item["kind"]: item for item in addons.name_server(settings, "coredns:x")}
    service, template = objects["Service"], objects["Deployment"]["spec"]["template"]
    assert service["spec"]["clusterIP"] == "10.96.0.10"
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {53}
    assert template["metadata"]["labels"] == service["spec"]["selector"] == {"k8s-app": "kube-dns"}
    container = template["spec"]["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert yaml.safe_load(yaml.safe_dump(objects["ConfigMap"]))["data"]["Corefile"] == addons.COREFILE


def test_policy_enforcer_may_read_and_nothing_else() -> None:
    roles = {item["metadata"]["name"]: item for item in addons.access() if item["kind"] == "ClusterRole"}
    rules = roles["system:tradeplane:network-policy"]["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {resource for rule in rules for resource in rule["resources"]} == {
        "pods",
        "namespaces",
        "nodes",
        "networkpolicies",
    }


def test_status_is_a_table_that_shows_what_failed() -> None:
    states = [
        ComponentStatus("etcd", True, "ok", 42, 3725.0),
        ComponentStatus("kube-apiserver", False, "died"),
    ]
    lines = render_status(states).splitlines()
    assert lines[0].split() == ["COMPONENT", "HEALTH", "PID", "UPTIME", "DETAIL"]
    assert lines[1].split() == ["etcd", "ok", "42", "1h2m"]
    assert lines[2].split() == ["kube-apiserver", "FAILED", "-", "-", "died"]
    assert lines[1].index("ok") == lines[0].index("HEALTH")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.4, "0s"), (59, "59s"), (61, "1m1s"), (7200, "2h0m"), (90061, "1d1h")]
)
def test_uptime_reads_as_kubectl_writes_it(seconds: float | None, text: str) -> None:
    assert render_uptime(seconds) == text


def test_command_line_names_the_setting_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARM64", "perhaps")
    assert main(["status"]) == 1
    said = capsys.readouterr()
    assert said.err == "ARM64 is 'perhaps': give 1 or 0.\n"
    assert said.out == ""


@pytest.mark.parametrize("arguments", [[], ["fly"], ["logs"], ["logs", "etcd", "--lines", "0"], ["store"]])
def test_command_line_that_makes_no_sense_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_names_every_variable_that_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for variable in ("TRADEPLANE_STATE", "TRADEPLANE_CACHE", "ARM64", "TRADEPLANE_AUDIT", "TRADEPLANE_POD_SUBNET"):
        assert variable in text
