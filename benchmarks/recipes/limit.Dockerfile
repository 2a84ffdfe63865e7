# The limit: the same wheels unpacked, compiled and copied by the simplest possible script. It checks and normalises nothing, and it
# is made for one service: `requirements.txt` beside it has that one's third-party packages, and it has libraries.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM public.ecr.aws/lambda/python:3.14 AS builder
COPY --from=uv /uv /bin/
ARG SERVICE_NAME
ENV UV_LINK_MODE=copy UV_NO_INSTALLER_METADATA=1
WORKDIR /build
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install -q --no-deps -r requirements.txt --target /layers/third-party
RUN python3 -m compileall -q --invalidation-mode=unchecked-hash -s /layers/third-party -p /var/task /layers/third-party || true
COPY services/common services/common
RUN for library in services/common/*; do uv build -q --wheel --out-dir /wheels/local $library; done && \
    for wheel in /wheels/local/*.whl; do python3 -m zipfile -e $wheel /layers/local; done && \
    python3 -m compileall -q --invalidation-mode=unchecked-hash -s /layers/local -p /var/task /layers/local
COPY services/${SERVICE_NAME} services/${SERVICE_NAME}
RUN uv build -q --wheel --out-dir /wheels/code services/${SERVICE_NAME} && \
    python3 -m zipfile -e /wheels/code/*.whl /layers/code && \
    python3 -m compileall -q --invalidation-mode=unchecked-hash -s /layers/code -p /var/task /layers/code

FROM public.ecr.aws/lambda/python:3.14
COPY --from=builder /layers/third-party/ /var/task/
COPY --from=builder /layers/local/ /var/task/
COPY --from=builder /layers/code/ /var/task/
