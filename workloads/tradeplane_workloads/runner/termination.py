"""The pod's last words, as Kubernetes reads them: at most 4,096 bytes in a file that the kubelet made."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.run import MAX_TERMINATION_BYTES, ExitCode, TerminationMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.base import Document

PATH_VARIABLE = "TRADEPLANE_TERMINATION_LOG"
"""Environment variable that names another file for the message."""
DEFAULT_PATH = Path("/dev/termination-log")
_MAX_CHARACTERS = 2_000
_CUT = " [...]"

_log = logging.getLogger(__name__)


def failure_message(code: ExitCode, words: str) -> TerminationMessage:
    """Return the message of a failure, cut so that its JSON fits whatever the words are made of."""
    message = TerminationMessage(exit_code=code, message=words[:_MAX_CHARACTERS])
    kept = len(message.message)
    while len(_encoded(message)) > MAX_TERMINATION_BYTES:
        kept = kept * 3 // 4
        message = TerminationMessage(exit_code=code, message=words[:kept] + _CUT)
    return message


def write_termination(message: Document, environ: Mapping[str, str]) -> None:
    """Write the message where the kubelet reads it; outside a pod, where there is no such file, do nothing.

    A failure to write is logged and no more: the manifest in the store is what counts.
    """
    named = environ.get(PATH_VARIABLE)
    path = Path(named) if named else DEFAULT_PATH
    if not named and not path.exists():
        return
    try:
        path.write_bytes(_encoded(message))
    except OSError as error:
        _log.warning("the termination message could not be written to %s: %s", path, error.strerror)


def _encoded(message: Document) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_none=True).encode("utf-8", "replace")
