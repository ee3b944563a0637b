"""The key and the secret of an account, read from the files of a mounted Secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_api.probe import API_KEY_FILE, API_SECRET_FILE

from tradeplane_workloads.brokers.errors import SecretMissing

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and its secret. Neither is in its representation, so that no log line or traceback has them."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


def read_credentials(folder: Path, secret: str) -> Credentials:
    """Return the credentials in a folder; ``secret`` names the Secret, for words. Raises SecretMissing."""
    absent = [name for name in (API_KEY_FILE, API_SECRET_FILE) if not (folder / name).is_file()]
    if len(absent) > 1:
        raise SecretMissing(
            f"spec.credentialsSecretRef: there is no Secret {secret!r} in this namespace, or it has neither "
            f"{API_KEY_FILE} nor {API_SECRET_FILE}; create it with both"
        )
    if absent:
        raise SecretMissing(f"spec.credentialsSecretRef: Secret {secret!r} has no key {absent[0]}; add it")
    return Credentials(_read(folder, API_KEY_FILE, secret), _read(folder, API_SECRET_FILE, secret))


def _read(folder: Path, name: str, secret: str) -> str:
    """Return the text of one file, without white space around it, which editors and `echo` leave there."""
    where = f"spec.credentialsSecretRef: key {name} of Secret {secret!r}"
    try:
        with (folder / name).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SecretMissing(f"{where} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise SecretMissing(f"{where} has more than {_MOST_BYTES} bytes; is it another key's?")
    text = data.decode("ascii", "replace").strip()
    if not text:
        raise SecretMissing(f"{where} is empty; fill it")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise SecretMissing(f"{where} has characters that no key has; write it again, as the broker showed it")
    return text
