"""With which options resources are asked for: Pulumi's mocks are not told of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pulumi


@contextmanager
def noted_options() -> Iterator[dict[str, pulumi.ResourceOptions]]:
    """Note the options of each resource that is made meanwhile, by its name."""
    noted: dict[str, pulumi.ResourceOptions] = {}
    original = pulumi.CustomResource.__init__

    def note(self: Any, kind: str, name: str, props: Any = None, opts: Any = None, *rest: Any, **named: Any) -> None:
        noted[name] = opts
        original(self, kind, name, props, opts, *rest, **named)

    with patch.object(pulumi.CustomResource, "__init__", note):
        yield noted


def protected(noted: dict[str, pulumi.ResourceOptions]) -> set[str]:
    """Return the names of the resources that are protected."""
    return {name for name, opts in noted.items() if opts.protect}


def waits_for(opts: pulumi.ResourceOptions) -> set[str]:
    """Return the names of what a resource is made after."""
    after = opts.depends_on
    assert isinstance(after, list | tuple)
    return {one._name for one in after if isinstance(one, pulumi.Resource)}
