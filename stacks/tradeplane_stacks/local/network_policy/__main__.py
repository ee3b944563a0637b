"""`python -m tradeplane_stacks.local.network_policy`: enforce NetworkPolicy in this network namespace."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from tradeplane_stacks.local.network_policy.api_server import ApiServerError
from tradeplane_stacks.local.network_policy.enforcer import Enforcer, EnforcerError, Options
from tradeplane_stacks.local.network_policy.model import ObjectError

_LOG = logging.getLogger(__name__)


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.local.network_policy",
        description="Enforce the NetworkPolicies of a cluster in this network namespace, with nftables. Runs until "
        "SIGTERM or SIGINT; the table stays loaded, so that a restart leaves no gap.",
        epilog="Exit codes: 0 stopped by a signal, 1 policies cannot be enforced (the last line says why), 2 usage.",
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        required=True,
        help="how to reach the API server (list and watch pods, namespaces, networkpolicies)",
    )
    parser.add_argument(
        "--status-file",
        type=Path,
        help="JSON written after each load and removed at start and stop: while it is there, policies are enforced",
    )
    parser.add_argument("--socket", type=Path, help="Unix socket for the CNI plugin and for health; see gate.py")
    parser.add_argument("--nft", default="nft", help="program to load rulesets with (default: %(default)s)")
    parser.add_argument(
        "--give-up-after",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="exit when the API server has not answered for so long (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    return Options(given.kubeconfig, given.status_file, given.socket, given.nft, given.give_up_after)


async def _run_until_signal(options: Options) -> None:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("to be run inside a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await Enforcer(options).run()
    except asyncio.CancelledError:
        _LOG.info("stopped by a signal; the table stays loaded")


def main(arguments: list[str] | None = None) -> int:
    """Run the enforcer; give the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    options = _options(sys.argv[1:] if arguments is None else arguments)
    code = 0
    try:
        asyncio.run(_run_until_signal(options))
    except* (ApiServerError, EnforcerError, ObjectError) as group:
        for error in group.exceptions:
            _LOG.error("%s", error)
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
