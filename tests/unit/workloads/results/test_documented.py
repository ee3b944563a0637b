"""Each figure of a result's summary is defined on its page."""

from __future__ import annotations

import re
from pathlib import Path

from tradeplane_api.run import Summary

PAGE = Path(__file__).parents[4] / "docs" / "results.md"


def test_every_figure_of_the_summary_has_its_definition_and_no_other_is_there() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## The summary\n")[2].partition("\n## ")[0]
    defined = {
        name for row in re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert defined == {field.alias or name for name, field in Summary.model_fields.items()}
