"""What moto has not is kept by the cloud of the tests, and asked for and told as AWS has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.stacks.cloud import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.stacks.cloud import Cloud

REGION, ELSEWHERE = "eu-west-1", "us-east-1"
OF_IT: Any = {"clusterName": "one"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/desk"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
SOURCE = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:ledger"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@pytest.fixture
def eks(aws: Cloud) -> Any:
    """Give requests to EKS in a region that has a cluster."""
    found = aws.client("eks", REGION)
    network = {"subnetIds": ["subnet-1", "subnet-2"]}
    found.create_cluster(name="one", roleArn=ROLE, resourcesVpcConfig=network)
    return found


def refused(ask: Callable[[], object]) -> str:
    """Ask for what is to be refused, and return the code of the error."""
    with pytest.raises(ClientError) as error:
        ask()
    return str(error.value.response["Error"]["Code"])


def test_a_role_is_let_in_with_policies_and_no_more(eks: Any) -> None:
    entry: dict[str, Any] = {**OF_IT, "principalArn": ROLE}
    assert refused(lambda: eks.describe_access_entry(**entry)) == "ResourceNotFoundException"
    policy = {**entry, "policyArn": VIEW, "accessScope": {"type": "namespace", "namespaces": ["desk"]}}
    assert refused(lambda: eks.associate_access_policy(**policy)) == "ResourceNotFoundException"
    eks.create_access_entry(**entry)
    assert refused(lambda: eks.create_access_entry(**entry)) == "ResourceInUseException"
    assert eks.describe_access_entry(**entry)["accessEntry"]["principalArn"] == ROLE
    assert eks.list_access_entries(**OF_IT)["accessEntries"] == [ROLE]
    eks.associate_access_policy(**policy)
    (told,) = eks.list_associated_access_policies(**entry)["associatedAccessPolicies"]
    assert (told["policyArn"], told["accessScope"]) == (VIEW, policy["accessScope"])
    eks.disassociate_access_policy(**entry, policyArn=VIEW)
    assert eks.list_associated_access_policies(**entry)["associatedAccessPolicies"] == []
    eks.associate_access_policy(**policy)
    eks.delete_access_entry(**entry)
    eks.create_access_entry(**entry)
    assert eks.list_associated_access_policies(**entry)["associatedAccessPolicies"] == []


def test_an_identity_is_of_one_account_of_a_cluster(eks: Any) -> None:
    account = {**OF_IT, "namespace": "desk", "serviceAccount": "runner"}
    made = eks.create_pod_identity_association(**account, roleArn=ROLE)["association"]["associationId"]
    again = {**account, "roleArn": f"{ROLE}-2"}
    assert refused(lambda: eks.create_pod_identity_association(**again)) == "ResourceInUseException"
    eks.update_pod_identity_association(**OF_IT, associationId=made, roleArn=f"{ROLE}-2")
    told = eks.describe_pod_identity_association(**OF_IT, associationId=made)["association"]
    assert (told["namespace"], told["serviceAccount"], told["roleArn"]) == ("desk", "runner", f"{ROLE}-2")
    assert eks.list_pod_identity_associations(**OF_IT, namespace="research")["associations"] == []
    eks.delete_pod_identity_association(**OF_IT, associationId=made)
    gone = {**OF_IT, "associationId": made}
    assert refused(lambda: eks.describe_pod_identity_association(**gone)) == "ResourceNotFoundException"
    assert refused(lambda: eks.delete_pod_identity_association(**gone)) == "ResourceNotFoundException"


def test_an_add_on_has_identities_of_its_own(eks: Any) -> None:
    addon = {**OF_IT, "addonName": "aws-ebs-csi-driver"}
    of_pods = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": ROLE}]
    eks.create_addon(**addon, addonVersion="v1", podIdentityAssociations=of_pods)
    assert refused(lambda: eks.create_addon(**addon)) == "ResourceInUseException"
    eks.update_addon(**addon, addonVersion="v2")
    told = eks.describe_addon(**addon)["addon"]
    assert (told["addonVersion"], told["status"]) == ("v2", "ACTIVE")
    (identity,) = eks.list_pod_identity_associations(**OF_IT)["associations"]
    assert told["podIdentityAssociations"] == [identity["associationArn"]]
    assert (identity["namespace"], identity["ownerArn"]) == ("kube-system", told["addonArn"])
    eks.delete_addon(**addon)
    assert eks.list_addons(**OF_IT)["addons"] == []
    assert eks.list_pod_identity_associations(**OF_IT)["associations"] == []
    assert refused(lambda: eks.describe_addon(**addon)) == "ResourceNotFoundException"


def test_what_is_of_a_cluster_goes_with_it(eks: Any) -> None:
    eks.create_access_entry(**OF_IT, principalArn=ROLE)
    eks.delete_cluster(name="one")
    assert refused(lambda: eks.list_access_entries(**OF_IT)) == "ResourceNotFoundException"
    eks.create_cluster(name="one", roleArn=ROLE, resourcesVpcConfig={"subnetIds": ["subnet-1"]})
    assert eks.list_access_entries(**OF_IT)["accessEntries"] == []


def test_a_template_is_of_a_registry_of_a_region(aws: Cloud) -> None:
    ecr = aws.client("ecr", REGION)
    ecr.create_repository_creation_template(prefix="runs", appliedFor=["REPLICATION"], description="a")
    again: dict[str, Any] = {"prefix": "runs", "appliedFor": ["REPLICATION"]}
    assert refused(lambda: ecr.create_repository_creation_template(**again)) == "TemplateAlreadyExistsException"
    ecr.update_repository_creation_template(prefix="runs", description="b")
    (told,) = ecr.describe_repository_creation_templates(prefixes=["runs"])["repositoryCreationTemplates"]
    assert (told["description"], told["appliedFor"]) == ("b", ["REPLICATION"])
    elsewhere = aws.client("ecr", ELSEWHERE)
    assert elsewhere.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    ecr.delete_repository_creation_template(prefix="runs")
    missing = {"prefixes": ["runs"]}
    assert refused(lambda: ecr.describe_repository_creation_templates(**missing)) == "TemplateNotFoundException"


def test_copies_of_backups_are_where_they_are_asked_for(aws: Cloud) -> None:
    rds = aws.client("rds", ELSEWHERE)
    rds.start_db_instance_automated_backups_replication(SourceDBInstanceArn=SOURCE, BackupRetentionPeriod=35)
    (told,) = rds.describe_db_instance_automated_backups(DBInstanceIdentifier="ledger")["DBInstanceAutomatedBackups"]
    assert (told["DBInstanceArn"], told["BackupRetentionPeriod"], told["Region"]) == (SOURCE, 35, REGION)
    here = aws.client("rds", REGION)
    assert here.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == []
    assert rds.describe_db_instance_automated_backups(DBInstanceIdentifier="x")["DBInstanceAutomatedBackups"] == []
    rds.stop_db_instance_automated_backups_replication(SourceDBInstanceArn=SOURCE)
    gone = {"SourceDBInstanceArn": SOURCE}
    code = refused(lambda: rds.stop_db_instance_automated_backups_replication(**gone))
    assert code.startswith("DBInstanceAutomatedBackupNotFound")


def test_it_is_forgotten_as_all_else_is(aws: Cloud, eks: Any) -> None:
    eks.create_access_entry(**OF_IT, principalArn=ROLE)
    aws.client("ecr", REGION).create_repository_creation_template(prefix="runs", appliedFor=["REPLICATION"])
    aws.empty()
    assert refused(lambda: eks.list_access_entries(**OF_IT)) == "ResourceNotFoundException"
    assert aws.client("ecr", REGION).describe_repository_creation_templates()["repositoryCreationTemplates"] == []
