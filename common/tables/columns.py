"""What all tables share: their metadata, and the columns that nearly each has."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

# What stands in counts for the names that are beyond what a project may have.
OVERFLOW_NAME = "(overflow)"


def instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=nullable)


def owner() -> sa.Column[object]:
    return sa.Column("project_id", UUID(as_uuid=True), primary_key=True)
