# The article's Dockerfile with what it needs to build and to run, and nothing else: versions instead of `latest`, the third-party
# packages copied to the task root (it copies none, or onto the base image's own), no pipe, `--no-deps`, a writable library.
# Its base is `python:3.14-arm64`: here the platform is an argument of the build, so that all recipes run on the same processor.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM public.ecr.aws/lambda/python:3.14 AS builder
COPY --from=uv /uv /uvx /bin/
ARG SERVICE_NAME
WORKDIR /build
COPY pyproject.toml uv.lock /build/
COPY services/${SERVICE_NAME}/pyproject.toml /build/services/${SERVICE_NAME}/pyproject.toml
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-install-local --no-dev --package ${SERVICE_NAME}
COPY services/common/ /build/services/common/
RUN uv export --package ${SERVICE_NAME} --no-editable --no-dev --frozen --format requirements.txt -o all.txt && \
    { grep '^./services/common' all.txt > common.txt || true; }
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=services/common,target=/build/services/common,rw \
    uv pip install --no-deps -r common.txt --target /build/common
COPY services/${SERVICE_NAME}/src /build/app

FROM public.ecr.aws/lambda/python:3.14 AS runtime
COPY --from=builder /build/.venv/lib/python3.14/site-packages /var/task/
COPY --from=builder /build/common /var/task/
COPY --from=builder /build/app /var/task/
