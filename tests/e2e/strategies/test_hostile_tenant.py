"""A tenant who may edit all of their namespace: what their pods and they themselves try comes to nothing false.

Controls are beside: the same pod where no policy is in its way, the same request by who may make it. So what fails here
fails by what is tested, and not because it could not have come about.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import ResultsManifest
from tradeplane_api.strategy import Architecture, Trigger
from tradeplane_operator.observing.stores import check_results
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL, run_name
from tradeplane_operator.planning.observed import ResultState
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.scenario import OPERATOR, SYSTEM
from tradeplane_store.canonical import canonical_json, result_digest, run_digest

from tests.e2e.platform import UNHURRIED, Object, restricted_pod, runs, runs_now, said, seen, strategy, until
from tests.e2e.strategies.node_listeners import listening
from tests.integration.operator.hostile_objects import hostile_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.platform import Platform, Tenant

USER = "mallory"
METADATA, KEYS = ("169.254.169.254", 80), ("203.0.113.7", 443)
AS_A_RUN = {"app.kubernetes.io/managed-by": "tradeplane"}
AS_A_PROBE = AS_A_RUN | {"tradeplane.dev/role": "broker-probe"}
PYTHON = ("/usr/bin/python3", "-c")
_POLICY = Path(__file__).parents[3] / "policies" / "admission" / "runs"
_LIMIT_S = 240.0
_NAMESPACE = re.compile("e2e-[0-9a-f]{8}")
"""Of whom a line of the operator's log is: other tenants have work of theirs beside these tests."""
_KINDS = ("strategies", "snapshots", "replays", "brokerconnections", "snapshotcaptures")
_TRY = """
import json, pathlib, socket, ssl, sys, urllib.request
from concurrent.futures import ThreadPoolExecutor
hosts, token = json.loads(sys.argv[1]), sys.argv[2]
def reached(address):
    try:
        with socket.create_connection(address, timeout=3):
            return True
    except OSError:
        return False
def answer(url, method="GET", headers={}):
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=3,
                                    context=unchecked if url.startswith("https") else None) as said:
            return said.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
secrets = "https://%s:%d/api/v1/namespaces/tradeplane-system/secrets" % tuple(hosts["service"])
push = "http://%s:%d/v2/runs/forged/blobs/uploads/" % tuple(hosts["registry"])
with ThreadPoolExecutor(16) as threads:
    each = {name: threads.submit(reached, tuple(address)) for name, address in hosts.items()}
    asked = {
        "push": threads.submit(answer, push, "POST"),
        "secrets": threads.submit(answer, secrets),
        "secrets by token": threads.submit(answer, secrets, "GET", {"Authorization": "Bearer " + token}),
    }
    print(json.dumps({
        "reached": {name: one.result() for name, one in each.items()},
        "answers": {name: one.result() for name, one in asked.items()},
        "keys": [str(one) for one in map(pathlib.Path, ("/var/run/secrets", "/etc/tradeplane-signing",
                 "/etc/tradeplane-registry")) if one.exists()],
    }))
"""
_LISTEN = """
import socket
server = socket.create_server(("", 8000))
while True:
    server.accept()[0].close()
"""
_WRITE = """
import json, os, pathlib, sys
for name, text in json.loads(sys.argv[1]).items():
    path = pathlib.Path("/store/results", name, "manifest.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
print(json.dumps({"above": sorted(os.listdir("/store/..")), "stores": sorted(os.listdir("/store"))}))
"""

_REPLACE = """
import json, pathlib, sys, time
(name, text), = json.loads(sys.argv[1]).items()
path = pathlib.Path("/store/results", name, "manifest.json")
while not path.exists():
    time.sleep(0.001)
path.unlink()
path.write_text(text)
print("{}")
"""


_REPLACE_BESIDE = """
import json, pathlib, sys, time
folder, name = pathlib.Path("/store/results", sys.argv[1]), sys.argv[2]
while not (folder / "manifest.json").exists():
    time.sleep(0.001)
if name == "summary.json":
    better = json.dumps({**json.loads((folder / name).read_bytes()), "totalReturn": "9.99"}).encode()
else:
    better = (folder / "trades.arrow").read_bytes()
(folder / name).unlink()
(folder / name).write_bytes(better)
print("{}")
"""


def _store(name: str = "tradeplane-store") -> Object:
    """Return the parts of a pod's spec that mount a store."""
    return {"volumes": [{"name": "store", "persistentVolumeClaim": {"claimName": name}}]}


def _mounting(pod: Object) -> Object:
    """Return a pod that has its namespace's store mounted."""
    (container,) = pod["spec"]["containers"]
    mounted = {**container, "volumeMounts": [{"name": "store", "mountPath": "/store"}]}
    return {**pod, "spec": {**pod["spec"], **_store(), "containers": [mounted]}}


def _ended(tenant: Tenant, name: str) -> Object:
    """Wait for a pod to have ended well, and return what it printed."""
    until(
        f"the end of pod {name}",
        lambda: tenant.get("pod", name)["status"],
        lambda status: status.get("phase") in ("Succeeded", "Failed"),
        _LIMIT_S,
    )
    found: Object = json.loads(tenant.kubectl("logs", name))
    return found


def _await_running(tenant: Tenant, name: str) -> None:
    """Wait until a pod that lies in wait does so: what it waits for is not to be over before."""
    until(f"pod {name} to run", partial(tenant.get, "pod", name), runs_now, _LIMIT_S)


@pytest.fixture(scope="module")
def neighbour(platform: Platform, files: Path) -> Iterator[Tenant]:
    """Enrol another tenant, with a pod that listens."""
    neighbour = platform.enrol(f"e2e-{uuid.uuid4().hex[:8]}", files)
    neighbour.apply(restricted_pod("listener", platform.images().workloads, {}, *PYTHON, _LISTEN))
    yield neighbour
    neighbour.remove()
    neighbour.remove_store()


@pytest.fixture(scope="module")
def free(platform: Platform, files: Path) -> Iterator[Tenant]:
    """Enrol a namespace whose network policies are taken away: what is reached from here can be reached."""
    free = platform.enrol(f"e2e-{uuid.uuid4().hex[:8]}", files)
    free.kubectl("delete", "networkpolicies", "--all")
    yield free
    free.remove()
    free.remove_store()


@pytest.fixture(scope="module")
def first(tenant: Tenant) -> Object:
    """Have a run attested."""
    tenant.apply(strategy("first"))
    return tenant.await_run("first")


@pytest.fixture(scope="module")
def as_user(tenant: Tenant) -> Callable[..., str]:
    """Give a way to ask as a user who may edit all of the namespace; what is answered is why not, or nothing."""
    tenant.kubectl("create", "rolebinding", "edit", "--clusterrole=edit", f"--user={USER}")

    def ask(*arguments: str | Path, user: str = USER) -> str:
        try:
            tenant.kubectl(*([f"--as={user}"] if user else []), *arguments)
        except DemoError as error:
            return str(error)
        return ""

    return ask


def _file(tenant: Tenant, body: Object) -> Path:
    path = tenant.files / f"hostile-{uuid.uuid4().hex[:8]}.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


# Pods.


def _hosts(platform: Platform, neighbour: Tenant) -> dict[str, tuple[str, int]]:
    """Return everything that a pod might want to reach, by what it is."""
    (endpoint,) = platform.kubectl.get("endpointslices", "-n", "default")["items"]
    node = endpoint["endpoints"][0]["addresses"][0]
    registry, _, port = platform.cluster.registry.partition(":")
    listener = until(
        "an address of the neighbour's pod",
        lambda: neighbour.get("pod", "listener")["status"],
        lambda status: bool(status.get("podIP")) and status.get("phase") == "Running",
        _LIMIT_S,
    )["podIP"]
    operator = platform.pods()[0]["status"]["podIP"]
    return {
        "service": (platform.kubectl.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"], 443),
        "server": (node, endpoint["ports"][0]["port"]),
        "kubelet": (node, 10250),
        "registry": (registry, int(port)),
        "metadata": METADATA,
        "keys": KEYS,
        "metrics": (operator, 8080),
        "health": (operator, 8081),
        "neighbour": (listener, 8000),
    }


def test_a_pod_reaches_no_key_no_registry_no_server_and_nobody_else(
    tenant: Tenant, neighbour: Tenant, free: Tenant
) -> None:
    platform = tenant.platform
    hosts = _hosts(platform, neighbour)
    image = platform.images().workloads
    hostile = {"stranger": {}, "as-a-run": AS_A_RUN, "as-a-probe": AS_A_PROBE}
    network = platform.cluster.settings.instance
    with listening(network, [METADATA, KEYS]) as listeners:
        for where, name, labels in [*((tenant, *one) for one in hostile.items()), (free, "free", {})]:
            token = where.kubectl("create", "token", "tradeplane-runner").strip()
            where.apply(restricted_pod(name, image, labels, *PYTHON, _TRY, json.dumps(hosts), token))
        for name in hostile:
            found = _ended(tenant, name)
            assert found["reached"] == dict.fromkeys(hosts, False), name
            assert found["answers"] == {"push": None, "secrets": None, "secrets by token": None}
            assert found["keys"] == []
        control = _ended(free, "free")
        callers = {caller for listener in listeners for caller in listener.callers}
        assert callers == {free.get("pod", "free")["status"]["podIP"]}
    # What the tenant's policies do not keep from the free pod is kept by those of the operator and of the neighbour.
    assert {name for name, reached in control["reached"].items() if not reached} == {"health", "neighbour"}
    assert control["answers"]["push"] == 202, "the registry takes what reaches it"
    assert (control["answers"]["secrets"], control["answers"]["secrets by token"]) == (401, 403)


def test_a_volume_of_another_tenant_is_not_had(tenant: Tenant, neighbour: Tenant, as_user: Callable[..., str]) -> None:
    """Not by a claim that names it, since a volume names its claim; and not by a path of the node."""
    volume = f"tradeplane-store-{neighbour.name}"
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "theirs"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": volume,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    assert as_user("create", "-f", _file(tenant, claim)) == ""
    pod = restricted_pod("by-path", tenant.platform.images().workloads, {}, *PYTHON, "pass")
    pod["spec"]["volumes"] = [{"name": "all", "hostPath": {"path": str(neighbour.directory.parent)}}]
    assert "violates PodSecurity" in as_user("create", "-f", _file(tenant, pod))
    events = until(
        "word on the claim",
        lambda: tenant.items("events", "--field-selector", "involvedObject.name=theirs"),
        lambda found: any("already bound to a different claim" in one["message"] for one in found),
        _LIMIT_S,
    )
    assert events
    assert tenant.get("pvc", "theirs")["status"]["phase"] == "Pending"
    bound = tenant.platform.kubectl.get("pv", volume)["spec"]["claimRef"]
    assert bound["namespace"] == neighbour.name


# Objects.


def _connection(name: str, address: tuple[str, int]) -> Object:
    """Return a connection whose endpoint is an address that somebody wants to be asked."""
    host, port = address
    endpoint = {"rest": f"http://{host}:{port}/latest", "stream": f"ws://{host}:{port}/latest"}
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "BrokerConnection",
        "metadata": {"name": name},
        "spec": {"type": "Simulated", "endpoint": endpoint},
    }


def _restarts(platform: Platform) -> list[tuple[str, int]]:
    """Return the operator's containers, and how often each was started again."""
    statuses = [(pod["metadata"]["name"], one) for pod in platform.pods() for one in pod["status"]["containerStatuses"]]
    return sorted((name, one["restartCount"]) for name, one in statuses)


def test_an_address_in_an_object_is_asked_by_a_pod_of_the_tenant_or_by_nobody(tenant: Tenant, free: Tenant) -> None:
    """A connection is probed from its own namespace, under its network policies; the operator itself asks nothing."""
    platform = tenant.platform
    with listening(platform.cluster.settings.instance, [METADATA, KEYS]) as (metadata, keys):
        free.apply(_connection("theirs", METADATA))
        tenant.apply(_connection("theirs", KEYS))
        for where in (free, tenant):
            where.await_said("brokerconnection", "theirs", "EndpointUnreachable", "NotTheApiExpected")
        probes = free.items("pods", "-l", "tradeplane.dev/role=broker-probe")
        assert set(metadata.callers) == {pod["status"]["podIP"] for pod in probes}
        assert keys.callers == []


def test_hostile_objects_leave_the_operator_as_it_was(tenant: Tenant, neighbour: Tenant) -> None:
    """They are all answered; nobody is asked, no container is started again, and no fault is logged."""
    platform = tenant.platform
    began, before = datetime.now(UTC), _restarts(platform)
    neighbour.kubectl("create", "quota", "none", "--hard=count/jobs.batch=0,count/statefulsets.apps=0")
    host = "{}:{}".format(*KEYS)
    bases = ("macd-momentum", "broker-binance", "capture", "replay", "snapshot-sp500")
    asked = {f"http://{host}/latest", f"{host}/team/image@sha256:{'a' * 64}", "/etc/passwd", "..", "169.254.169.254"}
    asked.add(f"{SYSTEM}/tradeplane-signing-key")
    bodies = [one.body for one in hostile_objects(host, Path("/etc/passwd"), bases) if one.value in asked]
    path = _file(neighbour, {"apiVersion": "v1", "kind": "List", "items": bodies})
    with listening(platform.cluster.settings.instance, [METADATA, KEYS]) as listeners:
        with pytest.raises(DemoError, match="is invalid"):  # most of them; those that pass the schema are made
            neighbour.kubectl("create", "--validate=false", "-f", path)

        def unanswered() -> list[str]:
            found = [one for kind in _KINDS for one in neighbour.items(kind)]
            assert len({one["kind"] for one in found}) == len(_KINDS)
            return [one["metadata"]["name"] for one in found if not seen(one)]

        until("every object to be answered", unanswered, lambda names: names == [], _LIMIT_S)
        assert [listener.callers for listener in listeners] == [[], []]
    assert _restarts(platform) == before
    since = f"--since-time={began.isoformat(timespec='seconds')}"
    logs = [platform.kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"], since) for pod in platform.pods()]
    faults = [line for log in logs for line in log.splitlines() if '"trace"' in line or '"level":"ERROR"' in line]
    assert not [line for line in faults if neighbour.name in line or not _NAMESPACE.search(line)]
    for one in (*neighbour.items("jobs"), *neighbour.items("statefulsets.apps")):
        pytest.fail(f"{one['kind']} {one['metadata']['name']} was made")


# The user.


def test_a_user_writes_no_status_and_nothing_of_the_operators(
    tenant: Tenant, neighbour: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    forged = json.dumps({"status": {"latest": {**first["status"]["latest"], "totalReturn": "9.99"}}})
    patch = ("--type=merge", "-p")
    pod = restricted_pod("theirs", tenant.platform.images().workloads, {}, *PYTHON, "pass")
    held = json.dumps({"spec": {"holderIdentity": USER}})
    listed = json.dumps({"data": {"sha256-" + "0" * 64: "mine"}})
    hostile: list[tuple[str | Path, ...]] = [
        ("patch", "strategy", "first", "--subresource=status", *patch, forged),
        ("replace", "--subresource=status", "-f", _file(tenant, {**first, **json.loads(forged)})),
        ("get", "secrets", "-n", SYSTEM),
        ("get", "secret", "tradeplane-signing-key", "-n", SYSTEM),
        ("patch", "configmap", "tradeplane-verified-images", "-n", SYSTEM, *patch, listed),
        ("patch", "lease", OPERATOR, "-n", SYSTEM, *patch, held),
        ("delete", "lease", OPERATOR, "-n", SYSTEM),
        ("delete", "networkpolicy", OPERATOR, "-n", SYSTEM),
        ("create", "token", OPERATOR, "-n", SYSTEM),
        ("create", "-n", SYSTEM, "-f", _file(tenant, pod)),
        ("get", "pods", "-n", SYSTEM),
        ("exec", "-n", SYSTEM, f"deployment/{OPERATOR}", "--", "true"),
        ("create", "-n", neighbour.name, "-f", _file(tenant, pod)),
        ("get", "strategies", "-n", neighbour.name),
        ("get", "secrets", "-n", neighbour.name),
        ("label", "namespace", tenant.name, "tradeplane.dev/runs=free"),
        ("delete", "crd", "strategies.tradeplane.dev"),
    ]
    answers = {one: as_user(*one) for one in hostile}
    assert {one: told for one, told in answers.items() if "forbidden" not in told.lower()} == {}
    for kind in _KINDS:
        assert as_user("auth", "can-i", "patch", kind, "--subresource=status") != ""
        assert as_user("auth", "can-i", "patch", kind, "--subresource=status", user="") == ""
    for control in (
        ("patch", "strategies", "first", "--subresource=status", *patch, '{"status":{"observedRerun":7}}'),
        ("delete", "lease", OPERATOR, "-n", SYSTEM),
        ("delete", "networkpolicy", OPERATOR, "-n", SYSTEM),
        ("create", "-n", neighbour.name, "-f", _file(tenant, pod)),
    ):
        assert as_user(*control, "--dry-run=server", user="") == "", "who may make the request can make it"
    assert tenant.get("strategy", "first")["status"]["latest"] == first["status"]["latest"]


def test_a_status_that_comes_with_an_object_is_not_kept(
    tenant: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    born = {**strategy("born-attested", suspend=True), "status": first["status"]}
    assert as_user("create", "-f", _file(tenant, born)) == ""
    found = tenant.await_said("strategy", "born-attested", "Suspended")
    assert runs(found) == []
    assert as_user("label", "strategy", "first", "seen=1") == ""
    posing = {**first, "metadata": {"name": "first", "namespace": tenant.name}, "status": found["status"]}
    assert as_user("replace", "-f", _file(tenant, posing)) == ""
    assert tenant.get("strategy", "first")["status"]["latest"] == first["status"]["latest"]


def _suspended(tenant: Tenant, name: str) -> tuple[Object, str]:
    """Make a Strategy that is suspended; return it and what its run will be called, which anybody can compute."""
    tenant.apply(strategy(name, suspend=True))
    found = tenant.await_said("strategy", name, "Suspended")
    uid = found["metadata"]["uid"]
    return found, run_name(name, uid, found["metadata"]["generation"] + 1, Trigger.GENERATION, "", Architecture.ANY)


def test_a_job_by_the_name_of_the_next_run_is_not_taken_for_it(tenant: Tenant, as_user: Callable[..., str]) -> None:
    """What becomes of the run once that Job is deleted is shown without nodes, where nobody waits for it."""
    found, run = _suspended(tenant, "taken")
    pod = restricted_pod("x", tenant.platform.images().workloads, {}, *PYTHON, "pass")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": run, "labels": {STRATEGY_UID_LABEL: found["metadata"]["uid"]}},
        "spec": {"template": {"spec": pod["spec"]}},
    }
    assert as_user("create", "-f", _file(tenant, job)) == ""
    tenant.patch("strategy", "taken", {"suspend": False})
    tenant.await_said("strategy", "taken", "JobRefused", words="does something else than was asked for")
    theirs = until(
        "the end of their Job",
        lambda: tenant.get("job", run)["status"],
        lambda one: bool(one.get("succeeded")),
        _LIMIT_S,
    )
    assert theirs["succeeded"] == 1
    (latest,) = runs(tenant.await_said("strategy", "taken", "JobRefused"))
    assert (latest["name"], latest["outcome"]) == (run, "Running")
    assert not {"resultDigest", "attestation"} & latest.keys()
    tenant.kubectl("delete", "strategy/taken", f"job/{run}")


def _forged(tenant: Tenant, first: Object, run: str, **simulation: Any) -> str:
    """Return a manifest of results that are better than they were, of a run and perhaps of another question."""
    path = tenant.directory / "results" / first["status"]["latest"]["name"] / "manifest.json"
    real = ResultsManifest.model_validate_json(path.read_bytes())
    asked = real.specification.simulation.model_copy(update=simulation)
    specification = real.specification.model_copy(update={"run": run, "simulation": asked})
    summary = real.summary.model_copy(update={"total_return": "9.99"})
    forged = real.model_copy(
        update={
            "specification": specification,
            "run_digest": run_digest(specification),
            "summary": summary,
            "result_digest": result_digest(real.parts, summary),
        }
    )
    return canonical_json(forged).decode()


def test_results_that_were_written_before_they_existed_are_neither_taken_nor_attested(
    tenant: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    """A pod of the namespace has the store of its runs, and writes there what the next ones are to have come to."""
    same, other = _suspended(tenant, "same-question")[1], _suspended(tenant, "another-question")[1]
    forged = {same: _forged(tenant, first, same), other: _forged(tenant, first, other, capital="2")}
    pod = restricted_pod("forger", tenant.platform.images().workloads, {}, *PYTHON, _WRITE, json.dumps(forged))
    assert as_user("create", "-f", _file(tenant, _mounting(pod))) == ""
    seen = _ended(tenant, "forger")
    assert "results" in seen["stores"]
    assert not [one for one in seen["above"] if one.startswith("e2e-")], "no other tenant's folder is above it"
    for run, text in forged.items():
        left = (tenant.directory / "results" / run / "manifest.json").read_bytes()
        assert left.decode() == text
        assert check_results(left, run).state is ResultState.FOUND, "nothing else is wrong with it"
    for name in ("same-question", "another-question"):
        tenant.patch("strategy", name, {"suspend": False})
    for name in ("same-question", "another-question"):
        refused = tenant.await_said("strategy", name, "DataRefused", "ResultsRefused", "ResultsReplaced")
        (ended,) = runs(refused)
        assert ended["outcome"] == "Failed"
        assert "resultDigest" not in ended
        assert "attestation" not in ended


def test_results_that_were_replaced_before_they_were_read_are_neither_taken_nor_attested(
    tenant: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    """What the run's own pod left, its kubelet says; a pod beside it has replaced that with what passes for it."""
    _, run = _suspended(tenant, "replaced")
    forged = {run: _forged(tenant, first, run)}
    pod = restricted_pod("racer", tenant.platform.images().workloads, {}, *PYTHON, _REPLACE, json.dumps(forged))
    assert as_user("create", "-f", _file(tenant, _mounting(pod))) == ""
    _await_running(tenant, "racer")
    tenant.patch("strategy", "replaced", {"suspend": False})
    refused = tenant.await_said("strategy", "replaced", "ResultsReplaced", "Succeeded")
    assert said(refused)[1] == "ResultsReplaced"
    assert _ended(tenant, "racer") == {}
    latest = refused["status"]["latest"]
    facts = check_results((tenant.directory / "results" / run / "manifest.json").read_bytes(), run)
    assert (facts.state, facts.run_digest) == (ResultState.FOUND, latest["runDigest"]), "nothing else is wrong with it"
    assert (latest["outcome"], "attestation" in latest) == ("Failed", False)


def test_files_that_were_replaced_beside_the_manifest_are_not_attested(
    tenant: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    """The manifest stays as it was read; what is put in the place of a table is a table, and of figures better ones."""
    files = {"beside-table": "equity.arrow", "beside-summary": "summary.json"}
    for name, file in files.items():
        asked = (_suspended(tenant, name)[1], file)
        pod = restricted_pod(name, tenant.platform.images().workloads, {}, *PYTHON, _REPLACE_BESIDE, *asked)
        assert as_user("create", "-f", _file(tenant, _mounting(pod))) == ""
    for name in files:
        _await_running(tenant, name)
    for name in files:
        tenant.patch("strategy", name, {"suspend": False})
    for name in files:
        refused = until(
            f"a refusal to attest {name}",
            partial(tenant.get, "strategy", name),
            lambda found: _attested(found).get("reason") == "ResultsChanged",
            _LIMIT_S,
        )
        assert _ended(tenant, name) == {}
        assert _attested(refused)["status"] == "False"
        latest = refused["status"]["latest"]
        assert (latest["outcome"], "attestation" in latest) == ("Succeeded", False)
        assert latest["resultDigest"] == first["status"]["latest"]["resultDigest"], "what it came to is as it was read"


def _attested(strategy: Object) -> Object:
    """Return the condition ``Attested`` of a Strategy, or nothing."""
    conditions = strategy.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == "Attested"), {})


def test_what_another_namespace_has_is_not_found(tenant: Tenant, neighbour: Tenant, first: Object) -> None:
    """A name is of one's own namespace, and a digest is looked up in one's own folder."""
    snapshot = tenant.get("snapshot", "sp500")
    replay = {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Replay",
        "metadata": {"name": "theirs"},
        "spec": {"strategyRef": {"name": "first"}, "run": first["status"]["latest"]["name"]},
    }
    copied = {**snapshot, "metadata": {"name": "by-digest"}, "spec": {"digest": snapshot["spec"]["digest"]}}
    copied.pop("status")
    neighbour.apply(replay, copied, strategy("by-name"), strategy("by-digest", "by-digest"))
    neighbour.await_said("replay", "theirs", "StrategyNotFound")
    neighbour.await_said("strategy", "by-name", "SnapshotNotFound")
    neighbour.await_said("strategy", "by-digest", "SnapshotNotReady")
    assert neighbour.items("jobs") == []


def test_in_a_guarded_namespace_no_pod_passes_for_a_run_and_runs_go_on(
    tenant: Tenant, first: Object, as_user: Callable[..., str]
) -> None:
    kubectl, image = tenant.platform.kubectl, tenant.platform.images().workloads
    forger = _file(tenant, _mounting(restricted_pod("guarded", image, {}, *PYTHON, "pass")))
    posing = _file(tenant, restricted_pod("posing", image, AS_A_PROBE, *PYTHON, "pass"))
    again = ("create", "--dry-run=server", "-f")
    assert as_user(*again, forger) == as_user(*again, posing) == "", "where it is not guarded"
    kubectl("apply", "--server-side", "-k", _POLICY)
    try:
        kubectl("label", "namespace", tenant.name, "tradeplane.dev/runs=guarded")
        until("the policy", lambda: as_user(*again, forger), lambda told: "operator alone" in told, _LIMIT_S)
        assert "tradeplane operator makes" in as_user(*again, posing)
        assert "administers the cluster" in as_user("delete", "networkpolicies", "--all")
        tenant.apply(strategy("guarded", architecture="arm64", resources=UNHURRIED))
        pod = tenant.await_running_pod("guarded")["metadata"]["name"]
        assert "administers the cluster" in as_user("exec", pod, "--", "true")
        image = '{"spec":{"containers":[{"name":"runner","image":"%s"}]}}' % ("registry.example/x@sha256:" + "0" * 64)
        assert "leave it as it is" in as_user("patch", "pod", pod, "-p", image)
        done = tenant.await_run("guarded")
        assert done["status"]["latest"]["resultDigest"] == first["status"]["latest"]["resultDigest"]
    finally:
        kubectl("label", "namespace", tenant.name, "tradeplane.dev/runs-")
        kubectl("delete", "-k", _POLICY)
