"""The checked configurations of stacks, from the files of their projects: no engine and no state is asked."""

from pathlib import Path

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.stack import program_of
from tradeplane_stacks.automation.stack_files import read_values
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName


def configurations(folders: tuple[Path, ...], environment: str) -> dict[str, dict[str, Configuration]]:
    """Return the configurations of the parts of a stack, and of its regions' where the name says none.

    ``prod`` are ``Pulumi.prod.yaml`` and ``Pulumi.prod.eu-west-1.yaml`` of each folder; each is named by its project.

    Raises:
        StackInvalid: when no folder has such a stack, or a file cannot be read.
        ConfigurationRefused: when a configuration is not valid, with every field that is wrong.

    """
    try:
        wanted = StackName.parse(environment)
    except InvalidStackName as error:
        raise StackInvalid(f"{environment!r} is no name of a stack: {error}") from error
    found: dict[str, dict[str, Configuration]] = {}
    for folder in folders:
        files = _files(folder, wanted)
        if not files:
            continue
        program = program_of(folder)
        for stack, file in files.items():
            found[f"{program.project}/{stack}"] = program.read(stack, read_values(file, program.project))
    if not found:
        where = ", ".join(map(str, folders)) or "stacks"
        raise StackInvalid(
            f"stack {environment} has no configuration: there is no Pulumi.{environment}.yaml in {where}",
            "write it, or name another stack or, with --cwd, another folder",
        )
    return found


def _files(folder: Path, wanted: StackName) -> dict[str, Path]:
    whole = folder / f"Pulumi.{wanted}.yaml"
    files = [whole] if whole.is_file() else []
    if wanted.region is None:
        files += sorted(folder.glob(f"Pulumi.{wanted}.*.yaml"))
    return {file.name.removeprefix("Pulumi.").removesuffix(".yaml"): file for file in files}
