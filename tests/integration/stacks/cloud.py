"""A cloud of the test's own (moto's server), in which a test says what fails, and holds what is to be interrupted."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import threading
import urllib.request
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
from moto.iam.models import IAMBackend
from moto.kms.models import KmsBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.route53.models import HealthCheck
from moto.route53.responses import Route53
from moto.s3.models import FakeBucket, S3Backend
from werkzeug.serving import make_server

from tests.integration.stacks import global_tables, kept_as_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest
    from moto.iam.models import ManagedPolicy

ACCOUNT = "123456789012"
"""The account that moto's server answers as."""
_HELD_FOR_S = 60
_moto_replicate = KmsBackend.replicate_key
_moto_lock: Any = S3Backend.put_object_lock_configuration
_moto_may_log: Any = FakeBucket._log_permissions_enabled_policy
_moto_policies = IAMBackend._init_aws_policies
_moto_check: Any = Route53.create_health_check
_moto_change_check: Any = Route53.update_health_check
_moto_told_of_check: Any = HealthCheck.health_check_config
_BY_ALARM = ("AlarmIdentifier", "InsufficientDataHealthStatus")
_policies: list[ManagedPolicy] = []


@dataclass
class Cloud:
    """The server's address, and what its requests meet. Operations are named as ``CreateAlias``."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Every operation that was asked for, in order."""
    _failures: dict[str, str] = field(default_factory=dict)
    _held: dict[str, tuple[threading.Event, threading.Event]] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

    def empty(self) -> None:
        """Forget all that was made."""
        with urllib.request.urlopen(f"{self.url}/moto-api/reset", data=b"", timeout=30):  # noqa: S310 - it is our own
            self.asked.clear()

    def client(self, service: str, region: str) -> Any:
        """Return a client that goes there."""
        return _client(service, region, self.url)

    @contextlib.contextmanager
    def failing(self, operation: str, code: str) -> Iterator[None]:
        """Answer an operation with an error of a code, and do nothing of it."""
        self._failures[operation] = code
        try:
            yield
        finally:
            del self._failures[operation]

    @contextlib.contextmanager
    def holding(self, operation: str) -> Iterator[threading.Event]:
        """Keep whoever asks for an operation waiting, and refuse it in the end; yields what says that it was asked."""
        reached, released = threading.Event(), threading.Event()
        self._held[operation] = reached, released
        try:
            yield reached
        finally:
            if operation in self._held:
                self._refused.add(operation)
                self.release(operation)

    def release(self, operation: str) -> None:
        """Go on with an operation that is held: it is answered as any other."""
        _, released = self._held.pop(operation)
        released.set()

    def answer(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Stand before moto's application."""

        def stand(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            operation = _operation(environ)
            self.asked.append(operation)
            code = self._failures.get(operation)
            if operation in self._held:
                reached, released = self._held[operation]
                reached.set()
                assert released.wait(_HELD_FOR_S), f"{operation} is held for too long"
                code = "KMSInternalException" if operation in self._refused else None
                self._refused.discard(operation)
            if code is None:
                return application(environ, start_response)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _failed(operation, code, environ, start_response)

        return stand


@functools.cache
def _client(service: str, region: str, url: str) -> Any:
    """Make a client once: it reads the whole model of its service."""
    return boto3.client(service, region_name=region, endpoint_url=url)


class _Services(DomainDispatcherApplication):
    """moto's services, each found by its host once: moto would list its folder and try all patterns each time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._found: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._found:
            self._found[host] = super().get_backend_for_host(host)
        return self._found[host]


def _operation(environ: dict[str, Any]) -> str:
    """Return the operation of a request as AWS calls it; of a protocol that has none in it, method and path."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if _is_query(environ):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return str(parse_qs(body.decode()).get("Action", [""])[0])
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _is_query(environ: dict[str, Any]) -> bool:
    return bool(environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"))


def _failed(operation: str, code: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer as a service does that refuses, in the form of the protocol that it was asked by."""
    said = f"{operation} was made to fail"
    if _is_query(environ):
        start_response("400 Bad Request", [("Content-Type", "text/xml")])
        error = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>"
        return [f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>".encode()]
    start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps({"__type": code, "message": said}).encode()]


def _replicate(backend: KmsBackend, key_id: str, replica_region: str) -> Any:
    """Replicate a key as AWS does: moto's replica would share the primary's aliases, which are of a region."""
    replica = _moto_replicate(backend, key_id, replica_region)
    replica.aliases = {}
    return replica


def _lock(backend: S3Backend, bucket_name: str, *arguments: Any, **named: Any) -> None:
    """Set the lock of a bucket that holds something, as S3 does; moto wants it to be empty."""
    bucket = backend.get_bucket(bucket_name)
    held, bucket.keys = bucket.keys, type(bucket.keys)()
    try:
        _moto_lock(backend, bucket_name, *arguments, **named)
    finally:
        bucket.keys = held


def _may_log(target_bucket: Any, target_prefix: str | None) -> bool:
    """Read a policy as S3 does, to which a list of one resource is that resource: moto knows the text alone."""
    policy = json.loads(target_bucket.policy or b'{"Statement": []}')
    for one in policy["Statement"]:
        if isinstance(one.get("Resource"), list) and len(one["Resource"]) == 1:
            one["Resource"] = one["Resource"][0]
    read = SimpleNamespace(
        policy=json.dumps(policy).encode(), partition=target_bucket.partition, name=target_bucket.name
    )
    return bool(_moto_may_log(read, target_prefix))


def _managed_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    """Read AWS's own policies once: there are more than a thousand, which moto would read again as it is emptied."""
    if not _policies:
        _policies.extend(_moto_policies(backend))
    return _policies


def _check(handler: Any) -> Any:
    """Make a health check as Route 53 does: moto forgets the alarm of one that goes by an alarm."""
    answer = _moto_check(handler)
    config = handler._get_param("HealthCheckConfig")
    answer.result["HealthCheck"].by_alarm = {name: config[name] for name in _BY_ALARM if name in config}
    return answer


def _change_check(handler: Any) -> Any:
    """Change one as Route 53 does, its alarm as well."""
    answer = _moto_change_check(handler)
    asked = {name: handler._get_param(name) for name in _BY_ALARM}
    answer.result["HealthCheck"].by_alarm |= {name: value for name, value in asked.items() if value is not None}
    return answer


def _told_of_check(check: Any) -> dict[str, Any]:
    """Tell of a health check with its alarm."""
    return {**_moto_told_of_check.fget(check), **check.by_alarm}


class _Quiet(MotoRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing of each request."""


@contextlib.contextmanager
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Serve on a free port of loopback."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    monkeypatch.setattr(KmsBackend, "replicate_key", _replicate)
    monkeypatch.setattr(S3Backend, "put_object_lock_configuration", _lock)
    monkeypatch.setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(_may_log))
    monkeypatch.setattr(IAMBackend, "_init_aws_policies", _managed_policies)
    monkeypatch.setattr(Route53, "create_health_check", _check)
    monkeypatch.setattr(Route53, "update_health_check", _change_check)
    monkeypatch.setattr(HealthCheck, "health_check_config", property(_told_of_check))
    global_tables.extend(monkeypatch)
    kept_as_asked.extend(monkeypatch)
    found = Cloud()
    application = found.answer(_Services())
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
