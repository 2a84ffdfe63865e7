# A Dockerfile that only copies the code: onto an image that has everything else.
ARG BEFORE
FROM ${BEFORE}
ARG SERVICE_NAME
COPY services/${SERVICE_NAME}/src /var/task/
