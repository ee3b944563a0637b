"""Tables of the index, the same in SQLite and in Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

VERSION = "1"
"""The newest version of the schema; migrations/versions has a step to each."""


class Base(DeclarativeBase):
    """Base of the tables."""


class SnapshotRow(Base):
    """One snapshot in one store. Times are nanoseconds since the Unix epoch."""

    __tablename__ = "snapshots"

    store: Mapped[str] = mapped_column(String(2048), primary_key=True)
    id: Mapped[str] = mapped_column(String(71), primary_key=True)
    form: Mapped[str] = mapped_column(String(16))
    start_ns: Mapped[int] = mapped_column(BigInteger)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    records: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[str | None] = mapped_column(String(71))
    sealed_ns: Mapped[int] = mapped_column(BigInteger)
    instruments: Mapped[list[InstrumentRow]] = relationship(
        order_by="InstrumentRow.position", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (Index("snapshots_by_time", "store", "start_ns"),)


class InstrumentRow(Base):
    """One instrument of a snapshot."""

    __tablename__ = "snapshot_instruments"

    store: Mapped[str] = mapped_column(String(2048), primary_key=True)
    snapshot: Mapped[str] = mapped_column(String(71), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))

    __table_args__ = (
        ForeignKeyConstraint(["store", "snapshot"], ["snapshots.store", "snapshots.id"], ondelete="CASCADE"),
        Index("snapshot_instruments_by_symbol", "symbol", "store", "snapshot"),
    )
