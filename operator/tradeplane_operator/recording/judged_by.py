"""What the operator judges by, as files that it is given: its settings, as it resolves them, and keyrings it trusts.

Each is entered as a version when it changes, as ``tradeplane config register`` enters a file. The recorder is given the
same files at the same places, and asks the API server for none. Nobody says who changed them: that is claimed.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tradeplane_evidence.configurations.files import file_of, register_file
from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.signing.keyring import MAX_KEYRING_BYTES
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.errors import StoreError

from tradeplane_operator.recording.sightings import RECORDER
from tradeplane_operator.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from tradeplane_evidence.configurations.payloads import Payloads

log = logging.getLogger(__name__)
SETTINGS_FILE = "operator-settings"
"""Name of the settings in the ledger."""
LOOK_SECONDS = 30.0


def keyrings_of(settings: Settings) -> dict[str, str]:
    """Return the files of the keyrings that an operator with these settings trusts, by their names in the ledger."""
    evidence, attested, approvals = settings.evidence, settings.images.attested, settings.approvals
    files = {
        "operator-snapshot-keys": None if evidence is None else evidence.snapshot_keys,
        "operator-image-keys": None if attested is None else attested.keyring,
        "operator-approver-keys": None if approvals is None else approvals.keyring,
    }
    return {name: file for name, file in files.items() if file is not None}


def resolved(settings: Settings) -> bytes:
    """Return settings as they are entered: each field, with its default where the file has none, as canonical JSON.

    There is no secret in them: they name files and keys, and hold none.
    """
    return canonical_json(settings.model_dump(mode="json", by_alias=True))


@dataclass(slots=True)
class JudgedBy:
    """Enters the settings of a file, and the keyrings that they name, as they change."""

    engine: Engine
    payloads: Payloads
    settings: Path
    seconds: float = LOOK_SECONDS
    _known: dict[str, str] = field(default_factory=dict)
    """What was entered last, by name."""

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except (EvidenceError, StoreError) as error:
                log.warning("what the operator judges by is not entered, and waits: %s", error)
            await asyncio.sleep(self.seconds)

    def look(self) -> None:
        """Enter what has changed. Raises what the ledger raises; a file that cannot be read is told in the log."""
        try:
            settings = read_settings(self.settings)
        except SettingsError as error:
            log.warning("the operator's settings are not entered: %s", error)
            return
        namespace = settings.lease.namespace
        self._enter(namespace, SETTINGS_FILE, resolved(settings))
        for name, path in keyrings_of(settings).items():
            try:
                with Path(path).open("rb") as file:
                    data = file.read(MAX_KEYRING_BYTES + 1)
            except OSError as error:
                log.warning("the keyring %s is not entered: %s", path, error.strerror or error)
                continue
            if len(data) > MAX_KEYRING_BYTES:
                log.warning("the keyring %s is not entered: it has more than %d bytes", path, MAX_KEYRING_BYTES)
                continue
            self._enter(namespace, name, data)

    def _enter(self, namespace: str, name: str, data: bytes) -> None:
        digest = sha256_digest(data)
        if self._known.get(name) == digest:
            return
        version = register_file(self.engine, file_of(namespace, name), self.payloads.put(data), RECORDER)
        self._known[name] = digest
        log.info("entered what the operator judges by", extra={"file": name, "version": version.number})
