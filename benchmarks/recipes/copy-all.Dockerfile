# What one writes first: the whole repository, then `uv sync`.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM public.ecr.aws/lambda/python:3.14
ARG SERVICE_NAME
COPY --from=uv /uv /bin/
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    UV_LINK_MODE=copy uv sync --frozen --no-dev --no-editable --package ${SERVICE_NAME}
ENV PYTHONPATH=/var/task/.venv/lib/python3.14/site-packages
