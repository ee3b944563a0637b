"""Files of projects and stacks are read as Pulumi hands on what they say, and refused by name where it would not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.stack_files import read_settings, read_values, secrets_of, typed


def written(folder: Path, text: str) -> Path:
    file = folder / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_values_are_text_or_json_and_the_projects_own(tmp_path: Path) -> None:
    text = "config:\n  p:name: a\n  p:count: 3\n  p:on: true\n  p:list: [1, x]\n  p:map: {a: 1}\n  other:name: b\n"
    assert read_values(written(tmp_path, text), "p") == {
        "name": "a",
        "count": "3",
        "on": "true",
        "list": '[1, "x"]',
        "map": '{"a": 1}',
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("config: [\n", "cannot be read"),
        ("- a\n", "is no object of settings"),
        ("secretsprovider: passphrase\n", "config: there is no such mapping"),
        ("config: later\n", "config: there is no such mapping"),
        ("config:\n  p:key: {secure: AAAB}\n", "p:key can be read by Pulumi alone"),
        (
            "config:\n  p:key: {a: {b: {secure: AAAB}}, c: [1, {secure: AAAB}]}\n",
            r"p:key\.a\.b, p:key\.c\.1 can be read by Pulumi alone",
        ),
    ],
)
def test_a_file_without_values_is_named(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StackInvalid, match=rf"Pulumi\.dev\.yaml.*{told}"):
        read_values(written(tmp_path, text), "p")


def test_secrets_of_others_are_not_its_own(tmp_path: Path) -> None:
    file = written(
        tmp_path, "config:\n  other:key: {secure: AAAB}\n  p:key: {secure: {name: a}}\n  p:two: {secure: a, b: c}\n"
    )
    assert read_values(file, "p") == {"key": '{"secure": {"name": "a"}}', "two": '{"secure": "a", "b": "c"}'}
    assert secrets_of(file, "p") == ()
    assert secrets_of(file, "other") == ("other:key",)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackInvalid, match=r"there is no .*Pulumi\.yaml") as error:
        read_settings(tmp_path / "Pulumi.yaml")
    assert error.value.remedy == "name the folder of a program, or another stack"


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("stacks/cluster", "prod.eu-west-1"),
        ("stacks", "prod.eu-west-1 -C cluster"),
        (".", "prod.eu-west-1 -C stacks/cluster"),
        ("elsewhere", "prod.eu-west-1 -C '{}/stacks/cluster'"),
    ],
)
def test_commands_name_a_stack_so_that_they_find_it_from_here(
    folder: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "of somebody"
    for made in ("stacks/cluster", "elsewhere"):
        (home / made).mkdir(parents=True)
    monkeypatch.chdir(home / folder)
    assert typed("prod.eu-west-1", home / "stacks" / "cluster") == named.format(home)


def test_a_folder_that_is_named_from_here_is_named_so_in_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("prod", Path("stacks/platform")) == "prod -C stacks/platform"
    assert typed("prod", Path()) == "prod"
