"""Names of Pulumi's projects, one a program, and of the folders that they are in. Known without Pulumi."""

PREFIX = "tradeplane-"
"""How the names of all projects begin."""


def folder_of(project: str) -> str:
    """Return the folder of a project, beside those of the others in ``stacks``."""
    return project.removeprefix(PREFIX)


def bring_up(project: str, stack: str) -> str:
    """Return what to do where a stack of another program is missing, or is of an older form."""
    return f"bring it up first: tradeplane stack up {stack} -C stacks/{folder_of(project)}"
