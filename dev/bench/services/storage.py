"""The table of the compared services: one row an error, the indexes that their reads need, none of Mayday's promises."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


class Model(DeclarativeBase):
    """The compared services' own metadata."""


class StoredError(Model):
    """One error, as it was sent."""

    __tablename__ = "plain_errors"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    created_at: Mapped[Any] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now(), index=True)
    timestamp: Mapped[Any] = mapped_column(sa.DateTime(timezone=True))
    service: Mapped[str] = mapped_column(sa.Text, index=True)
    severity: Mapped[str] = mapped_column(sa.Text, index=True)
    message: Mapped[str] = mapped_column(sa.Text)
    error_type: Mapped[str | None] = mapped_column(sa.Text)
    environment: Mapped[str | None] = mapped_column(sa.Text)
    release: Mapped[str | None] = mapped_column(sa.Text)
    stack_trace: Mapped[str | None] = mapped_column(sa.Text)
    context: Mapped[Any] = mapped_column(JSONB, nullable=True)
    tags: Mapped[Any] = mapped_column(JSONB, nullable=True)


def database_url(driver: str) -> str:
    """The bench's database for this driver."""
    return os.environ["MAYDAY_DATABASE_URL"].replace("postgresql://", f"postgresql+{driver}://", 1)


def show(row: Any) -> dict[str, Any]:
    """What a list says of one error."""
    return {
        "id": row.id,
        "timestamp": row.timestamp.isoformat(),
        "service": row.service,
        "severity": row.severity,
        "error_type": row.error_type,
        "message": row.message,
        "environment": row.environment,
        "release": row.release,
    }


def count_patterns(rows: Iterable[Any]) -> dict[str, Any]:
    """Rows of (service, severity, message) grouped by the message without its numbers."""
    groups: Counter[tuple[str, str, str]] = Counter(
        (VARIABLE.sub("#", row.message), row.service, row.severity) for row in rows
    )
    listed = [
        {"pattern": pattern, "service": service, "severity": severity, "count": count}
        for (pattern, service, severity), count in groups.most_common(200)
    ]
    return {"total": groups.total(), "patterns": listed}
