# As code-only.Dockerfile, with one step that runs a program: what a build costs that does anything to the code at all.
ARG BEFORE
FROM public.ecr.aws/lambda/python:3.14 AS builder
ARG SERVICE_NAME
COPY services/${SERVICE_NAME}/src /code
RUN ["true"]
FROM ${BEFORE}
COPY --from=builder /code /var/task/
