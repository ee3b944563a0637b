"""Where things lie in the store of a namespace.

A store is one URL; each namespace has a folder of its own in it, which is all a pod of that namespace can see.
"""

from __future__ import annotations


def snapshot_folder(digest: str) -> str:
    """Folder of all that is stored of the snapshot with this id (``sha256:<hex>``)."""
    return f"snapshots/{digest.removeprefix('sha256:')}"


def snapshot_manifest(digest: str) -> str:
    """Path of the manifest of the snapshot with this id (``sha256:<hex>``)."""
    return f"{snapshot_folder(digest)}/manifest.json"


def snapshot_part(digest: str, part: str) -> str:
    """Path of one file of a snapshot: an Arrow file, unless the part's name says what else it is."""
    file = part if "." in part else f"{part}.arrow"
    return f"{snapshot_folder(digest)}/{file}"


def snapshot_environment(digest: str) -> str:
    """Path of what says where a session of a snapshot was sealed; it enters no digest."""
    return f"{snapshot_folder(digest)}/environment.json"


def capture_pointer(capture: str, number: int) -> str:
    """Path of what a capture says of a bundle it sealed: numbers go up by one, so the next is found without a list."""
    return f"captures/{capture}/{number}.json"


def results_manifest(run: str) -> str:
    """Path of the manifest of a run's results."""
    return f"results/{run}/manifest.json"


def results_part(run: str, part: str) -> str:
    """Path of one Arrow file of a run's results."""
    return f"results/{run}/{part}.arrow"


def results_summary(run: str) -> str:
    """Path of the summary of a run's results, the same figures as in its manifest, for people."""
    return f"results/{run}/summary.json"


def results_log(run: str, attempt: str) -> str:
    """Path of the log of one attempt at a run."""
    return f"results/{run}/log-{attempt}.txt"


def replay_record(replay: str) -> str:
    """Path of what a replay left: its verdict."""
    return f"replays/{replay}/record.json"


def replay_log(replay: str, attempt: str) -> str:
    """Path of the log of one attempt at a replay."""
    return f"replays/{replay}/log-{attempt}.txt"
