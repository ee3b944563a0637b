"""What the command ``pulumi`` runs in this folder; ``tradeplane stack`` runs the same."""

from tradeplane_stacks.programs.local import LOCAL

LOCAL.run()
