"""What can go wrong with the embedded cluster, each error with its remedy.

One base class lets the command line print the message alone: all that a person needs is in it, and a traceback adds
nothing.
"""


class EmbeddedClusterError(Exception):
    """The embedded cluster cannot do what was asked; the message names what was wrong and what to do."""


class SettingsError(EmbeddedClusterError):
    """A setting has a value that cannot be used."""


class MissingProgramsError(EmbeddedClusterError):
    """The machine lacks programs or rights; all of them are named at once."""


class BuildError(EmbeddedClusterError):
    """A program of the cluster could not be built from its Go module."""


class ComponentError(EmbeddedClusterError):
    """A component did not come up, or went down again, within its limit."""


class CommandError(EmbeddedClusterError):
    """A program that was run to set something up failed."""
