"""Requests to a real API server in anybody's name, over kept connections: some hundreds of dry-runs in a second."""

from __future__ import annotations

import base64
import http.client
import json
import queue
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.integration.policies.cases import ADMINISTRATORS

Json = dict[str, Any]
_LIMIT_SECONDS = 60
_CREATED = {200, 201}
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML."""


@dataclass(frozen=True)
class Answer:
    """What the API server said: the HTTP code, and the object, or a Status where it refused."""

    code: int
    body: Json

    @property
    def allowed(self) -> bool:
        """Whether it did, or would have done, what was asked."""
        return self.code in _CREATED

    @property
    def words(self) -> str:
        """All that is said of a refusal: each policy's own words are a cause of it."""
        causes = self.body.get("details", {}).get("causes", [])
        return "\n".join([self.body.get("message", ""), *(cause.get("message", "") for cause in causes)])


@dataclass(frozen=True)
class Server:
    """An API server; as many connections as threads have asked it something at once."""

    address: str
    context: ssl.SSLContext
    _idle: queue.SimpleQueue[http.client.HTTPSConnection] = field(default_factory=queue.SimpleQueue)

    @classmethod
    def of(cls, kubeconfig: Path) -> Server:
        """Return the server that a kubeconfig with a client certificate names."""
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.TemporaryDirectory() as directory:  # mode 0700; the standard library reads keys from files alone
            certificate, key = Path(directory, "certificate"), Path(directory, "key")
            certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
            key.write_bytes(base64.b64decode(user["client-key-data"]))
            context.load_cert_chain(certificate, key)
        return cls(urlsplit(cluster["server"]).netloc, context)

    def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        user: str = "",
        groups: tuple[str, ...] = (ADMINISTRATORS,),
        patch: str = MERGE,
    ) -> Answer:
        """Send one request, as the administrator where no user is named; a refusal is an answer too.

        ``groups`` are the user's.
        ``patch`` is of what kind a PATCH is.
        """
        content = patch if method == "PATCH" else "application/json"
        while not self._idle.empty():
            kept = self._connected()
            try:
                return self._asked(kept, method, path, body, user, groups, content)
            except (OSError, http.client.HTTPException):  # the server has closed it meanwhile
                kept.close()
        return self._asked(self._connected(), method, path, body, user, groups, content)

    def _asked(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Json | None,
        user: str,
        groups: tuple[str, ...],
        content_type: str,
    ) -> Answer:
        """Send a request over a connection, and keep the connection."""
        connection.putrequest(method, path)
        if user:
            connection.putheader("Impersonate-User", user)
            for group in groups:
                connection.putheader("Impersonate-Group", group)
        content = b"" if body is None else json.dumps(body).encode()
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        content = response.read()
        spoken = "json" in (response.getheader("Content-Type") or "")  # it answers 404 in plain words at times
        answer = Answer(response.status, json.loads(content) if spoken else {"message": content.decode()})
        self._idle.put(connection)
        return answer

    def make(self, path: str, body: Json) -> None:
        """Create an object; that it is there already is as good."""
        answer = self.ask("POST", path, body)
        if not answer.allowed and answer.code != http.HTTPStatus.CONFLICT:
            raise AssertionError(f"POST {path}: {answer.code} {answer.words}")

    def close(self) -> None:
        """Close every connection."""
        while not self._idle.empty():
            self._idle.get().close()

    def _connected(self) -> http.client.HTTPSConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return http.client.HTTPSConnection(self.address, context=self.context, timeout=_LIMIT_SECONDS)
