"""How Alembic runs: on the connection that `fractals upgrade` has opened."""

from alembic import context

from fractals.model import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
)
with context.begin_transaction():
    context.run_migrations()
