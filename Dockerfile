# The worker alone, as a user without rights.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /opt/chirp-worker \
    && /opt/chirp-worker/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY worker/ worker/
COPY schemas/ schemas/
RUN /opt/chirp-worker/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/chirp-worker /opt/chirp-worker
ENV PATH=/opt/chirp-worker/bin:$PATH HTTP_HOST=0.0.0.0 PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --no-create-home chirp
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["chirp-worker"]
CMD ["run"]
