# One image for all programs: `api`, `worker`, `migrate`... are commands of `python -m cli`.
# What only installs (pip) and what only debuggers read (half of the packages' bytes) stays in the first stage.
FROM python:3.13-slim AS packages
RUN apt-get update && apt-get install -y --no-install-recommends binutils
COPY requirements-service.lock /requirements.lock
RUN python -m venv /installer && python -m venv --without-pip /venv \
    && /installer/bin/pip --python /venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r /requirements.lock \
    && find /venv -name '*.so*' -exec strip --strip-debug {} +

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
# the file system is read-only later: compiled now, a start need not do it each time
RUN python -m compileall -q --invalidation-mode unchecked-hash .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MAYDAY_HOST=0.0.0.0 MAYDAY_METRICS_HOST=0.0.0.0 \
    MAYDAY_LOG_FORMAT=json MAYDAY_MODE=production
USER 10001
EXPOSE 8000 9464 9465
ENTRYPOINT ["python", "-m", "cli"]
CMD ["api"]
