"""The language host for Python of a ``pulumi`` that was built here: what runs a program for the command ``pulumi``.

The published Pulumi has ``pulumi-language-python`` beside the program ``pulumi``, whose sources are in no Go module. It
is told the engine's address as its last argument, prints the port at which it answers, and runs a program when it is
asked to (pulumi's ``proto/pulumi/language.proto``). This one runs it by the Python that it is run by itself: it makes
no virtual environment, and installs nothing. ``tradeplane stack`` needs none, as it has its programs inline.
"""

import os
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.automation._server import LanguageServer  # what runs inline programs runs those of a folder as well
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from tradeplane_stacks.automation.python_plugins import write_python

HOST = "pulumi-language-python"
_LOOKS_FOR_ENGINE_S = 1.0


class LanguageHost(LanguageServer):
    """Runs programs for the engine at an address."""

    def __init__(self, engine: str) -> None:
        super().__init__(lambda: None)
        self._engine = engine

    def Handshake(  # noqa: N802 - as the protocol has it
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Answer that there is nothing to agree on."""
        del request, context
        return language_pb2.LanguageHandshakeResponse()

    def Run(  # noqa: N802 - as the protocol has it
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program of a folder, in that folder."""
        folder = Path(request.info.program_directory)

        def program() -> None:
            runpy.run_path(str(folder / request.info.entry_point), run_name="__main__")

        os.chdir(folder)
        self.program = program
        request.args[:] = [self._engine]  # where the inherited one looks for it
        answer: language_pb2.RunResponse = super().Run(request, context)  # type: ignore[no-untyped-call]
        return answer


def write_host(beside: Path) -> None:
    """Write the host beside a program ``pulumi`` that was built here."""
    write_python(beside, HOST, "tradeplane_stacks.automation.language_host")


def main(arguments: list[str]) -> int:
    """Answer the engine until it ends; return an exit code."""
    if not arguments:
        sys.stderr.write(f"error: {HOST} is started by pulumi, with the address of its engine\n")
        return 2
    engine = os.getppid()
    server = grpc.server(ThreadPoolExecutor())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(arguments[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the engine reads it
    while server.wait_for_termination(_LOOKS_FOR_ENGINE_S) and os.getppid() == engine:
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
