"""What kustomize makes of the manifests of the repository, as objects: by ``kubectl kustomize``, as everybody makes it.

The manifests are in the package, below ``manifests``: links in the repository, and copies in a wheel, which has no
others. Whoever wants objects of them writes kustomizations that name those; there is no second form of any object.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.local.binaries import KUBECTL, Binaries
from tradeplane_stacks.local.errors import EmbeddedClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFESTS = Path(__file__).parent / "manifests"
"""``operator/deploy``, ``crds/yaml``, ``policies/admission`` and ``policies/quotas``, laid out as in the repository."""
_LIMIT_S = 60
_LAST_CHARACTERS = 2_000
# libyaml's, where there is one: the kinds alone are seconds of work in Python.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class KustomizeError(Exception):
    """Manifests cannot be rendered; the message says why and what to do."""


def locate_kubectl() -> Path:
    """Return the program: the one on PATH, or the embedded cluster's where that was built.

    Raises:
        KustomizeError: there is none.

    """
    found = shutil.which("kubectl")
    if found is not None:
        return Path(found)
    try:
        built = Binaries.of_user().locate((KUBECTL,))[KUBECTL]
    except EmbeddedClusterError:  # there is no Go, so that none can have been built by it
        built = None
    if built is None or not built.exists():
        raise KustomizeError("the program kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools/)")
    return built


def render(
    kustomizations: Mapping[str, str], *, manifests: Path = MANIFESTS, kubectl: Path | None = None
) -> list[dict[str, Any]]:
    """Return the objects of a tree of kustomizations, in kustomize's order.

    Args:
        kustomizations: text of each file by its path; ``kustomization.yaml`` is the one that is rendered.
        manifests: what the folder ``manifests`` beside it is: the package's, or that of other sources.
        kubectl: the program; the one that is found where none is named.

    Raises:
        KustomizeError: kubectl is missing, takes too long, or refuses them.

    """
    program = kubectl or locate_kubectl()
    with tempfile.TemporaryDirectory(prefix="tradeplane-kustomize-") as directory:
        root = Path(directory)
        (root / "manifests").symlink_to(manifests.resolve())
        for path, text in kustomizations.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return [one for one in yaml.load_all(_kustomize(program, root), Loader=_LOADER) if one]


def _kustomize(program: Path, root: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the program that was looked up
            [str(program), "kustomize", str(root)], capture_output=True, text=True, check=False, timeout=_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KustomizeError(f"{program} kustomize cannot be run: {error}") from error
    if done.returncode != 0:
        raise KustomizeError(f"{program} kustomize refused the manifests: {done.stderr.strip()[-_LAST_CHARACTERS:]}")
    return done.stdout
