"""An instance of Sigstore on loopback, of the programs as they are published, that takes the cluster's own tokens.

Fulcio asks the issuer of a token for its keys at the name that the token has. That is the API server's name inside the
cluster, and its documents are for those who log in; so they are published here under that name, as an administrator
publishes them for who is outside, and Fulcio gets there by a proxy.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from tradeplane_stacks.local.binaries import CERTIFICATE_LOG, COSIGN, FULCIO, KEYLESS, REKOR, Binaries
from tradeplane_stacks.local.control_plane import ISSUER

from tests.integration.evidence.conftest import served
from tests.integration.evidence.timestamp_authority import chain_of, timestamp_authority, timestamps_at
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tradeplane_stacks.local.binaries import Program
    from tradeplane_stacks.local.kubectl import Kubectl

SINCE = "2020-01-01T00:00:00Z"
CERTIFICATE_LOG_NAME = "ct.example.com"
LOG_NAME = "127.0.0.1"
"""What Rekor signs as: the host of its URL, since cosign looks for the signature of that name."""


@dataclass(frozen=True)
class Instance:
    """A running instance: the files that a client and an auditor are given of it."""

    trust_config: Path
    trusted_root: Path
    fulcio: str
    rekor: str
    timestamps: str


@contextmanager
def private_instance(folder: Path, kubectl: Kubectl) -> Iterator[Instance]:
    """Run an instance that takes tokens of a cluster's service accounts."""
    programs = Binaries.of_user().build((*KEYLESS, COSIGN), print)
    with ExitStack() as stack:
        issuer = stack.enter_context(published(folder, kubectl))
        authority = _authority(folder)
        certificate_log = stack.enter_context(_certificate_log(folder, programs))
        rekor = stack.enter_context(_rekor(folder, programs))
        timestamps = stack.enter_context(timestamp_authority(folder))
        fulcio = stack.enter_context(_fulcio(folder, programs, authority, certificate_log, issuer))
        (folder / "timestamps.pem").write_bytes(chain_of(timestamps))
        urls = {"fulcio": fulcio, "ctfe": certificate_log, "rekor": rekor, "tsa": timestamps_at(timestamps)}
        yield _instance(folder, programs, urls)


def _instance(folder: Path, programs: Mapping[Program, Path], urls: Mapping[str, str]) -> Instance:
    """Have cosign write down what is trusted, and what is asked."""

    def cosign(*arguments: str | Path) -> None:
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        subprocess.run([programs[COSIGN], *arguments], check=True, env=environment, timeout=60, capture_output=True)

    root, config = folder / "trusted_root.json", folder / "signing_config.json"
    cosign(
        *("trusted-root", "create", "--out", root),
        *("--fulcio", f"url={urls['fulcio']},certificate-chain={folder / 'authority.pem'},start-time={SINCE}"),
        *("--ctfe", f"url={urls['ctfe']},public-key={folder / 'ct.pub'},start-time={SINCE}"),
        *("--rekor", f"url={urls['rekor']},public-key={folder / 'rekor.pub'},start-time={SINCE},origin={LOG_NAME}"),
        *("--tsa", f"url={urls['tsa']},certificate-chain={folder / 'timestamps.pem'},start-time={SINCE}"),
    )
    rest = f"start-time={SINCE},operator=tests"
    cosign(
        *("signing-config", "create", "--out", config),
        *("--fulcio", f"url={urls['fulcio']},api-version=1,{rest}"),
        *("--rekor", f"url={urls['rekor']},api-version=2,{rest}", "--rekor-config", "ANY"),
        *("--tsa", f"url={urls['tsa']},api-version=1,{rest}", "--tsa-config", "ANY"),
    )
    trust = folder / "trust_config.json"
    document = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": json.loads(root.read_text()),
        "signingConfig": json.loads(config.read_text()),
    }
    trust.write_text(json.dumps(document))
    return Instance(trust, root, urls["fulcio"], urls["rekor"], urls["tsa"])


@contextmanager
def _certificate_log(folder: Path, programs: Mapping[Program, Path]) -> Iterator[str]:
    """Run the log of certificates."""
    _key(folder / "ct", PrivateFormat.TraditionalOpenSSL)
    host = f"127.0.0.1:{free_port()}"
    (folder / "ct-log").mkdir()
    command = [str(programs[CERTIFICATE_LOG]), f"--http_endpoint={host}", f"--origin={CERTIFICATE_LOG_NAME}"]
    command += [f"--roots_pem_file={folder / 'authority.pem'}", f"--storage_dir={folder / 'ct-log'}"]
    command += [f"--private_key={folder / 'ct.key'}", "--checkpoint_interval=100ms", "--batch_max_age=20ms"]
    with served(command, host, folder / "ct.log", path="/ct/v1/get-roots"):
        yield f"http://{host}"


@contextmanager
def _rekor(folder: Path, programs: Mapping[Program, Path]) -> Iterator[str]:
    """Run the log of signatures."""
    _key(folder / "rekor", PrivateFormat.PKCS8)
    host = f"127.0.0.1:{free_port()}"
    (folder / "rekor-log").mkdir()
    command = [str(programs[REKOR]), "serve", f"--http-port={host.rpartition(':')[2]}", f"--grpc-port={free_port()}"]
    command += [f"--http-metrics-port={free_port()}", f"--signer-filepath={folder / 'rekor.key'}"]
    command += [f"--storage-dir={folder / 'rekor-log'}", f"--hostname={LOG_NAME}"]
    command += ["--checkpoint-interval=100ms", "--batch-max-age=20ms"]
    with served(command, host, folder / "rekor.log", path="/healthz"):
        yield f"http://{host}"


@contextmanager
def _fulcio(
    folder: Path,
    programs: Mapping[Program, Path],
    authority: list[str],
    certificate_log: str,
    issuer: Mapping[str, str],
) -> Iterator[str]:
    """Run who gives certificates."""
    host = f"127.0.0.1:{free_port()}"
    config = {"OIDCIssuers": {ISSUER: {"IssuerURL": ISSUER, "ClientID": "sigstore", "Type": "kubernetes"}}}
    (folder / "fulcio.json").write_text(json.dumps(config))
    command = [str(programs[FULCIO]), "serve", "--host=127.0.0.1", f"--port={host.rpartition(':')[2]}", *authority]
    command += ["--grpc-host=127.0.0.1", f"--grpc-port={free_port()}", f"--metrics-port={free_port()}"]
    command += [f"--config-path={folder / 'fulcio.json'}", f"--ct-log-url={certificate_log}"]
    command += [f"--legacy-unix-domain-socket={folder / 'fulcio.sock'}"]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], **issuer}
    with served(command, host, folder / "fulcio.log", path="/healthz", environment=environment):
        yield f"http://{host}"


def _authority(folder: Path) -> list[str]:
    """Make the authority's key and certificate; return Fulcio's options for them."""
    key, secret = ec.generate_private_key(ec.SECP384R1()), "of this test"
    certificate = _certificate("authority of tests", key, authority=True)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret.encode()))
    (folder / "authority.key").write_bytes(encrypted)
    return [
        "--ca=fileca",
        f"--fileca-cert={folder / 'authority.pem'}",
        f"--fileca-key={folder / 'authority.key'}",
        f"--fileca-key-passwd={secret}",
        "--fileca-watch=false",
    ]


@contextmanager
def published(folder: Path, kubectl: Kubectl) -> Iterator[dict[str, str]]:
    """Publish what a cluster says of its tokens under its own name; give the environment that leads there."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = ISSUER.removeprefix("https://")
    certificate = _certificate(name, key, authority=False)
    (folder / "issuer.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "issuer.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.pem", folder / "issuer.key")
    discovery = json.loads(kubectl.run("get", "--raw", "/.well-known/openid-configuration"))
    documents = {
        "/.well-known/openid-configuration": {**discovery, "jwks_uri": f"{ISSUER}/openid/v1/jwks"},
        "/openid/v1/jwks": json.loads(kubectl.run("get", "--raw", "/openid/v1/jwks")),
    }
    server = _Server(("127.0.0.1", 0), _publishing(context, documents, f"{name}:443"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}",
            "SSL_CERT_FILE": str(folder / "issuer.pem"),
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # waited for where it is closed, so that no connection is left over


def _publishing(context: ssl.SSLContext, documents: Mapping[str, Any], place: str) -> type[BaseHTTPRequestHandler]:
    class Publishing(BaseHTTPRequestHandler):
        """A proxy that leads to one place, and is it."""

        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            if self.path != place:
                self.send_error(403)
                return
            self.send_response(200)
            self.end_headers()
            self.connection = self.request = context.wrap_socket(self.connection, server_side=True)
            self.setup()

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def do_GET(self) -> None:
            found = documents.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Publishing


def _key(stem: Path, form: PrivateFormat) -> None:
    """Write a key for a log, and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    stem.with_suffix(".key").write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stem.with_suffix(".pub").write_bytes(public)


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
    """Return a certificate that is signed by its own key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, identifier = datetime.now(UTC), x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(key, hashes.SHA256())
