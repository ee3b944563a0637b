"""The kinds on a real API server, and requests to it without a program in between: a hundred dry-runs in a second."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_LIMIT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What the API server said: the HTTP code and the object, a Status where it refused."""

    code: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """Return the words of a refusal."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Api:
    """Requests to the API server as its administrator, or in the name of someone else."""

    server: str
    context: ssl.SSLContext

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        user: str | None = None,
    ) -> Answer:
        """Send one request; a refusal is an answer too."""
        headers = {"Content-Type": content_type, "Accept": accept}
        headers |= {"Impersonate-User": user} if user else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, headers=headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=_LIMIT_SECONDS) as answer:  # noqa: S310
                return Answer(answer.status, json.load(answer))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, json.load(refusal))


@pytest.fixture(scope="session")
def api(api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Return requests as the administrator."""
    config = yaml.safe_load(api_server.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    directory = tmp_path_factory.mktemp("client")
    certificate, key = directory / "certificate", directory / "key"
    certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
    key.touch(mode=0o600)
    key.write_bytes(base64.b64decode(user["client-key-data"]))
    context.load_cert_chain(certificate, key)
    return Api(cluster["server"], context)


@pytest.fixture
def namespace(api: Api, kinds: None) -> Iterator[str]:
    """Give a namespace of the test's own."""
    name = f"crds-{uuid.uuid4().hex[:8]}"
    assert api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).code == 201
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}")
