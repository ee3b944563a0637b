"""What the demo's stack is configured by: ``Pulumi.demo.yaml``, with the images that were just built.

Pure: from what a cluster asks for, or a user's own file says, to the file's content. What is in it is
docs/stacks/platform.md.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Trust:
    """Whose word the platform takes, where that is the demo's to say."""

    images: Mapping[str, Any] | None = None
    """By whom images must be attested."""
    data: Mapping[str, Any] | None = None
    """By whom snapshots are attested, beside the operator."""


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
    settings: Mapping[str, Any], images: DeployedImages, namespace: str, trust: Trust | None = None
) -> dict[str, Any]:
    """Return a stack's settings for the demo: with these images, its namespace, and nothing protected from ``down``.

    Raises InvalidConfiguration as ``platform_of`` does.
    """
    platform = platform_of(settings)
    trusted = trust or Trust()
    changed = {
        **platform,
        "images": {
            **(platform.get("images") or {}),
            "operator": images.operator,
            "workloads": images.workloads,
            **({} if trusted.images is None else {"attested": dict(trusted.images)}),
        },
        "namespaces": _with_namespace(platform, namespace),
        "protected": False,
    }
    if trusted.data is not None:
        changed["evidence"] = {**platform["evidence"], "snapshots": dict(trusted.data)}
    key, value = _TAKES_OVER
    return {**settings, "config": {key: value, **settings["config"], PLATFORM: changed}}


def _with_namespace(platform: Mapping[str, Any], name: str) -> list[Any]:
    """Return the namespaces of a platform, and this one, where it is not among them."""
    found = [*(platform.get("namespaces") or ())]
    if name not in [one.get("name") for one in found if isinstance(one, dict)]:
        found.append({"name": name, "brokers": True, "quota": "none"})
    return found
