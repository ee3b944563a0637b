"""Deploys the platform on the default cluster as the demo does, without its example: ``python -m tests.e2e.deploy``."""

from __future__ import annotations

import os
import sys

from tradeplane_stacks.demo.clusters import Embedded
from tradeplane_stacks.demo.progress import Progress
from tradeplane_stacks.demo.scenario import INSTALLATION_STAGES, Demo
from tradeplane_stacks.local.settings import Settings

if __name__ == "__main__":
    cluster = Embedded(Settings.from_environment(os.environ), print)
    progress = Progress(sys.stderr, INSTALLATION_STAGES, terminal=False)
    Demo(cluster, progress, attested_images=False).install()
