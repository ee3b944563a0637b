"""A stack of the Automation API by its name alone, of which the engine is asked no more than somebody reads.

Each command of the engine names its stack, and says itself where there is none. Yet the SDK selects the stack before,
which changes what the folder's next ``pulumi`` is about, and after an ``up`` or a ``destroy`` asks for all outputs,
twice, and for the history. Every such question starts the engine anew and reads the state again.
"""

import json
from datetime import UTC, datetime
from typing import Any

from pulumi import automation

MASKED = "[secret]"
"""What the engine shows of a secret."""


class NamedStack(automation.Stack):
    """A stack that may not be there: the first command that needs it fails then."""

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:
        # The SDK's own asks the engine to select it.
        self.name, self.workspace = name, workspace

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"

    def outputs(self) -> automation.OutputMap:
        """Return nothing: the SDK asks after each ``up``, of which ``up`` here returns what was watched."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:
        """Return no more than that it ended: the SDK asks after each change, and events have told of it by then."""
        del show_secrets
        now = datetime.now(UTC)
        return automation.UpdateSummary("update", now, "", {}, {}, "succeeded", now)

    def masked_outputs(self) -> dict[str, Any]:
        """Return its outputs by name, ``MASKED`` in place of each value that is secret, however deep it stands."""
        arguments = ["stack", "output", "--json", "--stack", self.name]
        workspace = self.workspace
        answer = workspace.pulumi_command.run(arguments, workspace.work_dir, dict(workspace.env_vars))
        found: dict[str, Any] = json.loads(answer.stdout)
        return found
