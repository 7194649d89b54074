# The worker and the rollout's controller, as a user without rights: `run`, or `rollout run`.
# A tag may move. To pin the base, build with its digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:…
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python3 -m venv /opt/chirp-worker \
    && /opt/chirp-worker/bin/pip install --no-cache-dir --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY worker/ worker/
COPY schemas/ schemas/
# What installs isn't needed where it runs.
RUN /opt/chirp-worker/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/chirp-worker/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers setuptools pip

FROM ${BASE}
# tini is as old as the base's Debian release; a version here would break with each of its rebuilds.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends tini \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 chirp \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin chirp
COPY --from=build /opt/chirp-worker /opt/chirp-worker
ENV PATH=/opt/chirp-worker/bin:$PATH HTTP_HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
# Liveness: 200 says that the event loop answers. http.client, since urllib would send it to a proxy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python3", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('HTTP_PORT') or 8080), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
# Linux ignores a signal to PID 1 that it has no handler for, and Python has one only once it has loaded: tini passes signals
# on from the first millisecond.
ENTRYPOINT ["tini", "--", "chirp-worker"]
CMD ["run"]
