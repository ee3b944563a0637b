"""What moto's EKS, ECR and RDS have not, and stacks ask for: kept as it was asked for, told, changed and removed.

Access entries with their policies, add-ons, pod identities; templates of repositories; copies of backups in another
region. Operations, members and errors are those of the services' API references, so that whoever speaks to AWS speaks
to this. What AWS would do by them (let a role in, start pods, copy a backup) is not reproduced. What is of a cluster
goes with it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecr.responses import ECRResponse
from moto.eks import urls
from moto.eks.responses import EKSResponse
from moto.rds.responses import RDSResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Record = dict[str, Any]
    Operation = Callable[[Any, Record], Record]

_OF_ADDONS = "kube-system"
"""The namespace of the add-ons that stacks install."""


def extend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto answer these operations too."""
    for service, operations in ((EKSResponse, _EKS), (ECRResponse, _ECR), (RDSResponse, _RDS)):
        for name, operation in operations.items():
            monkeypatch.setattr(service, name, _answered(operation), raising=False)
    for one in ("access-entries", "addons", "pod-identity-associations"):
        for path in (f"{one}$", f"{one}/(?P<one>.+)$"):
            monkeypatch.setitem(urls.url_paths, f"{{0}}/clusters/(?P<name>[^/]+)/{path}", urls.response.dispatch)


def _answered(operation: Operation) -> Callable[[Any], ActionResult]:
    """Return the operation as a method of moto's responses, told the members of the request by their names."""

    def answer(self: Any) -> ActionResult:
        self.parse_parameters(self.normalized_request)
        backends = ("eks_backend", "ecr_backend", "backend")
        backend = next(getattr(self, name) for name in backends if hasattr(type(self), name))
        return ActionResult(operation(backend, self.params))

    return answer


def _refusal(service: str, code: str, message: str) -> ServiceException:
    """Return an error of a service: moto looks up how it is told by the package that its class is of."""
    kind: type[ServiceException] = type("Refusal", (ServiceException,), {"__module__": f"moto.{service}.exceptions"})
    return kind(code, message)


class _Kept:
    """Things of one kind, by what each is known by."""

    def __init__(self, service: str, kind: str, owner: Any, missing: str, there: str) -> None:
        # moto makes what it keeps anew when it is emptied, so that nothing else may have it.
        self.all: dict[tuple[str, ...], Record] = vars(owner).setdefault("kept_as_asked", {}).setdefault(kind, {})
        self._service, self._kind, self._missing, self._there = service, kind, missing, there

    def add(self, key: tuple[str, ...], record: Record) -> Record:
        if key in self.all:
            raise _refusal(self._service, self._there, f"There is {self._kind} {' '.join(key)} already.")
        self.all[key] = record
        return record

    def one(self, *key: str) -> Record:
        if key not in self.all:
            raise _refusal(self._service, self._missing, f"There is no {self._kind} {' '.join(key)}.")
        return self.all[key]

    def change(self, key: tuple[str, ...], asked: Record, *members: str) -> Record:
        record = self.one(*key)
        record |= {name: asked[name] for name in members if name in asked}
        return record

    def remove(self, *key: str) -> Record:
        record = self.one(*key)
        del self.all[key]
        return record


def _of_cluster(kind: str, eks: Any, asked: Record) -> _Kept:
    """Return what a cluster has of a kind; one that is not there is refused by moto."""
    cluster = eks.describe_cluster(asked["clusterName"])
    return _Kept("eks", kind, cluster, "ResourceNotFoundException", "ResourceInUseException")


def _arn(eks: Any, kind: str, *path: str) -> str:
    return f"arn:{eks.partition}:eks:{eks.region_name}:{eks.account_id}:{kind}/{'/'.join(path)}"


def _entries(eks: Any, asked: Record) -> _Kept:
    return _of_cluster("access entry", eks, asked)


def _create_access_entry(eks: Any, asked: Record) -> Record:
    principal = asked["principalArn"]
    arn = _arn(eks, "access-entry", asked["clusterName"], principal.rpartition(":")[2])
    entry = {"type": "STANDARD", **asked, "accessEntryArn": arn, "createdAt": datetime.now(UTC)}
    return {"accessEntry": _entries(eks, asked).add((principal,), entry)}


def _describe_access_entry(eks: Any, asked: Record) -> Record:
    return {"accessEntry": _entries(eks, asked).one(asked["principalArn"])}


def _list_access_entries(eks: Any, asked: Record) -> Record:
    return {"accessEntries": [principal for (principal,) in _entries(eks, asked).all]}


def _delete_access_entry(eks: Any, asked: Record) -> Record:
    """Remove an entry, and its policies with it."""
    _entries(eks, asked).remove(asked["principalArn"])
    policies = _policies(eks, asked).all
    for key in [one for one in policies if one[0] == asked["principalArn"]]:
        del policies[key]
    return {}


def _policies(eks: Any, asked: Record) -> _Kept:
    return _of_cluster("policy of access entry", eks, asked)


def _associate_access_policy(eks: Any, asked: Record) -> Record:
    """Give an entry a policy, or the one that it has another scope."""
    principal = _entries(eks, asked).one(asked["principalArn"])["principalArn"]
    policy = {"policyArn": asked["policyArn"], "accessScope": asked["accessScope"], "associatedAt": datetime.now(UTC)}
    _policies(eks, asked).all[principal, asked["policyArn"]] = policy
    return {"clusterName": asked["clusterName"], "principalArn": principal, "associatedAccessPolicy": policy}


def _list_associated_access_policies(eks: Any, asked: Record) -> Record:
    principal = _entries(eks, asked).one(asked["principalArn"])["principalArn"]
    found = [policy for (of, _), policy in _policies(eks, asked).all.items() if of == principal]
    return {"clusterName": asked["clusterName"], "principalArn": principal, "associatedAccessPolicies": found}


def _disassociate_access_policy(eks: Any, asked: Record) -> Record:
    _policies(eks, asked).remove(asked["principalArn"], asked["policyArn"])
    return {}


def _identities(eks: Any, asked: Record) -> _Kept:
    return _of_cluster("pod identity association", eks, asked)


def _create_pod_identity_association(eks: Any, asked: Record) -> Record:
    """Give an account a role, of which it has one: ids are made of accounts."""
    account = (asked["clusterName"], asked["namespace"], asked["serviceAccount"])
    made = f"a-{hashlib.sha256(' '.join(account).encode()).hexdigest()[:17]}"
    arn = _arn(eks, "podidentityassociation", asked["clusterName"], made)
    identity = {**asked, "associationId": made, "associationArn": arn}
    return {"association": _identities(eks, asked).add((made,), identity)}


def _describe_pod_identity_association(eks: Any, asked: Record) -> Record:
    return {"association": _identities(eks, asked).one(asked["associationId"])}


def _list_pod_identity_associations(eks: Any, asked: Record) -> Record:
    wanted = {name: asked[name] for name in ("namespace", "serviceAccount") if name in asked}
    return {"associations": [one for one in _identities(eks, asked).all.values() if wanted.items() <= one.items()]}


def _update_pod_identity_association(eks: Any, asked: Record) -> Record:
    key = (asked["associationId"],)
    return {"association": _identities(eks, asked).change(key, asked, "roleArn", "targetRoleArn", "policy")}


def _delete_pod_identity_association(eks: Any, asked: Record) -> Record:
    return {"association": _identities(eks, asked).remove(asked["associationId"])}


def _addons(eks: Any, asked: Record) -> _Kept:
    return _of_cluster("add-on", eks, asked)


def _create_addon(eks: Any, asked: Record) -> Record:
    """Install an add-on, whose pods' identities are associations of its own, told by their ARNs."""
    arn = _arn(eks, "addon", asked["clusterName"], asked["addonName"])
    addon = {**asked, "addonArn": arn, "status": "ACTIVE", "health": {"issues": []}}
    kept = _addons(eks, asked).add((asked["addonName"],), addon)
    of_pods = [
        _create_pod_identity_association(
            eks, {"clusterName": asked["clusterName"], "namespace": _OF_ADDONS, "ownerArn": arn, **one}
        )
        for one in asked.get("podIdentityAssociations", [])
    ]
    kept["podIdentityAssociations"] = [one["association"]["associationArn"] for one in of_pods]
    return {"addon": kept}


def _describe_addon(eks: Any, asked: Record) -> Record:
    return {"addon": _addons(eks, asked).one(asked["addonName"])}


def _list_addons(eks: Any, asked: Record) -> Record:
    return {"addons": [name for (name,) in _addons(eks, asked).all]}


def _update_addon(eks: Any, asked: Record) -> Record:
    _addons(eks, asked).change((asked["addonName"],), asked, "addonVersion", "configurationValues")
    return {"update": {"id": asked["addonName"], "status": "Successful", "type": "AddonUpdate"}}


def _delete_addon(eks: Any, asked: Record) -> Record:
    """Remove an add-on, and its pods' identities with it."""
    addon = _addons(eks, asked).remove(asked["addonName"])
    identities = _identities(eks, asked).all
    for key in [one for one, found in identities.items() if found.get("ownerArn") == addon["addonArn"]]:
        del identities[key]
    return {"addon": addon}


def _templates(ecr: Any) -> _Kept:
    return _Kept("ecr", "template", ecr, "TemplateNotFoundException", "TemplateAlreadyExistsException")


def _create_template(ecr: Any, asked: Record) -> Record:
    return {"repositoryCreationTemplate": _templates(ecr).add((asked["prefix"],), asked)}


def _describe_templates(ecr: Any, asked: Record) -> Record:
    kept = _templates(ecr)
    found = [kept.one(one) for one in asked["prefixes"]] if "prefixes" in asked else [*kept.all.values()]
    return {"repositoryCreationTemplates": found}


def _update_template(ecr: Any, asked: Record) -> Record:
    return {"repositoryCreationTemplate": _templates(ecr).change((asked["prefix"],), asked, *asked)}


def _delete_template(ecr: Any, asked: Record) -> Record:
    return {"repositoryCreationTemplate": _templates(ecr).remove(asked["prefix"])}


def _copies(rds: Any) -> _Kept:
    missing, there = "DBInstanceAutomatedBackupNotFound", "DBInstanceAutomatedBackupQuotaExceeded"
    return _Kept("rds", "copy of backups of", rds, missing, there)


def _start_copies(rds: Any, asked: Record) -> Record:
    """Have a region have copies of the backups of a database of another."""
    source = asked["SourceDBInstanceArn"]
    made = hashlib.sha256(source.encode()).hexdigest()[:26]
    copies = {
        "DBInstanceArn": source,
        "DBInstanceIdentifier": source.rpartition(":")[2],
        "DBInstanceAutomatedBackupsArn": f"arn:aws:rds:{rds.region_name}:{rds.account_id}:auto-backup:ab-{made}",
        "BackupRetentionPeriod": asked.get("BackupRetentionPeriod", 7),
        "KmsKeyId": asked.get("KmsKeyId"),
        "Region": source.split(":")[3],
        "Status": "replicating",
    }
    return {"DBInstanceAutomatedBackup": _copies(rds).add((source,), copies)}


def _describe_copies(rds: Any, asked: Record) -> Record:
    wanted = {name: asked[name] for name in ("DBInstanceAutomatedBackupsArn", "DBInstanceIdentifier") if name in asked}
    return {"DBInstanceAutomatedBackups": [one for one in _copies(rds).all.values() if wanted.items() <= one.items()]}


def _stop_copies(rds: Any, asked: Record) -> Record:
    return {"DBInstanceAutomatedBackup": _copies(rds).remove(asked["SourceDBInstanceArn"])}


_EKS: dict[str, Operation] = {
    "create_access_entry": _create_access_entry,
    "describe_access_entry": _describe_access_entry,
    "list_access_entries": _list_access_entries,
    "delete_access_entry": _delete_access_entry,
    "associate_access_policy": _associate_access_policy,
    "list_associated_access_policies": _list_associated_access_policies,
    "disassociate_access_policy": _disassociate_access_policy,
    "create_pod_identity_association": _create_pod_identity_association,
    "describe_pod_identity_association": _describe_pod_identity_association,
    "list_pod_identity_associations": _list_pod_identity_associations,
    "update_pod_identity_association": _update_pod_identity_association,
    "delete_pod_identity_association": _delete_pod_identity_association,
    "create_addon": _create_addon,
    "describe_addon": _describe_addon,
    "list_addons": _list_addons,
    "update_addon": _update_addon,
    "delete_addon": _delete_addon,
}
_ECR: dict[str, Operation] = {
    "create_repository_creation_template": _create_template,
    "describe_repository_creation_templates": _describe_templates,
    "update_repository_creation_template": _update_template,
    "delete_repository_creation_template": _delete_template,
}
_RDS: dict[str, Operation] = {
    "start_db_instance_automated_backups_replication": _start_copies,
    "describe_db_instance_automated_backups": _describe_copies,
    "stop_db_instance_automated_backups_replication": _stop_copies,
}
