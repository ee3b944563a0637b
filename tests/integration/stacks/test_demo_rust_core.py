"""The Rust core that the demo installs for its own commands, by uv into an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo import rust_core
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.rust_core import provide_core
from tradeplane_stacks.images.contents import Preparation

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = "import tradeplane_native; print(tradeplane_native.BUILD)"


class Prepared(Preparation):
    """Preparation that has built a wheel already, which says in it which build it is of."""

    def native_wheel(self, architecture: str) -> Path:
        """Return a wheel of no machine code."""
        assert architecture in {"amd64", "arm64"}
        path = self.cache / "tradeplane_native-0.1.0-py3-none-any.whl"
        if not path.exists():
            self.cache.mkdir()
            with zipfile.ZipFile(path, "w") as wheel:
                wheel.writestr("tradeplane_native.py", f"BUILD = {self.cache.name!r}\n")
                about = "tradeplane_native-0.1.0.dist-info"
                wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tradeplane-native\nVersion: 0.1.0\n")
                wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
                wheel.writestr(f"{about}/RECORD", "")
        return path


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an environment without the core, and have the demo run in it."""
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True, timeout=60)
    python = tmp_path / "venv/bin/python"
    monkeypatch.setattr(sys, "executable", str(python))
    (packages,) = (tmp_path / "venv/lib").glob("python3*/site-packages")
    monkeypatch.setattr(sys, "path", [str(packages)])  # where its metadata are looked for
    return python


def _said_by(python: Path) -> str:
    asked = subprocess.run([python, "-c", _MODULE], capture_output=True, text=True, check=True, timeout=60)
    return asked.stdout.strip()


def test_the_wheel_of_the_images_is_installed_once_and_anew_when_the_core_changed(python: Path, tmp_path: Path) -> None:
    said: list[str] = []
    provide_core(Prepared(tmp_path / "first", said.append))
    assert _said_by(python) == "first"
    provide_core(Prepared(tmp_path / "first", said.append))
    assert len(said) == 1, "it was there"
    provide_core(Prepared(tmp_path / "second", said.append))
    assert _said_by(python) == "second", "of the same version, and yet another"
    assert len(said) == 2


def test_a_core_that_uv_compiled_is_left_alone(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rust_core, "origin_of", lambda _: "file:///checkout/workloads/native")
    said: list[str] = []
    provide_core(Prepared(tmp_path / "wheel", said.append))
    assert (said, (tmp_path / "wheel").exists()) == ([], False)
    assert not list((python.parents[1] / "lib").glob("python3*/site-packages/tradeplane_native*"))


def test_an_environment_that_cannot_be_changed_is_told_with_another_way(python: Path, tmp_path: Path) -> None:
    python.parents[1].joinpath("pyvenv.cfg").unlink()
    python.unlink()
    with pytest.raises(DemoError, match=r"(?s)uv pip install.*failed.*make sync") as refused:
        provide_core(Prepared(tmp_path / "wheel", lambda _: None))
    assert "make sync" in refused.value.remedy
