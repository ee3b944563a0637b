"""``python -m tradeplane_stacks.automation``: builds ``pulumi`` from its Go module, and prints where it is."""

import sys

from tradeplane_stacks.automation.pulumi_program import build
from tradeplane_stacks.local.errors import EmbeddedClusterError


def main() -> int:
    """Build, and return an exit code."""
    try:
        path = build(lambda line: print(line, file=sys.stderr))  # noqa: T201 - what a person sees meanwhile
    except EmbeddedClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
