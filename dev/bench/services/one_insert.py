"""The plainest service that stores an error: FastAPI, an asyncpg pool, one INSERT, nothing else."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import create_async_engine

from dev.bench.services.naive import ErrorIn
from dev.bench.services.storage import Model, database_url

INSERT = """
INSERT INTO plain_errors (timestamp, service, severity, message, error_type, environment, release, stack_trace,
                          context, tags)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id
"""


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    engine = create_async_engine(database_url("asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(Model.metadata.create_all)
    await engine.dispose()
    async with asyncpg.create_pool(os.environ["MAYDAY_DATABASE_URL"], min_size=16, max_size=16) as pool:
        yield {"pool": pool}


app = FastAPI(lifespan=lifespan)


@app.post("/log", status_code=201)
async def log_error(error: ErrorIn, request: Request) -> dict[str, Any]:
    number = await request.state.pool.fetchval(
        INSERT, error.timestamp, error.service, error.severity, error.message, error.error_type, error.environment,
        error.release, error.stack_trace, to_json(error.context).decode(), to_json(error.tags).decode(),
    )  # fmt: skip
    return {"count": 1, "id": number}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["MAYDAY_PORT"]), loop="uvloop", http="httptools", log_level="warning")
