"""The command line: ``python -m tradeplane_stacks.local``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING

from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.errors import EmbeddedClusterError
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_stacks.local.supervisor import ComponentStatus

_DESCRIPTION = """\
The embedded cluster: a real Kubernetes on this machine, in namespaces of its own,
with an amd64 node, an emulated arm64 node, an OCI registry and cluster DNS.
"""
_EPILOG = """\
environment:
  TRADEPLANE_STATE           where the cluster keeps everything (/var/lib/tradeplane)
  TRADEPLANE_CACHE           where built programs are kept (~/.cache/tradeplane)
  ARM64=0                    leave the emulated arm64 node out
  TRADEPLANE_AUDIT=1         write an audit log (logs/audit.log below the state)
  TRADEPLANE_POSTGRES=0      leave out the Postgres of the audit ledger
  TRADEPLANE_AUDIT_POLICY    file of an audit policy, in place of that of the log
  TRADEPLANE_AUDIT_WEBHOOK   kubeconfig of who is told audit events, by that policy
  TRADEPLANE_INSTANCE        name of the network namespace and cgroup (tradeplane)
  TRADEPLANE_NODE_SUBNET     addresses of machine, control plane and nodes (10.88.0.0/24)
  TRADEPLANE_POD_SUBNET      addresses of pods (10.89.0.0/16)
  TRADEPLANE_SERVICE_SUBNET  addresses of Services (10.96.0.0/16)
  TRADEPLANE_CLIENT_QPS      requests a second of controller-manager and scheduler (100)

exit codes:
  0  done; for `status`: every component is healthy
  1  not done, or not healthy; the message says what and what to do
  2  the command line makes no sense

examples:
  python -m tradeplane_stacks.local up
  eval "$(python -m tradeplane_stacks.local env)" && kubectl get nodes
  python -m tradeplane_stacks.local logs kubelet-arm64
  python -m tradeplane_stacks.local down --purge
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        cluster = EmbeddedCluster(Settings.from_environment(os.environ))
        return int(options.run(cluster, options))
    except EmbeddedClusterError as error:
        sys.stderr.write(f"{error}\n")
    except PermissionError as error:
        sys.stderr.write(f"{error}: the embedded cluster belongs to root; run this as root.\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tradeplane_stacks.local",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[EmbeddedCluster, argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.set_defaults(run=run)
        return command

    add("build", _build, "build every program of the cluster that is not built yet")
    add("up", _up, "bring the cluster up, or mend what is not")
    down = add("down", _down, "stop the cluster; its data stays")
    down.add_argument(
        "--purge", action="store_true", help="remove data, volumes, images, certificates and logs as well"
    )
    add("status", _status, "print every component with its health, process and uptime")
    logs = add("logs", _logs, "print the end of a component's log")
    logs.add_argument("component", help="name as `status` prints it")
    logs.add_argument("--lines", type=_positive, default=200, help="how many lines (default: %(default)s)")
    add("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")
    add("env", _env, "print shell lines that set KUBECONFIG, PATH and TRADEPLANE_REGISTRY")
    store = add("store", _store, "make the file store of a namespace and the claim that mounts it")
    store.add_argument("namespace", help="namespace, which must exist")
    store.add_argument("--operator", action="store_true", help="mount the stores of all namespaces instead of its own")
    return parser


def _build(cluster: EmbeddedCluster, _: argparse.Namespace) -> int:
    cluster.build()
    return 0


def _up(cluster: EmbeddedCluster, _: argparse.Namespace) -> int:
    cluster.up()
    return 0


def _down(cluster: EmbeddedCluster, options: argparse.Namespace) -> int:
    cluster.down(purge=options.purge)
    return 0


def _status(cluster: EmbeddedCluster, _: argparse.Namespace) -> int:
    states = cluster.status()
    sys.stdout.write(render_status(states))
    return 0 if all(state.healthy for state in states) else 1


def _logs(cluster: EmbeddedCluster, options: argparse.Namespace) -> int:
    names = [component.name for component in cluster.components()]
    if options.component not in names:
        raise EmbeddedClusterError(f"There is no component {options.component!r}. There are: {', '.join(names)}.")
    sys.stdout.write(cluster.supervisor.log_end(options.component, options.lines) + "\n")
    return 0


def _kubeconfig(cluster: EmbeddedCluster, _: argparse.Namespace) -> int:
    sys.stdout.write(f"{cluster.kubeconfig}\n")
    return 0


def _env(cluster: EmbeddedCluster, _: argparse.Namespace) -> int:
    lines = {
        "KUBECONFIG": shlex.quote(str(cluster.kubeconfig)),
        "TRADEPLANE_REGISTRY": shlex.quote(cluster.registry),
        "PATH": f"{shlex.quote(str(cluster.kubectl.parent))}:$PATH",
    }
    sys.stdout.write("".join(f"export {name}={value}\n" for name, value in lines.items()))
    return 0


def _store(cluster: EmbeddedCluster, options: argparse.Namespace) -> int:
    directory = cluster.provide_store(options.namespace, of_all=options.operator)
    sys.stdout.write(f"{directory}\n")
    return 0


def render_status(states: Sequence[ComponentStatus]) -> str:
    """Render a table of components, one line each, columns aligned."""
    rows = [("COMPONENT", "HEALTH", "PID", "UPTIME", "DETAIL")]
    for state in states:
        detail = "" if state.healthy else state.detail
        pid = "-" if state.pid is None else str(state.pid)
        rows.append((state.name, "ok" if state.healthy else "FAILED", pid, render_uptime(state.uptime_seconds), detail))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def render_uptime(seconds: float | None) -> str:
    """Render a duration as kubectl does: the two largest units."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("give a number of at least 1")
    return value
