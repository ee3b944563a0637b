"""``python -m tradeplane_stacks.automation``: builds ``pulumi`` and its plugin of Kubernetes; prints where they are."""

import sys

from tradeplane_stacks.automation.pulumi_program import build, build_kubernetes_plugin
from tradeplane_stacks.local.errors import EmbeddedClusterError


def main() -> int:
    """Build, and return an exit code."""
    try:
        built = [step(_say) for step in (build, build_kubernetes_plugin)]
    except EmbeddedClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for path in built:
        sys.stdout.write(f"{path}\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
