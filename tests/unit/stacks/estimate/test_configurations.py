"""Configurations of an estimate come from the projects' files, of a stack and of its regions."""

from pathlib import Path

import pytest
import yaml
from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.estimate.configurations import configurations
from tradeplane_stacks.programs.program import ConfigurationRefused

REGIONS = ("eu-west-1", "us-east-1")
STACKS = Path(__file__).parents[4] / "stacks"
PLATFORM = STACKS / "platform"


def project(folder: Path, program: str = "platform", **stacks: object) -> Path:
    """Write a project of a program with a configuration for each stack; `__` in a name is a dot, and `_` a hyphen."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: tradeplane-{program}\nruntime: python\n")
    for name, settings in stacks.items():
        (folder / f"Pulumi.{name.replace('__', '.').replace('_', '-')}.yaml").write_text(yaml.safe_dump(settings))
    return folder


def example(stack: str = "sandbox", program: str = "platform") -> dict[str, dict[str, object]]:
    text = (STACKS / program / f"Pulumi.{stack}.yaml").read_text()
    settings: dict[str, dict[str, object]] = yaml.safe_load(text)
    return settings


def test_the_examples_are_read_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = configurations((PLATFORM,), "prod")
    assert list(found) == ["tradeplane-platform/prod"]
    key = found["tradeplane-platform/prod"]["signing_key"]
    assert isinstance(key, SigningKeyConfig)
    assert key.regions == ("eu-west-1", "us-east-1")


def test_a_stack_is_that_of_its_name_and_those_of_its_regions(tmp_path: Path) -> None:
    regions = {f"prod__{region.replace('-', '_')}": example(f"prod.{region}", "network") for region in REGIONS}
    one = project(tmp_path / "one", prod=example(), production=example(), dev=example())
    two = project(tmp_path / "two", "network", **regions)
    networks = {f"tradeplane-network/prod.{region}" for region in REGIONS}
    assert set(configurations((one, two), "prod")) == networks | {"tradeplane-platform/prod"}
    assert set(configurations((one, two), "prod.us-east-1")) == {"tradeplane-network/prod.us-east-1"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nosuch", "there is no Pulumi.nosuch.yaml"),
        ("Prod", "is no name of a stack"),
        ("prod.mars-north-1", "is no name of a stack"),
    ],
)
def test_a_stack_that_is_not_there_is_told(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StackInvalid, match=told):
        configurations((project(tmp_path, prod=example()),), name)


def test_no_folder_at_all_is_told() -> None:
    with pytest.raises(StackInvalid, match=r"no Pulumi\.prod\.yaml in stacks"):
        configurations((), "prod")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "Pulumi.prod.yaml").write_text("config: [\n")
    with pytest.raises(StackInvalid, match=r"Pulumi\.prod\.yaml cannot be read"):
        configurations((folder,), "prod")


def test_a_field_that_is_wrong_is_named(tmp_path: Path) -> None:
    settings = example()
    settings["config"]["tradeplane-platform:signing_key"] = {"primary_region": "eu-west-9"}
    with pytest.raises(ConfigurationRefused, match=r"signing_key\.primary_region"):
        configurations((project(tmp_path, prod=settings),), "prod")
