"""Run the extra tests this machine can run, and say which it could not and why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.extra.requirements import EXTRA_TESTS


def main() -> int:
    """Run pytest on what can be run; 0 when all of that passed."""
    here = Path(__file__).parent
    possible: list[str] = []
    for test in EXTRA_TESTS:
        missing = test.missing()
        print(f"{'could not run' if missing else 'running'}: {test.shows}" + (f" ({missing})" if missing else ""))
        if missing is None:
            possible.append(str(here / test.file))
    if not possible:
        print("0 passed, 0 failed")
        return 0
    return int(pytest.main(possible))


if __name__ == "__main__":
    sys.exit(main())
