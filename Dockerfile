# syntax=docker/dockerfile:1
# `netral serve` with what use needs and no more: neither torch nor the training stack.
#   docker build -t netral .
#   docker run --rm -p 127.0.0.1:8000:8000 -e NETRAL_TOKEN=… -v "$PWD/models:/models:ro" netral
# The folder above the checkpoint is mounted: an export renames a new one into its place, which a mount of the checkpoint itself
# would never show. After that: docker kill --signal HUP CONTAINER.

FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY pipeline pipeline
# The versions that the tests ran with.
RUN python -m venv /opt/netral && /opt/netral/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
COPY --from=build /opt/netral /opt/netral
ENV PATH=/opt/netral/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /models
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["netral", "serve", "--checkpoint", "/models/exported"]
CMD ["--host", "0.0.0.0", "--port", "8000"]
