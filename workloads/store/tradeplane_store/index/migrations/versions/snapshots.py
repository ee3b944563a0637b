"""Snapshots, and their instruments."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "snapshots",
        sa.Column("store", sa.String(2048), nullable=False),
        sa.Column("id", sa.String(71), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.String(71)),
        sa.Column("sealed_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", "id"),
    )
    op.create_index("snapshots_by_time", "snapshots", ["store", "start_ns"])
    op.create_table(
        "snapshot_instruments",
        sa.Column("store", sa.String(2048), nullable=False),
        sa.Column("snapshot", sa.String(71), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("store", "snapshot", "position"),
        sa.ForeignKeyConstraint(["store", "snapshot"], ["snapshots.store", "snapshots.id"], ondelete="CASCADE"),
    )
    op.create_index("snapshot_instruments_by_symbol", "snapshot_instruments", ["symbol", "store", "snapshot"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("snapshot_instruments")
    op.drop_table("snapshots")
