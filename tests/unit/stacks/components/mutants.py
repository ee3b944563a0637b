"""Weaken each security setting of the components, one at a time, and see that a test of theirs fails.

``python -m tests.unit.stacks.components.mutants``; apart from the unit tests, as it runs them once for each weakening.
Each runs in a fork of its own, with Pulumi loaded already and the component's module made anew from weakened source.
"""

import importlib
import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KEY, TAGS = "signing_key", "tags"

# Module, what its source says, what is said instead, and which occurrence of it.
MUTANTS: tuple[tuple[str, str, str, int], ...] = (
    (KEY, '"ECC_NIST_P256"', '"RSA_2048"', 0),
    (KEY, '"SIGN_VERIFY"', '"ENCRYPT_DECRYPT"', 0),
    (KEY, "multi_region=True", "multi_region=False", 0),
    (KEY, "policy=policy,\n", "\n", 0),
    (KEY, "policy=policy,\n", "\n", 1),
    (KEY, "check=False", "check=True", 0),
    (KEY, "check=False", "check=True", 1),
    (KEY, "deletion_window_in_days=config.deletion_window_days", "deletion_window_in_days=7", 0),
    (KEY, "deletion_window_in_days=config.deletion_window_days", "deletion_window_in_days=7", 1),
    (KEY, "region=config.primary_region,\n            opts=kept", "opts=kept", 0),
    (KEY, "region=region,\n                opts=kept", "opts=kept", 0),
    (KEY, "region=region,\n                opts=pulumi", "opts=pulumi", 0),
    (KEY, "protect=True", "protect=False", 0),
    (KEY, "opts=kept", "opts=pulumi.ResourceOptions(parent=self)", 0),
    (KEY, "opts=kept", "opts=pulumi.ResourceOptions(parent=self)", 1),
    (KEY, "for region in config.replica_regions", "for region in ()", 0),
    (KEY, "target_key_id=arn", 'target_key_id="other"', 0),
    (KEY, 'if generation.state == "signs"', "if True", 0),
    (KEY, 'if generation.state == "signs"', 'if generation.state != "published"', 0),
    (KEY, '"Deny", {"AWS": "*"}', '"Allow", {"AWS": "*"}', 0),
    (KEY, '"Deny", {"AWS": "*"}', '"Deny", {"AWS": config.operator_role}', 0),
    (KEY, '"ArnNotEquals"', '"ArnEquals"', 0),
    (KEY, '"Allow", {"AWS": config.operator_role}', '"Allow", {"AWS": "*"}', 0),
    (KEY, '{"AWS": list(config.administrator_roles)}', '{"AWS": "*"}', 0),
    (KEY, '["kms:Sign", ', '["kms:*", ', 0),
    (KEY, "ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:Sign",\n', 0),
    (KEY, "ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:CreateGrant",\n', 0),
    (KEY, "ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:*",\n', 0),
    (KEY, "[*statements, refused]", "statements", 0),
    (KEY, "role/[A-Za-z0-9+=,.@_/-]+$", "role/.+$", 0),
    (KEY, ":role/[", ":(role/)?[", 0),
    (KEY, "ge=14", "ge=7", 0),
    (KEY, "if self.operator_role in self.administrator_roles", "if False", 0),
    (KEY, "if len(found) > 1", "if False", 0),
    (KEY, "found |= ", "_ = ", 0),
    (KEY, "for generation in self.generations) != 1", "for generation in self.generations) < 1", 0),
    (KEY, "required_tags(stack, config.ownership)", "{}", 0),
    (TAGS, "{**(own or {}), **required}", "dict(own or {})", 0),
    (TAGS, "if reserved:", "if False:", 0),
    (TAGS, '    f"{PREFIX}data-classification": ownership.data_classification,\n', "", 0),
    (TAGS, '    f"{PREFIX}owner": ownership.owner,\n', "", 0),
)


def weakened(source: str, said: str, instead: str, occurrence: int) -> str:
    """Say something else at one place of a source; a place that is no longer there is an error, not a survivor."""
    parts = source.split(said)
    if occurrence + 1 >= len(parts):
        raise LookupError(f"{said!r} is not there {occurrence + 1} times; bring the table of mutants up to date")
    return said.join(parts[: occurrence + 1]) + instead + said.join(parts[occurrence + 1 :])


def tests_fail(module: str, said: str, instead: str, occurrence: int) -> bool:
    """Run the components' tests on a weakened module, in a process of its own."""
    name = f"tradeplane_stacks.components.{module}"
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    code = compile(weakened(Path(spec.origin).read_text(), said, instead, occurrence), spec.origin, "exec")
    child = os.fork()
    if child == 0:
        try:
            made = types.ModuleType(name)
            sys.modules[name] = made
            exec(code, made.__dict__)  # noqa: S102 -- the component's own source
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            os._exit(int(pytest.main([str(HERE), "-x", "-q", "-p", "no:cacheprovider"])))
        finally:
            os._exit(70)  # it could not be loaded
    # 1 is failed tests; anything else would be tests that could not run, which shows nothing.
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def main() -> int:
    """Print every weakening that no test noticed; 0 when there is none."""
    importlib.import_module("pulumi_aws.kms")  # loaded once, for all forks
    if tests_fail(KEY, "SIGN_VERIFY", "SIGN_VERIFY", 0):
        print("the tests fail with nothing weakened, which would count as noticed")
        return 2
    survivors = [mutant for mutant in MUTANTS if not tests_fail(*mutant)]
    for module, said, instead, occurrence in survivors:
        print(f"survives: {module}: {said!r} ({occurrence + 1}) -> {instead!r}")
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} weakenings noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
