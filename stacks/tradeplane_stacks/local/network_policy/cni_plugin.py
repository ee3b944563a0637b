#!/usr/bin/python3 -I
"""A CNI plugin for the end of the chain: it lets a pod start only once its address is policed.

Kept free of everything but the standard library, and of this package: the container runtime runs the file itself, for
every pod. The network's configuration names it and the enforcer's socket:

    {"type": "tradeplane-policy", "socket": "/run/.../network-policy.sock"}

ADD passes on the previous plugin's result; when the enforcer cannot be reached or does not know the pod it fails, and
the kubelet tries again. DEL never fails, as the specification asks. https://www.cni.dev/docs/spec/
"""

import json
import os
import socket
import sys
from typing import Any

_VERSIONS = ["0.4.0", "1.0.0"]
_WAIT_S = 15  # a little more than the enforcer waits itself, so that its reason arrives
_LONGEST_REPLY = 16 * 1024
_INVALID_CONFIGURATION, _TRY_AGAIN = 7, 11  # error codes of the specification


class PluginError(Exception):
    """What the runtime is told, with the specification's error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def ask(path: str, request: dict[str, str]) -> None:
    """Send the enforcer a request and wait for its consent.

    Raises:
        PluginError: the enforcer cannot be reached, or says no.

    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_WAIT_S)
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            reply = json.loads(connection.makefile("rb").readline(_LONGEST_REPLY))
    except (OSError, ValueError) as error:
        raise PluginError(_TRY_AGAIN, f"the network policy enforcer at {path} does not answer: {error}") from error
    if reply.get("ok") is not True:
        raise PluginError(_TRY_AGAIN, f"the network policy enforcer refuses: {reply.get('error')}")


def pod_uid(arguments: str) -> str:
    """Take the pod's UID from CNI_ARGS (`KEY=value;KEY=value`)."""
    pairs = dict(pair.partition("=")[::2] for pair in arguments.split(";"))
    if not pairs.get("K8S_POD_UID"):
        raise PluginError(
            _INVALID_CONFIGURATION, "CNI_ARGS has no K8S_POD_UID; this plugin serves Kubernetes pods alone"
        )
    return pairs["K8S_POD_UID"]


def address_of(result: dict[str, Any]) -> str:
    """Take the first IPv4 address from the previous plugin's result."""
    addresses = [str(entry["address"]).partition("/")[0] for entry in result.get("ips", ())]
    found = [address for address in addresses if ":" not in address]
    if not found:
        raise PluginError(_INVALID_CONFIGURATION, "prevResult has no IPv4 address; put this plugin last in the chain")
    return found[0]


def run(command: str, container: str, arguments: str, configuration: dict[str, Any]) -> dict[str, Any] | None:
    """Carry out one CNI command; give what is to be printed."""
    if command == "VERSION":
        return {"cniVersion": configuration.get("cniVersion", _VERSIONS[-1]), "supportedVersions": _VERSIONS}
    if not configuration.get("socket"):
        raise PluginError(_INVALID_CONFIGURATION, "the configuration has no `socket`")
    about = {"uid": pod_uid(arguments), "container": container}
    if command == "ADD":
        result: dict[str, Any] = configuration.get("prevResult") or {}
        ask(configuration["socket"], {"command": "attach", "address": address_of(result), **about})
        return result
    if command == "DEL":
        try:
            ask(configuration["socket"], {"command": "detach", **about})
        except PluginError as error:
            sys.stderr.write(f"{error}\n")  # a pod must be removable without the enforcer
    return None


def main() -> int:
    """Run as the specification says: command in the environment, configuration on standard input."""
    try:
        configuration = json.load(sys.stdin)
        command, container, arguments = (
            os.environ.get(f"CNI_{name}", "") for name in ("COMMAND", "CONTAINERID", "ARGS")
        )
        output = run(command, container, arguments, configuration)
    except PluginError as error:
        sys.stdout.write(json.dumps({"cniVersion": _VERSIONS[-1], "code": error.code, "msg": str(error)}))
        return 1
    if output is not None:
        sys.stdout.write(json.dumps(output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
