"""Entry point of ``python -m tradeplane_stacks.local``."""

from tradeplane_stacks.local.command import main

raise SystemExit(main())
