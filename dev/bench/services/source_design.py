"""The source's design as it is written: Flask with threads, `bulk_insert_mappings` by 100, a cache of 300 seconds that
every write throws away, patterns from the rows of 24 hours, APScheduler each hour, Flask-Compress.

It runs on Flask's own threaded server, which closes the connection after each answer.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask, Response, request
from flask_compress import Compress
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import WSGIRequestHandler, make_server

from dev.bench.services.storage import Model, StoredError, count_patterns, database_url, show

CHUNK = 100
TTL_SECONDS = 300
CACHED = ("recent", "patterns")

engine = sa.create_engine(database_url("psycopg"), pool_size=16, max_overflow=0)
sessions = sessionmaker(engine)
cache = Redis.from_url(os.environ["MAYDAY_REDIS_URL"])
app = Flask(__name__)
Compress(app)


@app.post("/log")
def log_error() -> tuple[dict[str, Any], int]:
    with sessions() as session:
        row = StoredError(**request.get_json())
        session.add(row)
        session.commit()
        number = row.id
    cache.delete(*CACHED)
    return {"count": 1, "id": number}, 201


@app.post("/batch")
def log_errors() -> tuple[dict[str, Any], int]:
    errors = request.get_json()["errors"]
    with sessions() as session:
        for start in range(0, len(errors), CHUNK):
            session.bulk_insert_mappings(sa.inspect(StoredError), errors[start : start + CHUNK])
        session.commit()
    cache.delete(*CACHED)
    return {"count": len(errors)}, 201


@app.get("/recent")
def list_recent() -> Response:
    return answer("recent", find_recent)


@app.get("/patterns")
def get_patterns() -> Response:
    return answer("patterns", find_patterns)


def answer(name: str, make: Any) -> Response:
    """The cached answer, else a new one."""
    body = cache.get(name)
    if not isinstance(body, bytes):
        with sessions() as session:
            body = app.json.dumps(make(session)).encode()
        cache.setex(name, TTL_SECONDS, body)
    return Response(body, mimetype="application/json")


def find_recent(session: Session) -> dict[str, Any]:
    newest = sa.select(StoredError).order_by(StoredError.created_at.desc()).limit(20)
    return {"errors": [show(row) for row in session.scalars(newest)]}


def find_patterns(session: Session) -> dict[str, Any]:
    since = datetime.now(UTC) - timedelta(hours=24)
    return count_patterns(session.scalars(sa.select(StoredError).where(StoredError.created_at >= since)))


def compute_patterns() -> None:
    """The hourly job."""
    with sessions() as session:
        cache.setex("patterns", TTL_SECONDS, app.json.dumps(find_patterns(session)))


def main() -> None:
    Model.metadata.create_all(engine)
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(compute_patterns, "interval", hours=1)
    scheduler.start()
    WSGIRequestHandler.log_request = lambda *_: None  # type: ignore[method-assign]
    make_server("127.0.0.1", int(os.environ["MAYDAY_PORT"]), app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
