"""The example of a platform in several regions, as the documentation has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parents[4] / "docs" / "stacks" / "programs.md"
KEY = "tradeplane-platform:platform"


def documented_platform() -> dict[str, Any]:
    """Return what the page configures of the part ``platform``."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (found,) = (config[KEY] for block in blocks if KEY in (config := yaml.safe_load(block)["config"]))
    assert isinstance(found, dict)
    return found
