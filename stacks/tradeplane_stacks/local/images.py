"""OCI image archives of single static programs, written without any container tool.

The cluster's own images (pause, CoreDNS) cannot be pulled from anywhere, and each is one file. Bytes depend on nothing
but the programs: times are zero and members are in one order, so the same program gives the same digest.
Formats: OCI image-spec 1.1 (layout, index, manifest, config).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
NOBODY = 65532
"""User and group that images run as unless told otherwise."""


@dataclass(frozen=True)
class StaticImage:
    """An image that holds one static program, in a variant for each architecture."""

    name: str
    """Full reference, host and tag included."""
    programs: tuple[tuple[str, Path], ...]
    """Architecture and program file of each variant."""
    entrypoint: str
    """Path of the program in the image."""

    def write_archive(self, target: Path) -> str:
        """Write an OCI archive and return the digest of its image index."""
        index, blobs = self.contents()
        named = {
            **index,
            "annotations": {
                "io.containerd.image.name": self.name,
                "org.opencontainers.image.ref.name": self.name.rpartition(":")[2],
            },
        }
        members = [
            ("oci-layout", _json({"imageLayoutVersion": "1.0.0"})),
            ("index.json", _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]})),
            *((f"blobs/sha256/{digest}", content) for digest, content in sorted(blobs.items())),
        ]
        fresh = target.with_suffix(".fresh")
        fresh.write_bytes(_tar(members))
        fresh.replace(target)
        return str(index["digest"])

    def contents(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the descriptor of the image index, and every blob by the hex of its SHA-256, the index included."""
        blobs: dict[str, bytes] = {}
        manifests = [self._variant(architecture, program, blobs) for architecture, program in self.programs]
        return _put(blobs, _INDEX, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}), blobs

    def _variant(self, architecture: str, program: Path, blobs: dict[str, bytes]) -> dict[str, Any]:
        layer = _put(blobs, _LAYER, _tar([(self.entrypoint.lstrip("/"), program.read_bytes())], mode=0o555))
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [self.entrypoint], "User": f"{NOBODY}:{NOBODY}"},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _put(blobs, _CONFIG, config),
            "layers": [layer],
        }
        platform = {"architecture": architecture, "os": "linux"}
        return {**_put(blobs, _MANIFEST, manifest), "platform": platform}


def _put(blobs: dict[str, bytes], media_type: str, content: bytes | dict[str, Any]) -> dict[str, Any]:
    """Add a blob and return its descriptor."""
    data = content if isinstance(content, bytes) else _json(content)
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _tar(members: Sequence[tuple[str, bytes]], mode: int = 0o444) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
