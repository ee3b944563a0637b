"""A socket where the CNI plugin waits until a pod's address is policed, and where a supervisor asks for health.

Without it a new pod is open from the moment it has a network until the API shows its address, a second or more. With
it the container runtime starts no container before the table knows the pod. One JSON line in, one out: the plugin runs
once for every pod and must start fast, so it speaks this with the standard library's sockets alone.

    {"command": "attach", "uid": U, "container": C, "address": "10.0.0.7"}  ->  {"ok": true} when policed
    {"command": "detach", "uid": U, "container": C}                         ->  {"ok": true}
    {"command": "health"}                                                   ->  {"ok": true} once a table is loaded

What goes wrong is answered as {"ok": false, "error": "..."}.
"""

import asyncio
import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Protocol

_LONGEST_LINE = 16 * 1024  # bytes
_READ_S = 5
_ADMIT_S = 10  # the API shows a pod well before its sandbox is made; the kubelet tries again after a failure


class Gatekeeper(Protocol):
    """What decides on requests; the enforcer."""

    @property
    def ready(self) -> bool:
        """Whether a table is loaded."""

    async def admit(self, uid: str, container: str, address: IPv4Address, wait_s: float) -> None:
        """Return when an address is policed; raise TimeoutError when it cannot be."""

    def release(self, uid: str, container: str) -> None:
        """Note that a pod's network is gone."""


async def serve(path: Path, gatekeeper: Gatekeeper) -> None:
    """Answer requests on a Unix socket that root alone can use, until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await _answer(reader, gatekeeper)
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass  # the caller went away; the runtime will ask again
        finally:
            writer.close()

    path.unlink(missing_ok=True)  # left over from a process that was killed
    server = await asyncio.start_unix_server(connected, path, limit=_LONGEST_LINE)
    path.chmod(0o600)
    try:
        async with server:
            await server.serve_forever()
    finally:
        path.unlink(missing_ok=True)


async def _answer(reader: asyncio.StreamReader, gatekeeper: Gatekeeper) -> Mapping[str, Any]:
    """Read one request and carry it out."""
    try:
        async with asyncio.timeout(_READ_S):
            request = json.loads(await reader.readline())
        return await _carry_out(request, gatekeeper)
    except TimeoutError:
        return {"ok": False, "error": f"no complete request within {_READ_S} s"}
    except (ValueError, KeyError, TypeError) as error:
        return {"ok": False, "error": f"the request cannot be understood: {type(error).__name__}: {error}"}


async def _carry_out(request: Mapping[str, Any], gatekeeper: Gatekeeper) -> Mapping[str, Any]:
    match request["command"]:
        case "health":
            return {"ok": True} if gatekeeper.ready else {"ok": False, "error": "no table is loaded yet"}
        case "detach":
            gatekeeper.release(str(request["uid"]), str(request["container"]))
            return {"ok": True}
        case "attach":
            uid, address = str(request["uid"]), IPv4Address(request["address"])
            try:
                await gatekeeper.admit(uid, str(request["container"]), address, _ADMIT_S)
            except TimeoutError:
                error = f"pod {uid} at {address} could not be policed within {_ADMIT_S} s: the API has not shown it"
                return {"ok": False, "error": error}
            return {"ok": True}
        case other:
            return {"ok": False, "error": f"{other!r} is not one of attach, detach, health"}
