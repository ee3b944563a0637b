"""``tradeplane stack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT
from tradeplane_cli.options import Debug, Output
from tradeplane_cli.printing import OutputFormat, pairs, show

HELP = "What tradeplane runs on, in a cloud or on the cluster that is there, as stacks of Pulumi."

INIT_EPILOG = epilog("tradeplane stack init dev")
PREVIEW_EPILOG = epilog(
    "tradeplane stack preview prod",
    "tradeplane stack preview prod -C stacks/platform -o json",
    "tradeplane stack preview prod --policy-pack policies/cloud",
)
UP_EPILOG = epilog("tradeplane stack up dev", "tradeplane stack up prod --region eu-west-1 --region us-east-1")
DRIFT_EPILOG = epilog("tradeplane stack drift prod || tradeplane stack up prod --yes")
DESTROY_EPILOG = epilog("tradeplane stack destroy dev")
OUTPUTS_EPILOG = epilog("tradeplane stack outputs prod -o json | jq .outputs.signing_key.signer")
ESTIMATE_EPILOG = epilog("tradeplane stack estimate prod", "tradeplane stack estimate prod -o json | jq .total")
CANCEL_EPILOG = epilog("tradeplane stack cancel prod")
FAILOVER_EPILOG = epilog(
    "tradeplane stack failover prod --to us-east-1",
    "tradeplane stack failover prod --to us-east-1 --yes",
    "tradeplane stack failover prod --to us-east-1 --source-lost --yes",
)

Name = Annotated[
    str, typer.Argument(metavar="STACK", help="The stack, such as dev, prod or prod.eu-west-1.", show_default=False)
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--cwd",
        "-C",
        metavar="FOLDER",
        help="Folder with Pulumi.yaml and Pulumi.STACK.yaml. [default: this one, or that of stacks/local and "
        "stacks/platform which has Pulumi.STACK.yaml]",
        show_default=False,
    ),
]
PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack",
        metavar="FOLDER",
        help="Folder of a policy pack that the stack must keep to, such as policies/cloud; more than one may be given.",
        show_default=False,
    ),
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        "-r",
        metavar="REGION",
        help="Take networks and clusters of these regions too, in order; -C is then the folder of all programs.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)]


def init(
    stack: Name,
    region: Regions = None,
    cwd: Folder = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Make a stack with nothing in it, by its Pulumi.STACK.yaml."""
    from tradeplane_cli import stacks

    stacks.init(stacks.Target(cwd, stack, tuple(region or ())))
    show({"stack": stack, "operation": "init"}, output, lambda: f"stack {stack} is made; bring it up")


def preview(
    stack: Name,
    region: Regions = None,
    cwd: Folder = None,
    policy_pack: PolicyPacks = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Say what up would change; nothing is changed.

    Refused where a mandatory rule of a policy pack would be broken.
    """
    from tradeplane_cli import stacks

    found = stacks.preview(stacks.Target(cwd, stack, tuple(region or ()), tuple(policy_pack or ())))
    show(found.as_json(), output, found.as_text)


def up(
    stack: Name,
    region: Regions = None,
    yes: Yes = False,
    cwd: Folder = None,
    policy_pack: PolicyPacks = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Make what the stack's configuration says, and put right what somebody changed by hand.

    What it would change is shown first, and asked about. What was made before a failure is recorded, so that the same
    again goes on from there.
    """
    from tradeplane_cli import stacks

    target = stacks.Target(cwd, stack, tuple(region or ()), tuple(policy_pack or ()))
    found = stacks.up(target, yes=yes, show=lambda wanted: typer.echo(wanted.as_text(), err=True))
    show(found.as_json(), output, found.as_text)


def drift(
    stack: Name,
    region: Regions = None,
    cwd: Folder = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Say what is otherwise in the cloud than it was made; nothing is changed.

    Ends with exit code 10 when something is.
    """
    from tradeplane_cli import stacks

    found = stacks.drift(stacks.Target(cwd, stack, tuple(region or ())))
    show(found.as_json(), output, found.as_text)
    if found.changes:
        raise typer.Exit(DIFFERENT)


def destroy(
    stack: Name,
    region: Regions = None,
    yes: Yes = False,
    cwd: Folder = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Remove all that a stack has made.

    Refused, before anything is removed, where something in it is protected.
    """
    from tradeplane_cli import stacks

    target = stacks.Target(cwd, stack, tuple(region or ()))
    found = stacks.destroy(target, yes=yes, show=lambda wanted: typer.echo(wanted.as_text(), err=True))
    show(found.as_json(), output, found.as_text)


def outputs(stack: Name, cwd: Folder = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """Show what a stack gives to others. Secrets are not shown."""
    import json

    from tradeplane_cli import stacks

    found = stacks.outputs(cwd, stack)
    rows = [(one.name, "[secret]" if one.secret else json.dumps(one.value, ensure_ascii=False)) for one in found]
    plain = {one.name: one.value for one in found}
    secret = [one.name for one in found if one.secret]
    show({"stack": stack, "outputs": plain, "secret": secret}, output, lambda: pairs(rows))


def cancel(
    stack: Name, yes: Yes = False, cwd: Folder = None, output: Output = OutputFormat.TABLE, debug: Debug = False
) -> None:
    """Remove the lock of an update that was killed. One that still runs would be disturbed by it.

    What was begun and not recorded is named: look whether it is there before the next up makes it, as something
    without a name of its own (a key) would be there twice.
    """
    from tradeplane_cli import stacks

    pending = stacks.cancel(cwd, stack, yes=yes)
    lines = [f"stack {stack} is locked no more", *(f"begun, and perhaps done: {one}" for one in pending)]
    show({"stack": stack, "operation": "cancel", "pending": list(pending)}, output, lambda: "\n".join(lines))


def estimate(stack: Name, cwd: Folder = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """Say what a stack costs in a month by a dated table of prices, and what that leaves out.

    By its configuration alone: neither AWS nor Pulumi's state is asked. Without --cwd, of all programs below stacks/.
    """
    from tradeplane_cli import stack_estimates

    found = stack_estimates.estimate(cwd, stack)
    show(found.as_json(), output, found.as_text)


def failover(
    stack: Name,
    to: Annotated[str, typer.Option("--to", metavar="REGION", help="The region that is to be active.")],
    source_lost: Annotated[
        bool,
        typer.Option("--source-lost", help="Give up what the active region has not copied.", show_default=False),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; else it is only shown.", show_default=False)] = False,
    cwd: Folder = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Move the service of a stack to another of its regions; without --yes, say whether that can be.

    Refused where the region lacks a part of the service, or where what the active one wrote is not copied yet. Neither
    Pulumi nor its state is asked: the configuration and AWS are.
    """
    from tradeplane_cli import failover as moving

    found = moving.failover(cwd, stack, to, source_lost=source_lost, yes=yes)
    show(found.as_json(), output, found.as_text)
    if found.refused:
        raise typer.Exit(ExitCode.REFUSED)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    for command, examples in (
        (init, INIT_EPILOG),
        (preview, PREVIEW_EPILOG),
        (up, UP_EPILOG),
        (drift, DRIFT_EPILOG),
        (destroy, DESTROY_EPILOG),
        (outputs, OUTPUTS_EPILOG),
        (estimate, ESTIMATE_EPILOG),
        (cancel, CANCEL_EPILOG),
        (failover, FAILOVER_EPILOG),
    ):
        application.command(command.__name__, epilog=examples, no_args_is_help=True)(command)
