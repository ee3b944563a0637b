"""How each security setting of SigningKey could be weakened."""

from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_signing_key.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"ECC_NIST_P256"', '"RSA_2048"', 0),
    ('"SIGN_VERIFY"', '"ENCRYPT_DECRYPT"', 0),
    ("multi_region=True", "multi_region=False", 0),
    ("policy=policy,\n", "\n", 0),
    ("policy=policy,\n", "\n", 1),
    ("check=False", "check=True", 0),
    ("check=False", "check=True", 1),
    ("deletion_window_in_days=config.deletion_window_days", "deletion_window_in_days=7", 0),
    ("deletion_window_in_days=config.deletion_window_days", "deletion_window_in_days=7", 1),
    ("region=config.primary_region,\n            opts=kept", "opts=kept", 0),
    ("region=region,\n                opts=kept", "opts=kept", 0),
    ("region=region,\n                opts=pulumi", "opts=pulumi", 0),
    ("protect=True", "protect=False", 0),
    ("in sorted(public_keys.items())", "in sorted(public_keys.items())[:1]", 0),
    ("opts=kept", "opts=pulumi.ResourceOptions(parent=self)", 0),
    ("opts=kept", "opts=pulumi.ResourceOptions(parent=self)", 1),
    ("for region in config.replica_regions", "for region in ()", 0),
    ("target_key_id=arn", 'target_key_id="other"', 0),
    ('if generation.state == "signs"', "if True", 0),
    ('if generation.state == "signs"', 'if generation.state != "published"', 0),
    ('"Deny", {"AWS": "*"}', '"Allow", {"AWS": "*"}', 0),
    ('"Deny", {"AWS": "*"}', '"Deny", {"AWS": config.operator_role}', 0),
    ('"ArnNotEquals"', '"ArnEquals"', 0),
    ('"Allow", {"AWS": config.operator_role}', '"Allow", {"AWS": "*"}', 0),
    ('{"AWS": list(config.administrator_roles)}', '{"AWS": "*"}', 0),
    ('["kms:Sign", ', '["kms:*", ', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:Sign",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:CreateGrant",\n', 0),
    ("ADMINISTER = [\n", 'ADMINISTER = [\n    "kms:*",\n', 0),
    ("[*statements, refused]", "statements", 0),
    ("ge=14", "ge=7", 0),
    ("if self.operator_role in self.administrator_roles", "if False", 0),
    ("if len(found) > 1", "if False", 0),
    ("found |= ", "_ = ", 0),
    ("for generation in self.generations) != 1", "for generation in self.generations) < 1", 0),
    ("required_tags(stack, config.ownership)", "{}", 0),
)
