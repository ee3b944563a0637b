"""The command as it is called: its tree of commands, and how it ends.

Nothing heavy is imported here or by the modules of ``commands``: Arrow, NumPy and Plotly are loaded by the command that
needs them, so that help and completion answer at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands import (
    approval,
    artifact_bundle,
    capture,
    catalogue,
    completion,
    config,
    evidence,
    evidence_export,
    exchange,
    ledger,
    release,
    replay,
    results,
    run,
    snapshot,
    stack,
    version,
)
from tradeplane_cli.commands.examples import KEEP_LINES, exit_codes
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.session import PROGRAM, Session, asks_for_json, program_name

if TYPE_CHECKING:
    from collections.abc import Callable

ABOUT = """Run trading strategies to results that can be replayed to the same bits, with a cluster or without one.

With a cluster, `kubectl apply` the same YAML and the operator does the rest."""


def application(program: str = PROGRAM) -> typer.Typer:
    """Return the tree of commands.

    Completion is installed for ``tradeplane`` alone; kubectl has its own for its plugins (``commands.completion``).
    """
    settings: dict[str, Any] = {
        "no_args_is_help": True,
        "rich_markup_mode": None,
        "pretty_exceptions_enable": False,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    }
    tree = typer.Typer(help=ABOUT, epilog=_epilog(), add_completion=program == PROGRAM, **settings)
    tree.command("run", epilog=run.EPILOG, no_args_is_help=True)(run.run)
    tree.command("replay", epilog=replay.EPILOG, no_args_is_help=True)(replay.replay)
    evidence.add_to(tree)
    approval.add_to(tree)
    artifact_bundle.add_to(tree)
    groups = (
        ("snapshot", (snapshot, capture, catalogue)),
        ("results", (results,)),
        ("evidence", (evidence_export,)),
        ("release", (release,)),
        ("exchange", (exchange,)),
        ("ledger", (ledger,)),
        ("config", (config,)),
        ("stack", (stack,)),
    )
    for name, modules in groups:
        group = typer.Typer(help=modules[0].HELP, add_completion=False, **settings)
        for module in modules:
            module.add_to(group)
        tree.add_typer(group, name=name)
    tree.command("completion", epilog=completion.EPILOG)(completion.completion)
    tree.command("version", epilog=version.EPILOG)(version.version)
    return tree


def main() -> None:
    """Entry point of ``tradeplane`` and ``kubectl-tradeplane``; ends the process with an exit code of docs/cli.md."""
    session = Session(program=program_name(sys.argv[0]), json_failures=asks_for_json(sys.argv[1:]))
    try:
        _call(application(session.program), session)
    except Exception as error:
        # The one place where any failure ends: an unforeseen one must still be told, and give an exit code.
        from tradeplane_cli.translation import failure_of

        failure = failure_of(error)
        _tell(failure, session)
        sys.exit(int(failure.code))


def _call(tree: Callable[..., object], session: Session) -> None:
    """Do what the arguments say, and end the process. Raises what a command raises.

    Where JSON is asked for, arguments that cannot be read are a failure as others are; typer tells them as text.
    """
    called: dict[str, Any] = {"prog_name": session.program, "obj": session}
    if not session.json_failures:
        tree(**called)
    try:
        ended: Any = tree(**called, standalone_mode=False)
    except typer.TyperException as error:
        remedy = f"{session.program} COMMAND --help shows what a command takes"
        raise CommandFailure(error.format_message(), remedy=remedy) from error
    except typer.Abort:
        typer.echo("Aborted!", err=True)
        ended = int(ExitCode.INTERNAL)
    sys.exit(ended)


def _tell(failure: CommandFailure, session: Session) -> None:
    if session.debug:
        traceback.print_exc(file=sys.stderr)
    text = json.dumps(failure.as_json(), ensure_ascii=False) if session.json_failures else failure.as_text()
    sys.stderr.write(text + "\n")


def _epilog() -> str:
    first = [
        KEEP_LINES,
        "First steps:",
        "  tradeplane snapshot import arch:sp500 -o yaml > snapshot.yaml",
        "  tradeplane run -f strategy.yaml -f snapshot.yaml",
        "  tradeplane results report RUN",
    ]
    return "\n".join(first) + "\n\n" + exit_codes()
