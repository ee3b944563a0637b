"""Who we are to a registry, as docker's configuration says it: ``auths``, or a program that knows (``credHelpers``).

Sources: docker/cli, "Credential stores" and "Credential helpers". Where cosign and docker log in, so do we, which takes
in Amazon ECR by its own program (docker-credential-ecr-login). Nothing of it is ever logged.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradeplane_evidence.errors import RegistryRefused

HELPER_LIMIT_S = 30
MAX_CONFIG_BYTES = 1024 * 1024
_HELPER = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and what proves it; the proof is in no representation."""

    user: str
    password: str = field(repr=False)

    def basic(self) -> str:
        """Return the value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def credentials_for(host: str, directory: Path | None = None) -> Credentials | None:
    """Return what docker's configuration has for a registry; None where it has nothing.

    ``directory``: of ``config.json``; by default ``$DOCKER_CONFIG`` or ``~/.docker``. Raises RegistryRefused where it
    cannot be read, or where the program it names fails.
    """
    folder = directory or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    path = folder / "config.json"
    configuration = _read(path)
    helper = (configuration.get("credHelpers") or {}).get(host) or configuration.get("credsStore")
    if helper:
        return _ask(str(helper), host)
    entry = (configuration.get("auths") or {}).get(host) or {}
    if "auth" not in entry:
        return None
    try:
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (ValueError, TypeError) as error:
        raise RegistryRefused(f"{path}: auths.{host}.auth is not base64; log in again") from error
    if not colon:
        raise RegistryRefused(f"{path}: auths.{host}.auth has no password; log in again")
    return Credentials(user, password)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RegistryRefused(f"{path} cannot be read: {error.strerror}; registries are logged in to by it") from error
    try:
        found = json.loads(data)
    except ValueError as error:
        raise RegistryRefused(f"{path} is not JSON: {error}; log in again") from error
    return found if isinstance(found, dict) else {}


def _ask(helper: str, host: str) -> Credentials | None:
    """Ask a credential helper, over its standard input, for the credentials of a registry."""
    program = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise RegistryRefused(f"{helper!r} in docker's configuration names no credential helper")
    try:
        done = subprocess.run(  # noqa: S603 - the program is what docker's own configuration names
            [program, "get"], input=host.encode(), capture_output=True, check=False, timeout=HELPER_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RegistryRefused(f"{program}, which docker's configuration names for {host}, failed: {error}") from error
    if done.returncode != 0:
        if b"credentials not found" in done.stdout + done.stderr:
            return None
        raise RegistryRefused(f"{program} has no credentials for {host}; log in again")
    try:
        told = json.loads(done.stdout)
        return Credentials(str(told["Username"]), str(told["Secret"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryRefused(f"{program} did not answer as a credential helper does") from error
