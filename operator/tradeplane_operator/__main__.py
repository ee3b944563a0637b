"""``python -m tradeplane_operator``: run the operator until a signal, or until it may not lead any more."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
from pathlib import Path

import uvloop

from tradeplane_operator.acting.access import NoCluster
from tradeplane_operator.logs import configure_logs
from tradeplane_operator.running.leadership import LeadershipLost
from tradeplane_operator.running.operation import CannotStart, Operation
from tradeplane_operator.settings import Settings, SettingsError, read_settings

SETTINGS_VARIABLE = "TRADEPLANE_SETTINGS"
DEFAULT_SETTINGS = Path("/etc/tradeplane/settings.yaml")
_GC_THRESHOLDS = (10_000, 20, 20)
"""Allocations before a collection: at the interpreter's 700, collecting took a fourteenth of the operator's time."""
EXIT_SETTINGS, EXIT_CANNOT_START, EXIT_LEADERSHIP = 2, 3, 4

log = logging.getLogger("tradeplane_operator")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tradeplane_operator",
        description="The operator of tradeplane. Reaches the cluster by its service account, or by KUBECONFIG.",
        epilog="Exit codes: 0 ended by a signal, 2 settings unusable, 3 cannot start, 4 leadership lost (start again).",
    )
    parser.add_argument(
        "--settings",
        type=Path,
        default=Path(os.environ.get(SETTINGS_VARIABLE, DEFAULT_SETTINGS)),
        help=f"settings in YAML (environment: {SETTINGS_VARIABLE}; default: {DEFAULT_SETTINGS})",
    )
    parser.add_argument("--check", action="store_true", help="check the settings and end")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the operator; return the process's exit code."""
    arguments = _arguments(words)
    try:
        settings = read_settings(arguments.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - for whoever started it
        return EXIT_SETTINGS
    if arguments.check:
        return 0
    configure_logs(settings.log_level)
    return _run(settings)


def _run(settings: Settings) -> int:
    gc.freeze()  # what was imported lives as long as the process
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Operation(settings).run())
    except LeadershipLost as error:
        log.error("ends, so that another replica goes on: %s", error)  # noqa: TRY400 - no trace
        return EXIT_LEADERSHIP
    except (CannotStart, NoCluster) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - no trace
        return EXIT_CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
