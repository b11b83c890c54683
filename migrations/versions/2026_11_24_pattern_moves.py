"""Where a pattern went that has no fingerprints any more.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_pattern_moves"
down_revision = "0006_facets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pattern_moves",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("pattern_id", sa.UUID(), nullable=False),
        sa.Column("moved_to", sa.UUID(), nullable=False),
        sa.Column("moved_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "pattern_id"),
    )
    op.create_index("pattern_moves_project_id_moved_to_idx", "pattern_moves", ["project_id", "moved_to"])


def downgrade() -> None:
    op.drop_table("pattern_moves")
