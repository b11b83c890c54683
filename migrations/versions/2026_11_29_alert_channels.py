"""Where alerts go to, and test messages.

Expand first, contract in a later release: the programs of the release before run on this schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021_alert_channels"
down_revision = "0020_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "alert_channels",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("channel_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("config_sealed", sa.LargeBinary(), nullable=False, comment="JSON, encrypted (common/sealing.py)."),
        sa.Column("hint", sa.Text(), nullable=False, comment="What may be shown of where it leads to; no secret."),
        sa.Column("max_per_hour", sa.Integer(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("last_sent_at", instant, nullable=True),
        sa.Column("last_failed_at", instant, nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "channel_id", name=op.f("alert_channels_pkey")),
        sa.UniqueConstraint("project_id", "name", name="alert_channels_name_key"),
    )
    op.create_table(
        "channel_tests",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("test_id", sa.UUID(), nullable=False),
        sa.Column("channel_id", sa.UUID(), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("answered_at", instant, nullable=True),
        sa.Column("is_accepted", sa.Boolean(), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "channel_id"],
            ["alert_channels.project_id", "alert_channels.channel_id"],
            name="channel_tests_channel_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "test_id", name=op.f("channel_tests_pkey")),
        comment="Test messages: asked for through the API, sent by the worker.",
    )


def downgrade() -> None:
    op.drop_table("channel_tests")
    op.drop_table("alert_channels")
