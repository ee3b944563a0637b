"""What Pulumi starts for ``--policy-pack policies/cloud``."""

from pulumi_policy import PolicyPack
from tradeplane_cloud_policies.pack import NAME, policies

PolicyPack(NAME, policies=policies())
