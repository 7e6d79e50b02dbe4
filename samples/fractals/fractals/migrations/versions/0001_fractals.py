"""Fractals, and pictures in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "fractals",
        sa.Column("uuid", sa.Uuid(), primary_key=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parameters", sa.String(), nullable=False),
        sa.Column("storage", sa.String()),
        sa.Column("size", sa.Integer()),
        sa.Column("checksum", sa.String()),
        sa.Column("claim", sa.Uuid()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("error", sa.String()),
        sa.Column("moved_from", sa.String()),
    )
    op.create_index("fractals_by_age", "fractals", ["created", "uuid"])
    op.create_table(
        "pictures",
        sa.Column("uuid", sa.Uuid(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
