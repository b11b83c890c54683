# One image for all programs: `api`, `worker`, `migrate`... are commands of `python -m cli`.
FROM python:3.13-slim AS packages
COPY requirements-service.lock /requirements.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /requirements.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home mayday
COPY --from=packages /venv /venv
WORKDIR /mayday
COPY alembic.ini ./
COPY api api
COPY cli cli
COPY common common
COPY migrations migrations
COPY worker worker
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MAYDAY_HOST=0.0.0.0 MAYDAY_METRICS_HOST=0.0.0.0 \
    MAYDAY_LOG_FORMAT=json MAYDAY_MODE=production
USER mayday
EXPOSE 8000 9464 9465
ENTRYPOINT ["python", "-m", "cli"]
CMD ["api"]
