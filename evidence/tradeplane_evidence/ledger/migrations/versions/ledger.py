"""The ledger and the payloads of configurations, and what keeps them as they were appended.

Two triggers fire for whoever writes, the owner included, and in every replication role (``ENABLE ALWAYS``): one refuses
UPDATE, DELETE and TRUNCATE, the other an entry that does not continue the chain. Who may switch off a trigger (the
owner and superusers) can still change rows; that shows in the chain. Rights are given to roles by ``migrate``, since
roles are of the whole server and named by who administers it.
"""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

SCHEMA = "tradeplane_evidence"

_REFUSE = f"""
CREATE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: rows are appended and never changed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
_CONTINUE = f"""
CREATE FUNCTION {SCHEMA}.continue_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT min(added.sequence) INTO wrong
    FROM added LEFT JOIN {SCHEMA}.ledger AS before ON before.sequence = added.sequence - 1
    WHERE added.previous IS DISTINCT FROM
        CASE WHEN added.sequence = 1 THEN 'sha256:' || repeat('0', 64) ELSE before.hash END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not continue the chain', wrong USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
"""  # noqa: S608 - of a constant


def _refuse(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )
    op.execute(f"ALTER TABLE {SCHEMA}.{table} ENABLE ALWAYS TRIGGER refuse_change")


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "ledger",
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("key", "action", "api_version", "kind", "namespace", "name", "uid")
        ),
        sa.Column("generation", sa.BigInteger()),
        *(
            sa.Column(name, sa.Text())
            for name in ("configuration", "run", "run_digest", "result", "attestation", "user_name")
        ),
        sa.Column("user_groups", sa.ARRAY(sa.Text())),
        *(sa.Column(name, sa.Text()) for name in ("audit_id", "claimed_by", "note")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("occurred", "recorded")),
        sa.PrimaryKeyConstraint("sequence", name="ledger_pkey"),
        sa.UniqueConstraint("key", name="ledger_key"),
        sa.UniqueConstraint("previous", name="ledger_previous"),
        sa.CheckConstraint(
            "(claimed_by IS NULL AND user_name IS NOT NULL AND user_groups IS NOT NULL AND audit_id IS NOT NULL) OR "
            "(claimed_by IS NOT NULL AND user_name IS NULL AND user_groups IS NULL AND audit_id IS NULL)",
            name="ledger_authenticated_or_claimed",
        ),
        sa.CheckConstraint("sequence > 0", name="ledger_sequence"),
        schema=SCHEMA,
    )
    op.create_index("ledger_by_object", "ledger", ["kind", "namespace", "name", "sequence"], schema=SCHEMA)
    op.create_table(
        "payloads",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("digest", name="payloads_pkey"),
        schema=SCHEMA,
    )
    op.execute(_REFUSE)
    op.execute(_CONTINUE)
    _refuse("ledger")
    _refuse("payloads")
    op.execute(
        f"CREATE TRIGGER continue_chain AFTER INSERT ON {SCHEMA}.ledger REFERENCING NEW TABLE AS added "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.continue_chain()"
    )
    op.execute(f"ALTER TABLE {SCHEMA}.ledger ENABLE ALWAYS TRIGGER continue_chain")


def downgrade() -> None:
    """Refuse: a ledger is not taken away by a migration."""
    raise NotImplementedError("a ledger is not taken away by a migration; drop its schema by hand if it must go")
