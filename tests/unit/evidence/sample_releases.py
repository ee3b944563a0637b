"""A release made by hand: a folder of a few files, and the record of its build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.image_build import Material, SourceRevision
from tradeplane_api.release_build import CHECKSUMS, ReleaseBuild, ReleaseFile
from tradeplane_evidence.statements.release import ReleaseEvidence
from tradeplane_evidence.statements.run import Execution
from tradeplane_store.canonical import canonical_json, sha256_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMIT, TREE = "c0" * 20, "7e" * 20
REPOSITORY = "https://git.example.com/tradeplane"
WHEEL = "tradeplane_api-0.1.0-py3-none-any.whl"
FILES: Mapping[str, bytes] = {
    WHEEL: b"a wheel",
    "crds.yaml": b"kind: CustomResourceDefinition\n",
    "install.yaml": b"kind: Deployment\n",
    "wheels.linux-amd64.cdx.json": b"{}",
}
EXECUTION = Execution(
    builder="https://tradeplane.dev/evidence/builders/release-local-v1",
    invocation="4d1f8c9e-0000-4000-8000-000000000003",
    started="2026-01-05T08:00:00Z",
    finished="2026-01-05T08:03:00Z",
)


def contents(files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    """Return the files with the list of their digests."""
    lines = [f"{sha256_digest(data).removeprefix('sha256:')}  {name}\n" for name, data in sorted(files.items())]
    return {**files, CHECKSUMS: "".join(lines).encode()}


def described(files: Mapping[str, bytes] | None = None) -> dict[str, ReleaseFile]:
    """Return what is found of files that lie there."""
    found = contents() if files is None else files
    return {name: ReleaseFile(name=name, digest=sha256_digest(data), size=len(data)) for name, data in found.items()}


def source(**changes: Any) -> SourceRevision:
    """Return the sources."""
    said: dict[str, Any] = {"commit": COMMIT, "tree": TREE, "modified": False, "repository": REPOSITORY}
    return SourceRevision(**{**said, **changes})


def build(**changes: Any) -> ReleaseBuild:
    """Return the record of the build."""
    said: dict[str, Any] = {
        "version": "0.1.0",
        "tag": "v0.1.0",
        "platforms": ("linux/amd64", "linux/arm64"),
        "images": {
            name: f"registry.example.com/tradeplane/{name}@{sha256_digest(name.encode())}"
            for name in ("operator", "workloads")
        },
        "source": source(),
        "materials": (Material(name="uv.lock", digest=sha256_digest(b"uv.lock")),),
        "tools": {"uv": "0.13.8", "rustc (amd64)": "1.96.0"},
        "files": tuple(described().values()),
    }
    return ReleaseBuild(**{**said, **changes})


def evidence(**changes: Any) -> ReleaseEvidence:
    """Return all that is stated of it."""
    return ReleaseEvidence(build(**changes), EXECUTION)


def write(folder: Path, files: Mapping[str, bytes] | None = None, **changes: Any) -> Path:
    """Write the release into a new folder, and its record beside; return the folder."""
    folder.mkdir()
    for name, data in (contents() if files is None else files).items():
        (folder / name).write_bytes(data)
    folder.with_name(f"{folder.name}.build.json").write_bytes(canonical_json(build(**changes)))
    return folder
