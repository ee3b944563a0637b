"""Which folders are policy packs, and by what Pulumi's engine runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tradeplane_stacks.automation import policy_packs
from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.policy_packs import PLUGIN, environment, found_packs, write_plugin

CLOUD_POLICIES = Path(__file__).parents[4] / "policies" / "cloud"


def test_a_pack_is_given_by_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CLOUD_POLICIES.parent)
    assert found_packs([Path("cloud")]) == [str(CLOUD_POLICIES)]


def test_without_packs_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_packs, "find_spec", lambda _: None)
    assert found_packs([]) == []


def test_a_folder_without_a_description_is_none(tmp_path: Path) -> None:
    with pytest.raises(StackInvalid, match=r"no policy pack: there is no .*PulumiPolicy\.yaml"):
        found_packs([CLOUD_POLICIES, tmp_path])


def test_without_the_sdk_of_policies_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_packs, "find_spec", lambda _: None)
    with pytest.raises(StackInvalid, match="need pulumi-policy") as error:
        found_packs([CLOUD_POLICIES])
    assert error.value.remedy == f"pip install {CLOUD_POLICIES}"


def test_the_plugin_is_found_where_the_engine_looks(tmp_path: Path) -> None:
    write_plugin(tmp_path / "pulumi")
    assert environment(f"{tmp_path}/empty:{tmp_path}", tmp_path / "pulumi") == {"PULUMI_PYTHON_CMD": sys.executable}


def test_without_a_plugin_it_is_said_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(StackInvalid, match=f"the plugin {PLUGIN} is neither on PATH nor beside") as error:
        environment(str(tmp_path), tmp_path / "pulumi")
    assert "python -m tradeplane_stacks.automation" in str(error.value.remedy)


def test_the_plugin_runs_the_sdk_by_the_python_it_is_told(tmp_path: Path) -> None:
    write_plugin(tmp_path / "pulumi")
    write_plugin(tmp_path / "pulumi")
    assert [path.name for path in tmp_path.iterdir()] == [PLUGIN]
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    ended = subprocess.run(
        [str(tmp_path / PLUGIN), "127.0.0.1:1", "a folder"],
        env={"PULUMI_PYTHON_CMD": str(python), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == ["-u", "-m", "pulumi.policy", "127.0.0.1:1", "a folder"]
