"""What the command ``pulumi`` runs in this folder; ``tradeplane stack`` runs the same."""

import pulumi
from tradeplane_stacks.programs.local import LOCAL

pulumi.run(LOCAL.run)
