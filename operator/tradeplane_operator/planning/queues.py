"""Work that waits in a queue of Kueue, and work that Kueue has sent to another cluster (MultiKueue).

The operator names the queue when it creates a Job, suspended, and leaves the rest to Kueue: until when it is suspended,
where its pods may run, and who runs it (``spec.managedBy``). What it knows of the queue is what the Job shows, since it
may not read Workloads. Of a Job that was sent elsewhere Kueue copies the status, and there is nothing else of it here:
no pod, no termination message, no Event. Its results are read from the store, as those of any other.
https://kueue.sigs.k8s.io/docs/concepts/multikueue/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from tradeplane_operator.planning.observed import ObservedJob

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""Of a Job: the LocalQueue in which it waits."""
JOB_CONTROLLER = "kubernetes.io/job-controller"
"""``spec.managedBy`` of a Job that Kubernetes itself runs; the same as none."""
MULTIKUEUE = "kueue.x-k8s.io/multikueue"
"""``spec.managedBy`` of a Job that Kueue sends to another cluster; set by Kueue alone, when the Job is created."""


def held_back(run: str, job: ObservedJob) -> Verdict:
    """Return what is said of a run whose Job is suspended: it waits for quota, or somebody has suspended the Job."""
    if not job.queue:
        message = f"run {run}: its Job is suspended, and no queue resumes it; whoever suspended it has to"
        return Verdict(Standing.WORKING, "JobSuspended", message)
    message = (
        f"run {run} waits in queue {job.queue} until Kueue admits it, however long; what it waits for "
        f"`kubectl get workloads --namespace {job.namespace}` tells"
    )
    return Verdict(Standing.WORKING, "Queued", message)


def ended_unsaid(run: str) -> Verdict:
    """Return what is said of a run that ended elsewhere and whose Job here will never say so.

    Kueue copies no status to a Job that is still suspended, and takes away the other cluster's once that has ended: of
    a run that ends there before its Job here is let go, nothing is left but a Job that waits for ever (as of 0.15).
    https://github.com/kubernetes-sigs/kueue/issues/5613
    """
    message = (
        f"run {run} has ended in another cluster before Kueue could say so here, and how it ended is lost; "
        "its Job is made again"
    )
    return Verdict(Standing.WORKING, "EndNotSeen", message)


def going_on_elsewhere(run: str) -> Verdict:
    """Return what is said of a run whose pod is in another cluster."""
    return Verdict(Standing.WORKING, "Running", f"run {run} is running in another cluster")


def unattestable(run: str) -> str:
    """Return why a run that was sent elsewhere is not taken where runs are attested, as ``Reason: words``.

    Whoever may write into the folder of a namespace could leave results there. What makes them those of the run is
    that the kubelet tells of its pod which manifest it left, and that is told in the other cluster alone.
    """
    return (
        "AttestationNeedsPod: its queue sends runs to another cluster, and runs are attested only where their own pod "
        f"says which results it left, which is not seen from here: nothing of run {run} is taken; give "
        "spec.queueName a queue of this cluster"
    )


def failed_elsewhere(job: ObservedJob) -> str:
    """Return why a Job failed whose pods were in another cluster, as ``Reason: words``."""
    told = job.message or "the Job failed and left no reason"
    return (
        f"{job.reason or 'JobFailed'}: {told}; its pod was in another cluster; what it said is in its log in the store"
    )
