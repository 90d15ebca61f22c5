# The service with every engine, as a user without rights; docs/deploy.md says how to run it.
# `deploy/rehearse.sh` runs these steps without a container engine: one instruction a line.
FROM python:3.11-slim AS build
ENV PATH=/opt/audio-tools/bin:$PATH
RUN python -m venv /opt/audio-tools
WORKDIR /build
# Before the code: a change of code alone fetches nothing again.
COPY requirements/runtime.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY tools/hatch_page.py tools/
COPY web/src web/src
COPY clients/js/src clients/js/src
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/audio-tools /opt/audio-tools
RUN install -d -m 700 -o 10001 -g 10001 /data
ENV PATH=/opt/audio-tools/bin:$PATH
# To be reached from outside the container it listens on every address: so it starts with API_TOKEN only.
ENV HOST=0.0.0.0 DATA_DIR=/data NODE_ENV=production HF_HOME=/data/huggingface
USER 10001:10001
VOLUME /data
EXPOSE 3001 3002
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-c", "import http.client, os, sys; health = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 3001), timeout=8); health.request('GET', '/health'); sys.exit(health.getresponse().status != 200)"]
ENTRYPOINT ["audio-tools"]
CMD ["serve"]
