"""Where something lies in S3, as whoever reaches it is told: a bucket with a path, and its region.

A region is held to its form alone: servers that speak S3 beside AWS have their own (``regions`` knows those of AWS).
"""

from typing import Annotated

from pydantic import StringConstraints

S3Url = Annotated[str, StringConstraints(max_length=1024, pattern=r"^s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*$")]
RegionName = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
