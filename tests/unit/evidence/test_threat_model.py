"""What docs/evidence/threat-model.md says is tested, is: the tests it names are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "evidence" / "threat-model.md"


def test_the_tests_it_names_are_there() -> None:
    named = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        folder = None
        for name in re.findall(r"`([a-z0-9_/]*test_[a-z0-9_]+\.py)`", line):
            folder = Path(name).parent if "/" in name else folder
            assert folder is not None, line
            named.append(ROOT / folder / Path(name).name)
    assert len(named) > 10
    assert [path.relative_to(ROOT).as_posix() for path in named if not path.exists()] == []
