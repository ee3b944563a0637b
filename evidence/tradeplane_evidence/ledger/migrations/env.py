"""Where Alembic takes the connection from: whoever migrates a ledger gives it."""

from alembic import context
from tradeplane_evidence.ledger.schema import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    version_table_schema=SCHEMA,
)
with context.begin_transaction():
    context.run_migrations()
