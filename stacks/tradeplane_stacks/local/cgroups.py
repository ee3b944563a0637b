"""The cgroups of a cluster: one tree of its own in every hierarchy that the kernel has mounted.

Works with cgroup v1, v2 and both at once, without systemd. Everything that the cluster starts is born inside the tree,
so that what a crash left behind (container shims, pods) is found by where it is and not by its name.
"""

from __future__ import annotations

import contextlib
import errno
import time
from dataclasses import dataclass
from pathlib import Path

from tradeplane_stacks.local.errors import CommandError

_REMOVAL_LIMIT_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy."""

    path: Path
    unified: bool
    """Whether it is a cgroup v2 hierarchy."""


def parse_mounts(text: str) -> tuple[Hierarchy, ...]:
    """Read the cgroup hierarchies from the text of ``/proc/self/mounts``."""
    found = []
    for line in text.splitlines():
        _, target, kind, *_ = line.split(" ")
        if kind in {"cgroup", "cgroup2"}:
            found.append(Hierarchy(Path(target), unified=kind == "cgroup2"))
    return tuple(found)


@dataclass(frozen=True)
class CgroupTree:
    """The tree of one cluster, of the same shape in every hierarchy."""

    name: str
    hierarchies: tuple[Hierarchy, ...]
    """Hierarchies that processes are put into."""
    others: tuple[Hierarchy, ...] = ()
    """Hierarchies in which others may make cgroups of the same name, as kubelet does."""

    @classmethod
    def of_machine(cls, name: str) -> CgroupTree:
        """Tree of a name in the hierarchies of this machine.

        Where v1 and v2 are mounted at once, v2 has no controllers and runc does not use it, so it is left out.
        """
        mounted = parse_mounts(Path("/proc/self/mounts").read_text(encoding="utf-8"))
        legacy = tuple(hierarchy for hierarchy in mounted if not hierarchy.unified)
        used = legacy or mounted
        return cls(name, used, tuple(hierarchy for hierarchy in mounted if hierarchy not in used))

    def create(self, relative: str) -> None:
        """Make a cgroup and those above it, with all controllers passed down to it."""
        for hierarchy in self.hierarchies:
            parent = hierarchy.path
            for part in (self.name, *Path(relative).parts):
                if hierarchy.unified:
                    _delegate_controllers(parent)
                directory = parent / part
                directory.mkdir(exist_ok=True)
                if not hierarchy.unified:
                    _inherit_cpuset(parent, directory)
                parent = directory

    def procs_files(self, relative: str) -> tuple[Path, ...]:
        """Return the files, one a hierarchy, that a process writes itself to in order to join a cgroup."""
        return tuple(h.path / self.name / relative / "cgroup.procs" for h in self.hierarchies)

    def processes(self, relative: str = "") -> list[int]:
        """Ids of all processes in a cgroup or below it."""
        found: set[int] = set()
        for hierarchy in self.hierarchies:
            for listing in (hierarchy.path / self.name / relative).rglob("cgroup.procs"):
                with contextlib.suppress(OSError):  # a cgroup may go while we look
                    found.update(int(line) for line in listing.read_text(encoding="ascii").split())
        return sorted(found - {0})

    def remove(self) -> None:
        """Remove the tree, once every process in it has ended.

        Raises:
            CommandError: when the kernel still holds a part of it after ten seconds.

        """
        deadline = time.monotonic() + _REMOVAL_LIMIT_SECONDS
        for hierarchy in (*self.hierarchies, *self.others):
            root = hierarchy.path / self.name
            while (left := _remove_below(root)) is not None:
                if time.monotonic() > deadline:
                    raise CommandError(f"cgroup {left} is still in use: see `cat {left}/cgroup.procs`, then try again.")
                time.sleep(_POLL_SECONDS)


def _remove_below(root: Path) -> Path | None:
    """Remove directories from the leaves up; return the first that is busy, or None when all are gone."""
    directories = sorted((path for path in root.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
    for directory in (*directories, root):
        try:
            directory.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in {errno.EBUSY, errno.ENOTEMPTY}:
                raise
            return directory
    return None


def _delegate_controllers(parent: Path) -> None:
    """Let the children of a v2 cgroup use every controller that it has; one that is refused is left out."""
    available = (parent / "cgroup.controllers").read_text(encoding="ascii").split()
    enabled = (parent / "cgroup.subtree_control").read_text(encoding="ascii").split()
    for controller in sorted(set(available) - set(enabled)):
        with contextlib.suppress(OSError):  # e.g. cpu while real-time processes sit in the root cgroup
            (parent / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")


def _inherit_cpuset(parent: Path, directory: Path) -> None:
    """Copy the processors and memory nodes of a v1 cpuset: a new one has none, and nothing can join it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        own = directory / name
        if own.exists() and not own.read_text(encoding="ascii").strip():
            own.write_text((parent / name).read_text(encoding="ascii"), encoding="ascii")
