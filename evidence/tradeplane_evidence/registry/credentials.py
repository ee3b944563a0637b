"""Who we are to a registry, as docker's configuration says it: ``auths``, or a program that knows (``credHelpers``).

Sources: docker/cli, "Credential stores" and "Credential helpers". Where cosign and docker log in, so do we. Where that
says nothing of a registry of Amazon ECR, AWS is asked (``ecr``), so that no image needs docker-credential-ecr-login.
Nothing of it is ever logged.
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
from tradeplane_evidence.registry import ecr

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
    """Return what docker's configuration has for a registry, or what AWS gives for one of its own; None for neither.

    ``directory``: of ``config.json``; by default ``$DOCKER_CONFIG`` or ``~/.docker``. Raises RegistryRefused where it
    cannot be read, or where the program it names fails, or AWS gives nothing; RegistryUnavailable where AWS is not
    reached. To be called on a thread.
    """
    configured = _configured(host, directory)
    if configured is not None:
        return configured
    registry = ecr.ecr_registry(host)
    return None if registry is None else _decoded(ecr.TOKENS.token(registry), f"the token of {host}")


def _configured(host: str, directory: Path | None) -> Credentials | None:
    folder = directory or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    path = folder / "config.json"
    configuration = _read(path)
    helper = (configuration.get("credHelpers") or {}).get(host) or configuration.get("credsStore")
    if helper:
        return _ask(str(helper), host)
    entry = (configuration.get("auths") or {}).get(host) or {}
    if "auth" not in entry:
        return None
    return _decoded(entry["auth"], f"{path}: auths.{host}.auth")


def _decoded(auth: str, what: str) -> Credentials:
    """Read a name and a password from base64; of what cannot be read nothing is told, nor kept as a cause."""
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (ValueError, TypeError):
        raise RegistryRefused(f"{what} is not base64; log in again") from None
    if not colon:
        raise RegistryRefused(f"{what} has no password; log in again")
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
