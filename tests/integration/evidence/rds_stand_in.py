"""What of Amazon RDS and of EKS takes part in a login by IAM, played on this machine around a real Postgres.

RDS has Postgres ask PAM about a password, and PAM ask IAM. Here Postgres asks an LDAP server about it, which it does by
itself: the client is asked for its password in the same message of the protocol, after TLS. That server is
``TokenJudge``: it checks a token as its specification says, by its own computation of the signature, and lets nobody
in by the same token twice, which RDS does not mind. ``PodIdentityAgent`` gives out credentials as that of a node does.

Sources: Amazon RDS User Guide, "Connecting to your DB instance using IAM authentication"; IAM User Guide, "Create a
signed AWS API request", query string; RFC 4511, 4.2 "Bind Operation"; AWS SDKs and Tools Reference Guide, "Container
credential provider".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import itertools
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path

HOST = "audit.c1a2b3.eu-west-1.rds.amazonaws.com"
REGION = "eu-west-1"
_VALID = dt.timedelta(minutes=15)
_ALGORITHM = "AWS4-HMAC-SHA256"
_BIND, _BOUND, _SIMPLE = 0x60, 0x61, 0x80
_RIGHT, _WRONG = 0, 49


@dataclass
class PodIdentityAgent:
    """Gives credentials that are over in five minutes, so that who needs some later asks again, and remembers them."""

    authorization: str = "of-the-pod"
    secrets: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Secret key and session token of each access key."""

    def issue(self) -> dict[str, str]:
        """Return new credentials."""
        number = len(self.secrets) + 1
        access, secret, session = f"AKID{number}", f"secret-{number}", f"session/{number}=="
        self.secrets[access] = (secret, session)
        over = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
        return {
            "AccessKeyId": access,
            "SecretAccessKey": secret,
            "Token": session,
            "Expiration": over.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answer at the URL that is given."""
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.headers.get("Authorization") == agent.authorization
                body = json.dumps(agent.issue() if known else {"message": "who asks?"}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the overridden
                """Say nothing."""

        with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/credentials"


@dataclass
class TokenJudge:
    """Says who may log in as whom. ``late``: how much later it is here than on the machine of who makes tokens."""

    agent: PodIdentityAgent
    endpoint: str
    """Host and port that tokens are for."""
    users: frozenset[str]
    """Of which the identity may ``rds-db:connect``."""
    late: dt.timedelta = dt.timedelta()
    refusals: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def judge(self, user: str, password: str) -> bool:
        """Say whether somebody is let in."""
        fault = self._fault(user, password)
        if fault is None and password in self.taken:
            fault = "the same token again"
        if fault is None:
            self.taken.append(password)
        else:
            self.refusals.append(fault)
        return fault is None

    def _fault(self, user: str, password: str) -> str | None:
        """Return what is wrong with a token."""
        parts = urlsplit(f"https://{password}")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        said = dict(pairs)
        access, _, scope = said.get("X-Amz-Credential", "").partition("/")
        secret, session = self.agent.secrets.get(access, ("", ""))
        date = said.get("X-Amz-Date", "")
        wanted = {
            "endpoint": (parts.netloc, self.endpoint),
            "action": (said.get("Action"), "connect"),
            "user": (said.get("DBUser"), user),
            "scope": (scope, f"{date[:8]}/{REGION}/rds-db/aws4_request"),
            "session": (said.get("X-Amz-Security-Token"), session or None),
            "expiry": (said.get("X-Amz-Expires"), f"{_VALID.total_seconds():.0f}"),
            "signature": (said.get("X-Amz-Signature"), _signature(pairs, self.endpoint, secret, date, scope)),
        }
        for name, (found, right) in wanted.items():
            if found is None or found != right:
                return f"{name}: {found}"
        age = dt.datetime.now(dt.UTC) + self.late - dt.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        if age > _VALID:
            return "expired"
        return None if user in self.users else f"may not connect as {user}"

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Answer as an LDAP server at the port that is given."""
        judge = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                while (asked := _read(self.rfile)) is not None:
                    number, (kind, request) = asked
                    if kind != _BIND:
                        return
                    (_, _), (_, name), (how, password) = _parts(request)
                    right = how == _SIMPLE and judge.judge(name.decode().removeprefix("uid="), password.decode())
                    told = _tlv(0x0A, bytes([_RIGHT if right else _WRONG])) + _tlv(0x04, b"") + _tlv(0x04, b"")
                    self.wfile.write(_tlv(0x30, _tlv(0x02, number) + _tlv(_BOUND, told)))

        with _running(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server:
            yield server.server_address[1]


@contextmanager
def _running(server: Any) -> Iterator[Any]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _signature(pairs: list[tuple[str, str]], endpoint: str, secret: str, date: str, scope: str) -> str:
    """Return the signature that a query is to have (Signature Version 4)."""
    signed = sorted((quote(name, "-_.~"), quote(value, "-_.~")) for name, value in pairs if name != "X-Amz-Signature")
    query = "&".join(f"{name}={value}" for name, value in signed)
    request = f"GET\n/\n{query}\nhost:{endpoint}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    text = f"{_ALGORITHM}\n{date}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _read(stream: BufferedIOBase) -> tuple[bytes, tuple[int, bytes]] | None:
    """Return number and content of the next message of LDAP; None at the end."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1] if head[1] < 0x80 else int.from_bytes(stream.read(head[1] & 0x7F), "big")
    (_, number), content = itertools.islice(_parts(stream.read(length)), 2)
    return number, content


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of what stands one after the other (BER)."""
    while data:
        tag, length, start = data[0], data[1], 2
        if length >= 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(data[2:start], "big")
        yield tag, data[start : start + length]
        data = data[start + length :]


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content  # answers are short


def write_certificate(folder: Path, name: str, host: str = HOST) -> tuple[Path, Path]:
    """Write a certificate of a host, which is its own root, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
