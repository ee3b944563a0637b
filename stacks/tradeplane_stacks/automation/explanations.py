"""What an error of Pulumi or of a cloud means, and what to do: decided from its words, as there is nothing else.

The command ``pulumi`` ends with one exit code for whatever went wrong, so that only its text tells the cases apart.
Where none of these is met the text is told as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from re import Match

from tradeplane_stacks.automation.changes import Violation, Watched
from tradeplane_stacks.automation.errors import (
    StackAwaited,
    StackError,
    StackExists,
    StackInvalid,
    StackLocked,
    StackMissing,
    StackRefused,
    StackUnavailable,
)
from tradeplane_stacks.programs.projects import bring_up

_MOST_CHARACTERS = 4000
"""Of an error's text that is shown: a stack of many resources can fail in each of them."""


@dataclass(frozen=True)
class _Of:
    """The stack that an error is of, by its name, and as commands name it from where a person is."""

    stack: str
    typed: str


@dataclass(frozen=True)
class _Explanation:
    """Words of an error, and the error that they are."""

    words: re.Pattern[str]
    error: Callable[[_Of, Match[str]], StackError]


def explained(stack: str, text: str, typed: str | None = None) -> StackError:
    """Return the error that a text is, of whichever stack; ``typed`` is how commands name it, where not by its name."""
    of = _Of(stack, typed or stack)
    for explanation in _EXPLANATIONS:
        if found := explanation.words.search(text):
            return explanation.error(of, found)
    shown = text.strip()
    if len(shown) > _MOST_CHARACTERS:
        shown = f"{shown[:_MOST_CHARACTERS]} ..."
    return StackUnavailable(
        f"stack {stack}: {shown or 'pulumi ended with an error and said nothing'}",
        "what was made is recorded; when the cause is gone, run `up` again",
    )


def broken_rules(stack: str, broken: Sequence[Violation]) -> StackError:
    """Return the error that mandatory rules of policy packs are broken, each with its own words."""
    lines = (
        f"{violation.resource or 'the stack'} breaks {violation.rule} of {violation.pack}: {violation.message}"
        for violation in sorted(broken)
    )
    return StackRefused(
        f"stack {stack} breaks {len(broken)} of the rules it is held against:\n" + "\n".join(lines),
        "change what breaks them, in the stack's configuration or in its program",
    )


def put_off(watched: Watched) -> tuple[str, ...]:
    """Return what to say of checks of rules that were not made yet."""
    if not watched.put_off:
        return ()
    return (f"{watched.put_off} checks of policies are made by `up`, before what they are of: it is not known yet",)


def output_of(result: str) -> str:
    """Return what ``pulumi`` wrote to standard error, from the text of an error of the Automation API."""
    _, _, errors = result.partition("\n stderr: ")
    return errors.strip() or result.strip()


def _missing_plugin(_: _Of, found: Match[str]) -> StackError:
    name, version = found["name"], found["version"] or ""
    asked = f" {version}" if version else ""
    remedy = f"install it: pulumi plugin install resource {name}{asked}"
    if name == "kubernetes":
        remedy += ", or build it, with Go: python -m tradeplane_stacks.automation"
    return StackInvalid(f"the plugin pulumi-resource-{name}{asked} is missing", remedy)


def _locked(of: _Of, found: Match[str]) -> StackError:
    holders = re.findall(r"created by (\S+) \(pid (\d+)\) at (\S+)", found.string)
    who = ", ".join(f"{user} (process {pid}, since {since})" for user, pid, since in holders) or "another update"
    return StackLocked(
        f"stack {of.stack} is locked by {who}",
        f"wait for it; if it was killed, remove its lock: tradeplane stack cancel {of.typed}",
        tuple(int(pid) for _, pid, _ in holders),
    )


def _awaited(of: _Of, found: Match[str]) -> StackError:
    project, name = found["project"], found["name"]
    return StackAwaited(
        f"stack {of.stack}: there is no stack {name} of {project}, which it reads", bring_up(project, name)
    )


def _protected(of: _Of, found: Match[str]) -> StackError:
    return StackRefused(
        f"stack {of.stack}: {found['urn'].rpartition('::')[2]} is protected and would be removed",
        f"if it may go: pulumi state unprotect '{found['urn']}' --stack {of.typed}",
    )


def _says(
    error: Callable[[str, str], StackError], message: str, remedy: str
) -> Callable[[_Of, Match[str]], StackError]:
    """Return what makes an error that says the same of every stack but for its name: ``{stack}``, and ``{typed}``."""
    return lambda of, _: error(message.format(stack=of.stack), remedy.format(typed=of.typed))


def _table(*rows: tuple[str, Callable[[_Of, Match[str]], StackError]]) -> Sequence[_Explanation]:
    return tuple(_Explanation(re.compile(words), error) for words, error in rows)


# The first that is met is it: what was never begun comes before what failed in the course of it.
_EXPLANATIONS = _table(
    (
        r"no stack named .* found",
        _says(StackMissing, "there is no stack {stack}", "make it: tradeplane stack init {typed}"),
    ),
    (r"unknown stack \\?\"(?:[^/\"\\]+/)?(?P<project>[^/\"\\]+)/(?P<name>[^/\"\\]+)", _awaited),
    (
        r"stack .* already exists",
        _says(StackExists, "there is a stack {stack} already", "bring it up: tradeplane stack up {typed}"),
    ),
    (r"the stack is currently locked by|Another update is currently in progress", _locked),
    (
        r"failed to load checkpoint:.*(?:EOF|end of JSON)",
        _says(
            StackUnavailable,
            "stack {stack}: its state is cut short, as by an update that was killed while it wrote it",
            "where it is in files, the one of before is beside it, in .pulumi/stacks: put STACK.json.bak in the place "
            "of STACK.json, then tradeplane stack cancel {typed}, and `up`",
        ),
    ),
    (
        r"incorrect passphrase",
        _says(
            StackInvalid,
            "stack {stack}: the passphrase is not the one its secrets are encrypted by",
            "set PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds the right one",
        ),
    ),
    (
        r"PULUMI_CONFIG_PASSPHRASE",
        _says(
            StackInvalid,
            "stack {stack}: its secrets are encrypted by a passphrase, and none is given",
            "set PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it",
        ),
    ),
    (
        r"PULUMI_ACCESS_TOKEN must be set",
        _says(
            StackInvalid,
            "nothing says where the state of stacks is kept",
            "set PULUMI_BACKEND_URL, such as s3://BUCKET?region=REGION or file://FOLDER, or backend.url in Pulumi.yaml",
        ),
    ),
    (
        r"resource plugin '(?:pulumi-resource-)?(?P<name>[a-z0-9-]+)'(?:[^\n]*?at version (?P<version>v[0-9][^\s,]*))?",
        _missing_plugin,
    ),
    (
        r"resource \\?\"?(?P<urn>urn:pulumi:[^\s\"\\]+)\\?\"?\s+(?:cannot be deleted|as it is currently marked)",
        _protected,
    ),
    (
        r"BucketNotEmpty",
        _says(
            StackRefused,
            "stack {stack}: a bucket holds versions, and S3 removes none that does",
            "what is locked stays until its lock ends. To keep the bucket and have the stack forget it: pulumi state "
            "delete URN --stack {typed}; to have it go, remove its versions first, then destroy again. `up` puts back "
            "what was removed before",
        ),
    ),
    (
        r"(?i)deletion.?protection|cannot delete protected",
        _says(
            StackRefused,
            "stack {stack}: AWS protects something of it from deletion",
            "if it may go: `deletion_protection: false` of a cluster and `up`, of a database aws rds "
            "modify-db-instance --no-deletion-protection, or of a table, in each of its regions, aws dynamodb "
            "update-table --no-deletion-protection-enabled, then destroy again. `up` puts back what was removed before",
        ),
    ),
    (
        r"getting credentials: exec: ",
        _says(
            StackUnavailable,
            "stack {stack}: there are no credentials for a cluster: the program that its kubeconfig names gave none",
            "of EKS that is `aws eks get-token`: have the AWS CLI on PATH, log in as a role that `access` of the "
            "cluster names, then run the same again: what was made before is recorded",
        ),
    ),
    (
        r"(?i)kubernetes (?:cluster|API server)[^\n]{0,200}? is unreachable|unreachable cluster",
        _says(
            StackUnavailable,
            "stack {stack}: the API server of a cluster does not answer",
            "a cluster of EKS answers within its network and to `reached_from` alone: run the same from there",
        ),
    ),
    (
        r"Expired(?:Token|TokenException)|security token included in the request is expired|token has expired",
        _says(
            StackUnavailable,
            "stack {stack}: the credentials for the cloud have expired",
            "log in again (such as `aws sso login`), then run the same again: what was made before is recorded",
        ),
    ),
    (
        r"NoCredentials|Unable to locate credentials|No valid credential sources found|failed to refresh cached cred",
        _says(
            StackInvalid,
            "stack {stack}: there are no credentials for the cloud",
            "log in (such as `aws sso login`) or set AWS_PROFILE",
        ),
    ),
)
