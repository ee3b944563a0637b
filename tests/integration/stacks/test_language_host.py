"""What a ``pulumi`` that was built here has run a program: it answers where it says, and ends with the engine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2, language_pb2_grpc
from tradeplane_stacks.automation.language_host import HOST, LanguageHost, main, write_host

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = "tradeplane_stacks.automation.language_host"
_ENDS_WITHIN_S = 30.0
# Starts it as the engine does, says at which port it answers, and ends when it is told to.
_ENGINE = f"""
import subprocess, sys
host = subprocess.Popen([sys.executable, "-m", {_MODULE!r}, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
print(host.stdout.readline(), end="", flush=True)
sys.stdin.read()
"""


def answers(port: int) -> bool:
    """Return whether somebody listens at a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except ConnectionRefusedError:
        return False


def test_it_answers_at_the_port_it_prints_and_ends_with_the_engine() -> None:
    engine = subprocess.Popen([sys.executable, "-c", _ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with engine:
        assert engine.stdout is not None
        port = int(engine.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            host = language_pb2_grpc.LanguageRuntimeStub(channel)
            assert host.Handshake(language_pb2.LanguageHandshakeRequest()) == language_pb2.LanguageHandshakeResponse()
            assert not host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest()).packages
            host.GetPluginInfo(Empty())
            with pytest.raises(grpc.RpcError) as error:
                list(host.InstallDependencies(language_pb2.InstallDependenciesRequest()))
            assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert answers(port)
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while answers(port):
        assert time.monotonic() < deadline, "the host goes on without an engine"
        time.sleep(0.1)


def test_a_program_is_run_in_its_folder_and_speaks_to_the_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []

    def run(host: LanguageHost, request: language_pb2.RunRequest, _: object) -> language_pb2.RunResponse:
        told.extend(request.args)
        host.program()
        return language_pb2.RunResponse(error="as the program ended")

    monkeypatch.setattr("pulumi.automation._server.LanguageServer.Run", run)
    monkeypatch.chdir(tmp_path)  # and back, when it has ended
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "__main__.py").write_text("import pathlib; pathlib.Path('ran').write_text(__name__)", encoding="utf-8")
    info = language_pb2.ProgramInfo(program_directory=str(folder), entry_point=".")
    context: Any = None
    answer = LanguageHost("127.0.0.1:1").Run(language_pb2.RunRequest(info=info), context)
    assert answer.error == "as the program ended"
    assert told == ["127.0.0.1:1"]
    assert (folder / "ran").read_text(encoding="utf-8") == "__main__"


def test_who_starts_it_by_hand_is_told_who_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "started by pulumi" in capsys.readouterr().err


def test_it_is_run_by_the_python_that_is_told(tmp_path: Path) -> None:
    write_host(tmp_path / "pulumi")
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    ended = subprocess.run(
        [str(tmp_path / HOST), "-root=/", "127.0.0.1:1"],
        env={"PULUMI_PYTHON_CMD": str(python)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == ["-u", "-m", _MODULE, "-root=/", "127.0.0.1:1"]
