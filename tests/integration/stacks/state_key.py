"""A key for the secrets of states that takes no time: a KMS of the tests' own, which hides nothing.

By a passphrase Pulumi derives a key anew at each start of the engine (PBKDF2, a million rounds), which is half of what
most starts take. That it does both by a passphrase and by a real key has tests of its own.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is asked for, and the field of the answer that has what the field of the request had.
_FIELDS = {"Encrypt": ("Plaintext", "CiphertextBlob"), "Decrypt": ("CiphertextBlob", "Plaintext")}


class _Kms(BaseHTTPRequestHandler):
    """``Encrypt`` and ``Decrypt`` of https://docs.aws.amazon.com/kms/latest/APIReference/, by doing nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given, told = _FIELDS[self.headers["X-Amz-Target"].rpartition(".")[2]]
        answer = json.dumps({told: asked[given]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


@contextlib.contextmanager
def state_key() -> Iterator[str]:
    """Serve; yields the key as a stack's ``secretsprovider`` names it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Kms) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"awskms://alias/of-a-test?region=eu-west-1&endpoint=http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
