"""What a region's network is, and what other programs read of it."""

from tradeplane_stacks.components.region_network import RegionNetwork, RegionNetworkConfig
from tradeplane_stacks.programs.part import Part
from tradeplane_stacks.programs.program import Program
from tradeplane_stacks.programs.references import Reference, StackOutputs

NETWORK = Program(
    "tradeplane-network",
    (Part("network", RegionNetwork, RegionNetworkConfig),),
    regional=True,
)


class NetworkOutputs(StackOutputs):
    """Outputs of ``RegionNetwork`` that others are made by."""

    vpc_id: str
    subnet_ids: dict[str, str]
    """By zone."""

    @property
    def subnets(self) -> list[str]:
        """Its private subnets, always in the same order, which a mapping in Pulumi's state does not keep."""
        return [self.subnet_ids[zone] for zone in sorted(self.subnet_ids)]


NETWORK_OF_REGION = Reference(NETWORK.project, "network", NetworkOutputs)
