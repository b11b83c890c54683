"""What a usage record's price depends on beyond its counts, and the run that it belongs to.

Expand first, contract in a later release: the programs of the release before must run on this schema. Their records have
none of it; they price one of ours again by its counts alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025_usage_details"
down_revision = "0024_project_deletion"
branch_labels = None
depends_on = None

COMMENTS = {
    "details": "JSON: what the price depends on beyond the counts, and what was not understood.",
    "run": "The session or task that the call belongs to.",
    "parent_run": "The one that started it.",
}


def upgrade() -> None:
    for name, comment in COMMENTS.items():
        op.add_column("usage_records", sa.Column(name, sa.Text(), nullable=True, comment=comment))


def downgrade() -> None:
    for name in COMMENTS:
        op.drop_column("usage_records", name)
