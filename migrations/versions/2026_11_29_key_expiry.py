"""When a key ends by itself, and when it was used last.

Expand first, contract in a later release: the programs of the release before must run on this schema. They take a key that has
ended for one that goes on, and note no use.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015_key_expiry"
down_revision = "0015_arrivals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.create_table(
        "key_uses",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "key_id", name=op.f("key_uses_pkey")),
    )


def downgrade() -> None:
    op.drop_table("key_uses")
    op.drop_column("api_keys", "expires_at")
