"""What the command ``pulumi`` runs in this folder; ``tradeplane stack`` runs the same."""

import pulumi
from tradeplane_stacks.programs.platform import PLATFORM

pulumi.run(PLATFORM.run)
