"""Tables of the ledger and of configurations, in a schema of their own beside whatever else a database holds."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = "1"
"""The newest version of the tables; migrations/versions has a step to each."""
SCHEMA = "tradeplane_evidence"
METADATA = MetaData(schema=SCHEMA)

ENTRIES = Table(
    "ledger",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("api_version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("generation", BigInteger),
    Column("configuration", Text),
    Column("run", Text),
    Column("run_digest", Text),
    Column("result", Text),
    Column("attestation", Text),
    Column("user_name", Text),
    Column("user_groups", ARRAY(Text)),
    Column("audit_id", Text),
    Column("claimed_by", Text),
    Column("note", Text),
    Column("occurred", Text, nullable=False),
    Column("recorded", Text, nullable=False),
    UniqueConstraint("key", name="ledger_key"),
    UniqueConstraint("previous", name="ledger_previous"),
    CheckConstraint(
        "(claimed_by IS NULL AND user_name IS NOT NULL AND user_groups IS NOT NULL AND audit_id IS NOT NULL) OR "
        "(claimed_by IS NOT NULL AND user_name IS NULL AND user_groups IS NULL AND audit_id IS NULL)",
        name="ledger_authenticated_or_claimed",
    ),
    CheckConstraint("sequence > 0", name="ledger_sequence"),
    Index("ledger_by_object", "kind", "namespace", "name", "sequence"),
)
"""One row an entry; ``ledger.entries`` says what is hashed. No two entries can have the same one before them."""

PAYLOADS = Table(
    "payloads",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary),
)
"""Configurations by their digest; ``content`` is null where it lies in the object store."""
