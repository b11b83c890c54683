"""The index by which a preview and the retention find the changes of a time.

Expand first, contract in a later release: the programs of the release before run on this schema.
"""

from alembic import op

from migrations.indexes import create_index

revision = "0023_transitions_index"
down_revision = "0022_alert_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("transitions_project_id_happened_at_idx", "transitions", ["project_id", "happened_at"])


def downgrade() -> None:
    op.drop_index("transitions_project_id_happened_at_idx", "transitions")
