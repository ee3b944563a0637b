"""What the demo's stack is configured by: ``Pulumi.demo.yaml``, with the images that were just built.

Pure: from what a cluster asks for, or a user's own file says, to the file's content. What is in it is
docs/stacks/platform.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.programs.local import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_stacks.deployment import DeployedImages

PLATFORM = f"{LOCAL.project}:platform"
"""Key of the platform in a stack's configuration."""
# The provider takes over what is there already, as from an earlier demo; those before 4.29 do so unasked.
_TAKES_OVER = ("kubernetes:upsertExistingObjects", "true")


def platform_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the platform's part of a stack's settings.

    Raises:
        InvalidConfiguration: when there is none, or it is no object; the message says so.

    """
    config = settings.get("config")
    platform = config.get(PLATFORM) if isinstance(config, dict) else None
    if not isinstance(platform, dict):
        raise InvalidConfiguration(f"config: {PLATFORM}: there is no such object")
    return platform


def configured(
    settings: Mapping[str, Any], images: DeployedImages, namespace: str, trust: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a stack's settings for the demo: with these images, its namespace, and nothing protected from ``down``.

    ``trust`` says by whom images must be attested, where it is the demo's to say. Raises InvalidConfiguration as
    ``platform_of`` does.
    """
    platform = platform_of(settings)
    namespaces = [*(platform.get("namespaces") or ())]
    if namespace not in [one.get("name") for one in namespaces if isinstance(one, dict)]:
        namespaces.append({"name": namespace, "brokers": True, "quota": "none"})
    changed = {
        **platform,
        "images": {
            **(platform.get("images") or {}),
            "operator": images.operator,
            "workloads": images.workloads,
            **({} if trust is None else {"attested": dict(trust)}),
        },
        "namespaces": namespaces,
        "protected": False,
    }
    key, value = _TAKES_OVER
    return {**settings, "config": {key: value, **settings["config"], PLATFORM: changed}}
