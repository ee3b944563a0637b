"""The name of a queue that runs wait in."""

from __future__ import annotations

from typing import Annotated

from tradeplane_api.forms import Text

QueueName = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=63,
        message="must be the name of a LocalQueue of this namespace: lower-case letters, digits and -, "
        "starting and ending with a letter or a digit",
    ),
]
"""A DNS label (RFC 1123): Jobs say the name of their queue in a label, which is no longer."""
