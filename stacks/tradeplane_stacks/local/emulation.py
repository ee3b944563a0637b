"""Lets the kernel run arm64 programs through qemu, which the emulated node and its pods need.

The registration is the kernel's and the machine's, not the cluster's, so it is made when it is missing and never taken
away.
"""

from __future__ import annotations

from pathlib import Path

from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.execution import execute

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_NAME = "qemu-aarch64"
_WITHOUT = "Or leave the emulated node out: ARM64=0."


def registration(text: str) -> str | None:
    """Say what is wrong with a registration, given the kernel's text of it; None when it will do.

    The ``F`` flag is needed: the interpreter is opened when it is registered, so that containers, which do not have
    its file, can use it.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != "enabled":
        return "it is disabled"
    kernel_flags = next((line.partition(":")[2].strip() for line in lines if line.startswith("flags:")), "")
    return None if "F" in kernel_flags else f"its flags are {kernel_flags!r}, without F containers cannot use it"


def is_ready() -> bool:
    """Whether the kernel runs arm64 programs, in containers too."""
    entry = _BINFMT / _NAME
    return entry.exists() and registration(entry.read_text(encoding="utf-8")) is None


def ensure() -> None:
    """Register qemu for arm64 programs if it is not yet.

    Raises:
        CommandError: when that does not work; the message names what to do, or to do without.

    """
    if is_ready():
        return
    if not (_BINFMT / "status").exists():
        execute("mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT))
    entry = _BINFMT / _NAME
    if not entry.exists():
        try:
            execute("update-binfmts", "--enable", _NAME)
        except CommandError as error:
            raise CommandError(f"{error}\nInstall qemu-user-static and binfmt-support. {_WITHOUT}") from error
    fault = registration(entry.read_text(encoding="utf-8")) if entry.exists() else "it is not there"
    if fault is not None:
        raise CommandError(
            f"The kernel's registration {entry} cannot be used: {fault}. "
            f"Reinstall qemu-user-static, or `echo -1 >{entry}` and run this again. {_WITHOUT}"
        )
