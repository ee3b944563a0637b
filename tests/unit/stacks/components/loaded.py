"""What takes seconds to load, loaded once before weakened components are forked: types of AWS and Kubernetes.

Nothing here is of a component: a weakened one must not meet others that have loaded it as it is.
"""

import gc

import botocore.session  # noqa: F401
import pulumi.runtime.mocks  # noqa: F401
import tradeplane_store.layout  # noqa: F401
from pulumi_aws import cloudwatch, dynamodb, ec2, ecr, eks, iam, kms, rds, route53, s3, vpc
from pulumi_kubernetes import core, helm, networking
from tradeplane_stacks.components import regions

# Named, as a package of Pulumi is loaded only when something of it is.
TYPES = (
    cloudwatch.LogGroup,
    dynamodb.Table,
    ec2.Vpc,
    ecr.Repository,
    eks.Cluster,
    iam.Role,
    kms.Key,
    rds.Instance,
    route53.Zone,
    s3.Bucket,
    vpc.SecurityGroupIngressRule,
    core.v1.Namespace,
    helm.v3.Release,
    networking.v1.NetworkPolicy,
)
regions.partitions()

# The collector would otherwise go through all of them in each fork, which copies the memory that they are in.
gc.collect()
gc.freeze()
