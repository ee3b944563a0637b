"""tradeplane on one cluster that is there already: the embedded one, or whichever KUBECONFIG names."""

from tradeplane_stacks.components.platform import Platform
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.programs.part import Part
from tradeplane_stacks.programs.program import Program

LOCAL = Program(
    "tradeplane-local",
    (Part("platform", Platform, PlatformConfig),),
)
