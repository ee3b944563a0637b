"""Policy packs, and the plugin by which Pulumi's engine has Python's decide.

The published Pulumi has ``pulumi-analyzer-policy-python`` beside the program ``pulumi``; the engine looks for it on
PATH. It is a script that starts Pulumi's own SDK, so that for a ``pulumi`` that was built here one of ours is written
beside it.
"""

import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.python_plugins import write_python

PLUGIN = "pulumi-analyzer-policy-python"
_DESCRIPTION = "PulumiPolicy.yaml"


def found_packs(folders: Sequence[Path]) -> list[str]:
    """Return folders of policy packs as the engine takes them.

    Raises:
        StackInvalid: when there is no pack in one, or what runs packs of Python is not installed.

    """
    for folder in folders:
        if not (folder / _DESCRIPTION).is_file():
            raise StackInvalid(
                f"{folder} is no policy pack: there is no {folder / _DESCRIPTION}",
                "name the folder of one, such as policies/cloud",
            )
    if folders and find_spec("pulumi_policy") is None:
        raise StackInvalid(
            "policy packs of Python need pulumi-policy, and it is not installed", f"pip install {folders[0]}"
        )
    return [str(folder.resolve()) for folder in folders]


def write_plugin(beside: Path) -> None:
    """Write the plugin beside a program ``pulumi`` that was built here."""
    write_python(beside, PLUGIN, "pulumi.policy")  # which is called with the engine's address and the pack's folder


def environment(path: str, pulumi: Path) -> dict[str, str]:
    """Return the environment in which the plugin finds this Python; ``path`` is where the engine looks for programs.

    Raises:
        StackInvalid: when the plugin is nowhere there.

    """
    if shutil.which(PLUGIN, path=path) is None:
        raise StackInvalid(
            f"the plugin {PLUGIN} is neither on PATH nor beside {pulumi}",
            "it comes with pulumi: install that whole (https://www.pulumi.com/docs/install/), "
            "or build it, with Go: python -m tradeplane_stacks.automation",
        )
    return {"PULUMI_PYTHON_CMD": sys.executable}
