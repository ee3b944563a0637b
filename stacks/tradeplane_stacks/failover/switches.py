"""The switches that names follow: said in the witness's region which region is active, as Route 53 takes for health."""

from dataclasses import dataclass

from tradeplane_stacks.components.failover import METRIC, METRIC_NAMESPACE, metric_dimensions
from tradeplane_stacks.failover.asking import Clients
from tradeplane_stacks.failover.service import Service


@dataclass(frozen=True)
class Switches:
    """The switches of all regions of a service."""

    service: Service
    clients: Clients

    def lead_to(self, active: str) -> None:
        """Say of one region that it is active, and of all others that they are not; the same again changes nothing.

        Raises:
            RegionUnreachable: when the witness's region does not answer.

        """
        config = self.service.failover
        data = [
            {
                "MetricName": METRIC,
                "Dimensions": [
                    {"Name": name, "Value": value}
                    for name, value in metric_dimensions(self.service.table, region).items()
                ],
                "Value": float(region == active),
            }
            for region in config.regions
        ]
        with self.clients.asking("cloudwatch", config.record.witness) as cloudwatch:
            cloudwatch.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data)
