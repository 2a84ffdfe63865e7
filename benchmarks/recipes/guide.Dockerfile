# The recipe of uv's guide for Lambda with a workspace (https://docs.astral.sh/uv/guides/integration/aws-lambda), for one service of
# several: `--package` and the definitions that it needs; all members mounted, and `--no-deps`, since a library's own library arrives
# as a path into the builder otherwise.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM public.ecr.aws/lambda/python:3.14 AS builder
ARG SERVICE_NAME
ENV UV_COMPILE_BYTECODE=1
ENV UV_NO_INSTALLER_METADATA=1
ENV UV_LINK_MODE=copy
RUN --mount=from=uv,source=/uv,target=/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=services/${SERVICE_NAME}/pyproject.toml,target=services/${SERVICE_NAME}/pyproject.toml \
    uv export --frozen --package ${SERVICE_NAME} --no-emit-workspace --no-dev --no-editable -o /tmp/requirements.txt && \
    uv pip install -r /tmp/requirements.txt --target "${LAMBDA_TASK_ROOT}"
RUN --mount=from=uv,source=/uv,target=/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=services,target=services,rw \
    uv export --frozen --package ${SERVICE_NAME} --no-emit-project --no-dev --no-editable -o /tmp/requirements.txt && \
    uv pip install --no-deps -r /tmp/requirements.txt --target "${LAMBDA_TASK_ROOT}"

FROM public.ecr.aws/lambda/python:3.14
ARG SERVICE_NAME
COPY --from=builder ${LAMBDA_TASK_ROOT} ${LAMBDA_TASK_ROOT}
COPY services/${SERVICE_NAME}/src ${LAMBDA_TASK_ROOT}
