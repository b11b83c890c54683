"""The service that one writes first: FastAPI and SQLAlchemy sessions, a commit for each error, nothing cached.

`POST /add_all` is its better half: the batch in one `add_all` and one commit.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from dev.bench.services.storage import Model, StoredError, count_patterns, database_url, show

engine = create_async_engine(database_url("asyncpg"), pool_size=16, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class ErrorIn(BaseModel):
    """One error."""

    service: str
    severity: str
    message: str
    timestamp: datetime
    error_type: str | None = None
    environment: str | None = None
    release: str | None = None
    stack_trace: str | None = None
    context: dict[str, Any] | None = None
    tags: dict[str, str] | None = None


class Batch(BaseModel):
    """Some errors."""

    errors: list[ErrorIn]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/log", status_code=201)
async def log_error(error: ErrorIn) -> dict[str, Any]:
    async with sessions() as session:
        row = StoredError(**error.model_dump())
        session.add(row)
        await session.commit()
        return {"count": 1, "id": row.id}


@app.post("/batch", status_code=201)
async def log_each(batch: Batch) -> dict[str, Any]:
    async with sessions() as session:
        for error in batch.errors:
            session.add(StoredError(**error.model_dump()))
            await session.commit()
    return {"count": len(batch.errors)}


@app.post("/add_all", status_code=201)
async def log_all(batch: Batch) -> dict[str, Any]:
    async with sessions() as session:
        session.add_all([StoredError(**error.model_dump()) for error in batch.errors])
        await session.commit()
    return {"count": len(batch.errors)}


@app.get("/recent")
async def list_recent(limit: int = 20) -> dict[str, Any]:
    newest = select(StoredError).order_by(StoredError.created_at.desc()).limit(limit)
    async with sessions() as session:
        rows: Sequence[StoredError] = (await session.scalars(newest)).all()
    return {"errors": [show(row) for row in rows]}


@app.get("/patterns")
async def get_patterns() -> dict[str, Any]:
    since = datetime.now(UTC) - timedelta(hours=24)
    wanted = select(StoredError).where(StoredError.created_at >= since)
    async with sessions() as session:
        rows = (await session.scalars(wanted)).all()
    return count_patterns(rows)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["MAYDAY_PORT"]), loop="uvloop", http="httptools", log_level="warning")
