"""A volume of its own that a pod keeps when it is made anew."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tradeplane_api.base import Document, Name
from tradeplane_api.forms import Text

VolumeSize = Annotated[
    str,
    Text(
        pattern=r"^[1-9][0-9]{0,8}(Mi|Gi|Ti)$",
        max_length=11,
        message='must be a size such as "512Mi", "10Gi" or "1Ti"',
    ),
]


class Volume(Document):
    """What is asked of the cluster for a volume."""

    size: VolumeSize = Field(default="1Gi", description="How much it holds.")
    storage_class_name: Name | None = Field(
        default=None, description="Its StorageClass; the cluster's default when absent."
    )
