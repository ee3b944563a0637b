"""How the recorder of the audit ledger logs in to a MetadataDatabase: by IAM, as one of its users and by its role.

Nobody has a password for it, and nobody writes its URL: the database tells where it is, and the configuration as whom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.metadata_database_config import DatabaseName, MetadataDatabaseConfig
from tradeplane_stacks.components.platform_keys import Certificates
from tradeplane_stacks.components.platform_ledger import CA_FILE, IAM_REGION


class LedgerInRegions(Configuration):
    """The ledger's recorder, which runs in the region of its database."""

    # Of `metadata_database.users`; to Postgres it is one that appends, and has rds_iam.
    user: DatabaseName = "tradeplane"
    # RDS's certificates, of its region or all: by them the database is known.
    ca: Certificates

    def faults(
        self, database: MetadataDatabaseConfig | None, account: str, regions: Sequence[str], others: Sequence[str]
    ) -> Iterator[str]:
        """Return why the recorder could not log in, or others would be let in as well: ``others`` are their roles."""
        if database is None:
            yield "ledger: needs metadata_database, which is not configured"
            return
        if database.region not in regions:
            yield f"ledger: metadata_database is in {database.region}, which is none of platform.regions"
        if database.account != account:
            yield f"ledger: metadata_database is of account {database.account}, which is not platform.account"
        role = database.users.get(self.user)
        if role is None:
            there_are = ", ".join(database.users)
            yield f"ledger.user: {self.user} is none of metadata_database.users, which are {there_are}"
        elif role in others:
            yield (
                f"metadata_database.users.{self.user}: {role} is that of the operator or of runs, who could then "
                "append to the ledger; give the recorder one of its own"
            )


@dataclass(frozen=True)
class LedgerLogin:
    """Who the recorder of a region is to AWS, and where its database is."""

    role: str
    url: pulumi.Input[str]


def login_url(database: MetadataDatabaseConfig, user: str, port: int, address: str) -> str:
    """Return the URL by which a user logs in without a password (docs/evidence/ledger-deployment.md)."""
    verified = f"sslmode=verify-full&sslrootcert={quote(CA_FILE)}"
    return f"postgresql://{user}@{address}:{port}/{database.database}?{verified}&{IAM_REGION}={database.region}"
