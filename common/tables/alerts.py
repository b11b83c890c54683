"""The tables of alerts: where messages go to, and tries of it that people asked for."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from common.tables.columns import instant, metadata, owner

alert_channels = sa.Table(
    "alert_channels",
    metadata,
    owner(),
    sa.Column("channel_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("config_sealed", sa.LargeBinary, nullable=False, comment="JSON, encrypted (common/sealing.py)."),
    sa.Column("hint", sa.Text, nullable=False, comment="What may be shown of where it leads to; no secret."),
    sa.Column("max_per_hour", sa.Integer, nullable=False),
    instant("created_at"),
    instant("last_sent_at", nullable=True),
    instant("last_failed_at", nullable=True),
    sa.Column("last_failure", sa.Text),
    sa.UniqueConstraint("project_id", "name", name="alert_channels_name_key"),
)

channel_tests = sa.Table(
    "channel_tests",
    metadata,
    owner(),
    sa.Column("test_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("channel_id", UUID(as_uuid=True), nullable=False),
    instant("asked_at"),
    instant("answered_at", nullable=True),
    sa.Column("is_accepted", sa.Boolean),
    sa.Column("told", sa.Text),
    sa.ForeignKeyConstraint(
        ["project_id", "channel_id"],
        ["alert_channels.project_id", "alert_channels.channel_id"],
        name="channel_tests_channel_id_fkey",
        ondelete="CASCADE",
    ),
    comment="Test messages: asked for through the API, sent by the worker.",
)
