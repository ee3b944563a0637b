"""What a service of a Sigstore answers is waited for and read within limits; and who has no need does not load it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tradeplane_evidence.keyless.requests_within_limits import MAX_ANSWER_BYTES, within_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

OVER = threading.Event()
"""Set once the tests are over: until then a silent answer is silent."""
SMALL = b'{"answer": "small"}'
ANSWERS = {
    "/small": (SMALL, False),
    "/packed": (SMALL, True),
    "/large": (b" " * (MAX_ANSWER_BYTES + 1), False),
    "/packed-large": (b" " * (MAX_ANSWER_BYTES + 1), True),
    "/largest": (b'"' + b" " * (MAX_ANSWER_BYTES - 2) + b'"', False),
}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/silent":
            OVER.wait(60)
        body, packed = ANSWERS.get(self.path, (b"", False))
        body = gzip.compress(body) if packed else body
        self.send_response(200)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that is gone."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    OVER.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        within_limits(session, connect=1.0, answer=0.3)
        yield session


@pytest.mark.parametrize("path", ["/small", "/packed"])
def test_an_answer_is_what_was_sent(path: str, address: str, session: requests.Session) -> None:
    for _ in range(2):
        assert session.get(address + path).json() == {"answer": "small"}


def test_the_largest_that_is_read_is_read(address: str, session: requests.Session) -> None:
    assert len(session.get(f"{address}/largest").content) == MAX_ANSWER_BYTES


@pytest.mark.parametrize("path", ["/large", "/packed-large"])
def test_a_larger_answer_is_refused(path: str, address: str, session: requests.Session) -> None:
    with pytest.raises(requests.RequestException, match=r"more than 4,194,304 bytes"):
        session.get(address + path)


def test_a_silent_service_is_not_waited_for(address: str, session: requests.Session) -> None:
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        session.get(f"{address}/silent")
    assert time.monotonic() - began < 30


def test_who_verifies_by_a_key_does_not_load_it() -> None:
    program = (
        "import sys, tradeplane_evidence.verification.runs, tradeplane_evidence.attestation, "
        "tradeplane_evidence.signing.opening, tradeplane_evidence.verification.artifact_verification; "
        "print([name for name in sys.modules if name.partition('.')[0] in {'sigstore', 'tuf', 'requests'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
