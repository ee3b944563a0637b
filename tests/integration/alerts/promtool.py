"""Prometheus's own tester of rules, as a test calls it."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.local.binaries import PROMTOOL, Binaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]
_WITHIN_S = 300


@dataclass(frozen=True)
class Promtool:
    """The program, and a folder for what it reads."""

    program: Path
    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Promtool:
        """Return it, built where it is not yet."""
        built = Binaries.of_user().build((PROMTOOL,), print)
        return cls(built[PROMTOOL], folder)

    def written(self, name: str, content: Json) -> Path:
        """Write a file of rules or of tests."""
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return file

    def complaints(self, rules: Sequence[Path]) -> str:
        """Return what ``promtool check rules`` has against files of rules: nothing, where they can be loaded."""
        done = self._run("check", "rules", "--lint=all", "--lint-fatal", *rules)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def faults(self, tests: Sequence[Path]) -> Mapping[str, list[str]]:
        """Return what of each file of tests ends otherwise than it says, by the file's name.

        A test that could not be run is a fault of ours: whether rules can be loaded is for ``complaints``.
        """
        results = self.folder / "results.xml"
        done = self._run("test", "rules", f"--junit={results}", *tests)
        assert done.returncode in (0, 1), done.stderr
        suites = ET.parse(results).getroot().findall("testsuite")  # noqa: S314
        assert [suite.get("name") for suite in suites] == [str(one) for one in tests], done.stderr
        for suite in suites:
            assert suite.get("errors") == "0", ET.tostring(suite, "unicode")
            assert suite.get("tests") not in (None, "0"), f"{suite.get('name')} has no test"
        return {Path(str(suite.get("name"))).stem: [str(one.text) for one in suite.iter("failure")] for suite in suites}

    def _run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "TMPDIR": str(self.folder)}
        return subprocess.run(
            [self.program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN_S,
            env=environment,
            cwd=self.folder,
        )
