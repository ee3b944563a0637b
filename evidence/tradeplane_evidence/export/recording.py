"""A registry that keeps what verification pulls of a run, so that what is exported is what was verified.

Pulling a second time could give other bytes: a registry answers as it likes. What is kept has limits, since whoever may
push to a repository can hang any number of bundles on a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.results_artifact import MANIFEST_FILE, MAX_DOCUMENT_BYTES, PROVENANCE_FILE, SUMMARY_FILE
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE

if TYPE_CHECKING:
    from tradeplane_evidence.registry.references import Reference

MAX_OTHER_BUNDLES = 16 * 1024 * 1024
"""Bytes of the bundles of one run that did not verify, which are kept."""
_DOCUMENTS = frozenset({MANIFEST_FILE, PROVENANCE_FILE, SUMMARY_FILE})


@dataclass(slots=True)
class Pulled:
    """What was pulled of one run: the artifact's manifest, its files by name, and bundles in the order they came.

    ``left_out``: names of what was pulled and not kept, and why.
    """

    artifact: bytes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    bundle: bytes | None = None
    """The last before the files were pulled: the one that verified, where one did."""
    others: list[bytes] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class RecordingRegistry(Registry):
    """A registry, and what was pulled since ``begin``. For one run at a time.

    ``most_file_bytes``: of all files of a run, beside manifest and summary; none of them is kept where it is 0.
    """

    most_file_bytes: int = 0
    pulled: Pulled = field(default_factory=Pulled, init=False)
    _names: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)
    _bundles: set[str] = field(default_factory=set, init=False, repr=False)

    def begin(self) -> None:
        """Begin another run."""
        self.pulled, self._names, self._bundles = Pulled(), {}, set()

    async def manifest(self, reference: Reference) -> tuple[bytes, str]:
        """Return the bytes of a manifest and its digest, and note what the blobs are that it names."""
        data, digest = await super().manifest(reference)
        try:
            layers = parse_manifest(data, "the manifest").layers
        except Malformed:
            layers = ()  # who asked for it will say so
        if self.pulled.artifact is None:
            self.pulled.artifact = data
            for layer in layers:
                if layer.title is not None:
                    self._names.setdefault(layer.digest, []).append(layer.title)
        else:
            self._bundles.update(layer.digest for layer in layers if layer.media_type == BUNDLE_TYPE)
        return data, digest

    async def blob(self, repository: str, digest: str, limit: int) -> bytes:
        """Return a blob's bytes, and keep them where there is room."""
        data = await super().blob(repository, digest, limit)
        if digest in self._bundles and not self._reached_files():
            self._keep_bundle(data)
        for name in self._names.get(digest, []):
            self._keep_file(name, data)
        return data

    def _keep_bundle(self, data: bytes) -> None:
        before, self.pulled.bundle = self.pulled.bundle, data
        if before is None:
            return
        if sum(map(len, self.pulled.others)) + len(before) > MAX_OTHER_BUNDLES:
            self.pulled.left_out["bundles"] = f"more than {MAX_OTHER_BUNDLES:,} bytes of bundles did not verify"
            return
        self.pulled.others.append(before)

    def _keep_file(self, name: str, data: bytes) -> None:
        if name in _DOCUMENTS:
            if len(data) <= MAX_DOCUMENT_BYTES:
                self.pulled.files[name] = data
            else:
                self.pulled.left_out[name] = f"it has more than {MAX_DOCUMENT_BYTES:,} bytes"
        elif self.most_file_bytes == 0:
            self.pulled.left_out[name] = "files were not asked for (--with-files)"
        elif self._kept() + len(data) > self.most_file_bytes:
            self.pulled.left_out[name] = (
                f"files of the run have more than {self.most_file_bytes:,} bytes (--max-file-bytes)"
            )
        else:
            self.pulled.files[name] = data

    def _reached_files(self) -> bool:
        """Return whether the run was found attested: bundles that come later are of what its replays found."""
        return MANIFEST_FILE in self.pulled.files or MANIFEST_FILE in self.pulled.left_out

    def _kept(self) -> int:
        return sum(len(data) for name, data in self.pulled.files.items() if name not in _DOCUMENTS)
