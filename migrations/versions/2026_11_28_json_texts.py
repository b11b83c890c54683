"""Context and tags as the text that they are read from and given back as (docs/decisions/0021).

Expand first, contract in a later release: the programs of the release before must run on this schema. What they write
stays in `context` and `tags`, which are read beside these.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010_json_texts"
down_revision = "0009_delta_clock"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("errors", sa.Column("context_text", sa.Text(), nullable=True))
    op.add_column("errors", sa.Column("tags_text", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute(
        "UPDATE errors SET context = coalesce(context_text::jsonb, context), tags = coalesce(tags_text::jsonb, tags)"
        " WHERE context_text IS NOT NULL OR tags_text IS NOT NULL"
    )
    op.drop_column("errors", "tags_text")
    op.drop_column("errors", "context_text")
