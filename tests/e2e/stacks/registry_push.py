"""Pushes an image as any client does (OCI distribution-spec 1.1): blobs, then manifests, then the tag."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradeplane_stacks.local.images import StaticImage


def push(image: StaticImage) -> str:
    """Push an image under its own name and return its reference by digest."""
    host, _, rest = image.name.partition("/")
    repository, _, tag = rest.rpartition(":")
    base = f"http://{host}/v2/{repository}"
    index, blobs = image.contents()
    manifests = {entry["digest"]: entry for entry in json.loads(blobs[_hex(index)])["manifests"]}
    for digest, content in blobs.items():
        if f"sha256:{digest}" not in manifests and digest != _hex(index):
            _push_blob(base, f"sha256:{digest}", content)
    for digest, entry in manifests.items():
        _put(f"{base}/manifests/{digest}", blobs[_hex(entry)], entry["mediaType"])
    _put(f"{base}/manifests/{tag}", blobs[_hex(index)], index["mediaType"])
    return f"{host}/{repository}@{index['digest']}"


def _hex(descriptor: dict[str, Any]) -> str:
    return str(descriptor["digest"]).removeprefix("sha256:")


def _push_blob(base: str, digest: str, content: bytes) -> None:
    opened = _send("POST", f"{base}/blobs/uploads/", b"", "application/octet-stream")
    target = urllib.parse.urljoin(base, opened["Location"])
    separator = "&" if "?" in target else "?"
    _put(f"{target}{separator}digest={urllib.parse.quote(digest)}", content, "application/octet-stream")


def _put(url: str, content: bytes, media_type: str) -> None:
    _send("PUT", url, content, media_type)


def _send(method: str, url: str, content: bytes, media_type: str) -> Any:
    request = urllib.request.Request(url, method=method, data=content, headers={"Content-Type": media_type})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return answer.headers
