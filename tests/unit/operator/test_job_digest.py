"""A Job is known by what it has its pods do, as it is asked for and as the API server then has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.broker_connection import BrokerConnectionSpec
from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.probe_jobs import build_probe

from tests.unit.operator.simulation import SETTINGS, copied
from tests.unit.operator.test_strategy_plan import _plan, _resource

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
OTHER = "registry.example/other@sha256:" + "9" * 64


def _job() -> Json:
    (job,) = _plan(_resource()).create
    return copied(job)


def _pod(job: Json) -> Json:
    pod: Json = job["spec"]["template"]["spec"]
    return pod


def _container(job: Json) -> Json:
    container: Json = _pod(job)["containers"][0]
    return container


def _stored(job: Json) -> Json:
    """Return a Job as the API server has it: with what it adds, and quantities as it writes them."""
    stored = copied(job)
    stored["spec"] |= {"completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": False}
    pod, container = _pod(stored), _container(stored)
    pod |= {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "serviceAccount": "tradeplane-runner"}
    container |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
    container["resources"] = {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}}
    for variable in container["env"]:
        if "valueFrom" in variable:
            variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    return stored


def test_it_is_the_same_of_a_manifest_and_of_the_job_made_of_it() -> None:
    assert job_digest(_stored(_job())) == job_digest(_job())


def test_it_is_the_same_where_a_queue_has_chosen_the_nodes() -> None:
    queued = _stored(_job())
    queued["spec"]["suspend"] = True
    queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "nightly"
    _pod(queued)["nodeSelector"] = {"pool": "spot"}
    _pod(queued)["tolerations"] = [{"key": "spot", "operator": "Exists"}]
    assert job_digest(queued) == job_digest(_job())


@pytest.mark.parametrize(
    "change",
    [
        lambda job: _container(job).update(image=OTHER),
        lambda job: _container(job).update(command=["/bin/sh"]),
        lambda job: _container(job).update(args=["-c", "true"]),
        lambda job: _container(job).update(workingDir="/store"),
        lambda job: _container(job).update(lifecycle={"postStart": {"exec": {"command": ["true"]}}}),
        lambda job: _container(job).update(envFrom=[{"secretRef": {"name": "mine"}}]),
        lambda job: _container(job)["env"].append({"name": "PYTHONPATH", "value": "/store/mine"}),
        lambda job: _container(job)["env"][0].update(value="{}"),
        lambda job: _container(job)["volumeMounts"].append({"name": "store", "mountPath": "/app"}),
        lambda job: _container(job)["securityContext"].update(readOnlyRootFilesystem=False),
        lambda job: _pod(job)["containers"].append({"name": "beside", "image": OTHER}),
        lambda job: _pod(job).update(initContainers=[{"name": "before", "image": OTHER}]),
        lambda job: _pod(job)["volumes"].append({"name": "mine", "configMap": {"name": "mine"}}),
        lambda job: _pod(job)["volumes"][-1].update(persistentVolumeClaim={"claimName": "mine"}),
        lambda job: _pod(job).update(serviceAccountName="mine"),
        lambda job: _pod(job).update(hostNetwork=True),
        lambda job: _pod(job).update(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["store"]}]),
        lambda job: _pod(job).update(dnsPolicy="None"),
        lambda job: _pod(job).update(shareProcessNamespace=True),
    ],
)
def test_it_is_another_one_where_pods_would_do_something_else(change: Callable[[Json], None]) -> None:
    changed = _stored(_job())
    change(changed)
    assert job_digest(changed) != job_digest(_job())


def test_the_job_of_a_probe_is_known_again_too() -> None:
    """The API server writes the mode of a mounted Secret's files as it is asked for: this one is not the default."""
    spec = BrokerConnectionSpec.model_validate({"type": "Binance", "credentialsSecretRef": {"name": "keys"}})
    metadata = {"name": "b", "namespace": "research", "uid": "uid-2"}
    probe = build_probe(metadata, spec, "b-probe", SETTINGS)
    assert job_digest(_stored(copied(probe))) == job_digest(probe)


def test_something_that_is_hardly_a_job_has_one_too() -> None:
    assert job_digest({"metadata": {}, "spec": {}}) != job_digest(_job())
