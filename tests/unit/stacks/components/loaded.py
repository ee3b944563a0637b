"""The types of AWS and Kubernetes, which take seconds to load: loaded once, before weakened components are forked."""

from pulumi_aws import cloudwatch, ec2, eks, iam, kms, vpc
from pulumi_kubernetes import core, helm, networking

# Named, as a package of Pulumi is loaded only when something of it is.
TYPES = (
    cloudwatch.LogGroup,
    ec2.Vpc,
    eks.Cluster,
    iam.Role,
    kms.Key,
    vpc.SecurityGroupIngressRule,
    core.v1.Namespace,
    helm.v3.Release,
    networking.v1.NetworkPolicy,
)
