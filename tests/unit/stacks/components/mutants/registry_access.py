"""How who may do what in an ArtifactRegistry could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_artifact_registry.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('PULL = ["', 'PULL = ["ecr:SetRepositoryPolicy", "', 0),
    ('LIST = ["', 'LIST = ["ecr:SetRepositoryPolicy", "', 0),
    (
        'PUSH = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage"',
        'PUSH = ["ecr:CompleteLayerUpload"',
        0,
    ),
    ('REMOVE = ["ecr:BatchDeleteImage", ', "REMOVE = [", 0),
    (', "ecr:PutLifecyclePolicy"]', "]", 0),
    ('UNDO = ["ecr:DeleteRepository", ', "UNDO = [", 0),
    (', "ecr:PutImageTagMutability"]', "]", 0),
    ("pullers = [*config.publisher_roles", 'pullers = ["*", *config.publisher_roles', 0),
    ("readers = [config.operator_role", 'readers = ["*", config.operator_role', 0),
    ("readers = [config.operator_role", 'readers = ["*", config.operator_role', 1),
    ("*_pushes(config.publisher_roles)", "*_pushes([*config.publisher_roles, *config.node_roles])", 0),
    ("*_pushes([config.operator_role])", "*_pushes([config.operator_role, *config.publisher_roles])", 0),
    ('"RefuseRemoval", "Deny"', '"RefuseRemoval", "Allow"', 0),
    ('"RefuseRemoval", "Deny"', '"RefuseRemoval", "Allow"', 1),
    ("REMOVE, principal=EVERYONE", "REMOVE, principal=roles(config.node_roles)", 0),
    ("[*REMOVE, *UNDO], principal=EVERYONE", "[*REMOVE, *UNDO], principal=roles(config.node_roles)", 0),
    ("[*REMOVE, *UNDO]", "REMOVE", 0),
    ('"RefusePushes", "Deny"', '"RefusePushes", "Allow"', 0),
    ('{"ArnNotEquals": ', '{"ArnEquals": ', 0),
    ('["ecr:GetAuthorizationToken"]', '["ecr:*"]', 0),
    ("            [config.results_arn(region) for region in config.regions],\n", '            ["*"],\n', 0),
    ('            ["ecr:CreateRepository"],\n', '            ["ecr:*"],\n', 0),
    ('service("ecr.amazonaws.com")', '{"AWS": "*"}', 0),
    ('"ecr:ReplicateImage", ', '"ecr:ReplicateImage", "ecr:PutImage", ', 0),
    ("            [config.results_arn(region) for region in config.regions],\n", '            ["*"],\n', 1),
    ('host = service_host("ecr", region)', 'host = service_host("ecr", config.regions[0])', 0),
    ('host = service_host("ecr", region)', 'host = service_host("s3", region)', 0),
    ("makers = [*config.administrator_roles, ", "makers = [*config.administrator_roles, *config.node_roles, ", 0),
    ('["kms:DescribeKey", "kms:RetireGrant"], through', '["kms:DescribeKey", "kms:RetireGrant"], {}', 0),
    ('["kms:DescribeKey", "kms:RetireGrant"]', '["kms:*"]', 0),
    ("principal=roles(arns)", "principal=EVERYONE", 0),
)
