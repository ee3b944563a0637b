"""Queues of Kueue on a platform's cluster: what runs of all namespaces may hold at once, together.

Names are the same in every cluster: a run that goes elsewhere waits there in the queue that it named here
(docs/multi-cluster.md).
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tradeplane_stacks.components.cluster_access import KubernetesName
from tradeplane_stacks.components.configuration import Configuration


class Queues(Configuration):
    """The ClusterQueue ``tradeplane-runs``, to which the queues ``runs`` of namespaces lead."""

    cpu: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}$")] = "32"
    memory: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$")] = "64Gi"
    # Clusters that runs go to from here, by MultiKueue; each has a Secret of its name in kueue-system.
    workers: Annotated[tuple[KubernetesName, ...], Field(max_length=20)] = ()
    # Whether runs come here from another cluster.
    worker: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.worker and self.workers:
            raise ValueError("worker and workers: a cluster that runs are sent to sends none on; leave out one of them")
        if twice := sorted({name for name in self.workers if self.workers.count(name) > 1}):
            raise ValueError(f"workers: {', '.join(twice)} more than once")
        return self
