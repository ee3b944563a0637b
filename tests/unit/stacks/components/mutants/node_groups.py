"""How groups of nodes could be weakened."""

from tests.unit.stacks.components.loaded import TYPES  # noqa: F401 -- loaded once, for all forks
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_region_cluster.py", "test_arm64_runners.py")

MUTANTS: tuple[Weakening, ...] = (
    ('http_tokens="required"', 'http_tokens="optional"', 0),
    ("http_put_response_hop_limit=1", "http_put_response_hop_limit=2", 0),
    ('instance_metadata_tags="disabled"', 'instance_metadata_tags="enabled"', 0),
    ('encrypted="true"', 'encrypted="false"', 0),
    ("kms_key_id=nodes.volume_key_arn,\n", "\n", 0),
    ('delete_on_termination="true"', 'delete_on_termination="false"', 0),
    ('"bottlerocket": ("/dev/xvda", "/dev/xvdb")', '"bottlerocket": ("/dev/xvda",)', 0),
    ("tags=dict(nodes.tags)", "tags={}", 0),
    ('("instance", "volume", "network-interface")', '("instance",)', 0),
    ("update_default_version=True", "update_default_version=False", 0),
    ('effect="NO_SCHEDULE"', 'effect="PREFER_NO_SCHEDULE"', 0),
    ("labels=group.labels", "labels={}", 0),
    ("force_update_version=False", "force_update_version=True", 0),
    ("max_unavailable=1", "max_unavailable=100", 0),
    ("enabled=True", "enabled=False", 0),
    ("node_role_arn=nodes.role.arn", 'node_role_arn="other"', 0),
    ("version=nodes.version,\n", "\n", 0),
    ("*nodes.role.attached]", "]", 0),
    ("[*after, ", "[", 0),
    ("NodeGroupLaunchTemplateArgs(id=template.id", "NodeGroupLaunchTemplateArgs(id='other'", 0),
    ('"BOTTLEROCKET_ARM_64"', '"BOTTLEROCKET_x86_64"', 0),
    ('"AL2023_ARM_64_STANDARD"', '"AL2_ARM_64"', 0),
    ("labels=group.labels", 'remote_access=eks.NodeGroupRemoteAccessArgs(ec2_ssh_key="k"), labels=group.labels', 0),
    ("    return ec2.LaunchTemplate(\n        name,", '    return ec2.LaunchTemplate(\n        name, key_name="k",', 0),
    ("if self.min_size > self.max_size:", "if False:", 0),
    ('if self.architecture == "amd64" and', "if False and", 0),
    ("refuse_unoffered(region, self.instance_types)\n", "pass\n", 0),
    ("found = [] if self.dedicated is None else", "found = [] if True else", 0),
    ("if self.taint_architecture else found", "if False else found", 0),
    ("StringConstraints(pattern=INSTANCE_TYPE)", 'StringConstraints(pattern="")', 0),
    ("Field(ge=20, le=16384)", "Field(ge=1, le=16384)", 0),
    ('Literal["al2023", "bottlerocket"]', 'Literal["al2", "al2023", "bottlerocket"]', 0),
    ("region=nodes.region,\n", "\n", 0),
    ("region=nodes.region,\n", "\n", 1),
    ('ignore_changes=["scalingConfig.desiredSize"]', "ignore_changes=[]", 0),
)
