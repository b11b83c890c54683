"""The releases of a project, those that failed again, and decisions that name one (docs/decisions/0028).

Expand first, contract in a later release: the programs of the release before must run on this schema. They take a decision with
`fixed_in` for one about the next release, and one with `until_more` by `until_count`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014_releases"
down_revision = "0013_received"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("first_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "release", name=op.f("releases_pkey")),
    )
    op.create_table(
        "sightings",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "fingerprint", "release", name=op.f("sightings_pkey")),
    )
    op.add_column("decisions", sa.Column("until_more", sa.BigInteger(), nullable=True))
    op.add_column("decisions", sa.Column("fixed_in", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("release_order", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("release_order", "fixed_in", "until_more"):
        op.drop_column("decisions", name)
    op.drop_table("sightings")
    op.drop_table("releases")
