"""How references of images could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_arm64_runners.py", "test_platform_config.py")

MUTANTS: tuple[Weakening, ...] = (
    ("@sha256:[0-9a-f]{64}$", "(@sha256:[0-9a-f]{64})?$", 0),
    ("[0-9a-f]{64}", "[0-9a-f]+", 0),
    ("*)+@sha256:[0-9a-f]{64}$", "*)+(:[a-z0-9]+)?@sha256:[0-9a-f]{64}$", 0),
    ("*)+@sha256:[0-9a-f]{64}$", "*)+.*$", 0),
    ('f"{self.tag}@{self.digest}"', "self.tag", 0),
)
