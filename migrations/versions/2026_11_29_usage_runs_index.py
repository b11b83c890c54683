"""The indexes by which the records of a run, and the runs that it started, are found.

Expand first, contract in a later release: the programs of the release before must run on this schema.
"""

from alembic import op

from migrations.indexes import create_index

revision = "0026_usage_runs_index"
down_revision = "0025_usage_details"
branch_labels = None
depends_on = None

COLUMNS = ("run", "parent_run")


def upgrade() -> None:
    for column in COLUMNS:
        create_index(
            f"usage_records_project_id_{column}_idx",
            "usage_records",
            ["project_id", column],
            where=f"{column} IS NOT NULL",
        )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"usage_records_project_id_{column}_idx", "usage_records")
