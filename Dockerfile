# Build: tools/build-image.sh, or: docker build -t bids-deface .
# CUDA: docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 -t bids-deface:cuda .
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG PIP_FIND_LINKS=
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
# Dependencies first: they change less often than the program.
COPY requirements requirements
COPY tools/install-app.sh tools/
RUN sh tools/install-app.sh dependencies
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY bids_deface bids_deface
RUN sh tools/install-app.sh program

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="bids-deface" \
      org.opencontainers.image.description="Hide eyes, nose, ears and mouth in head MRI; leave the brain as it is (BIDS-App)" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-SA-3.0"
COPY --from=build /opt/bids-deface /opt/bids-deface
# Any user may run it, without a home folder; only /tmp and what is mounted need be writable.
ENV PATH=/opt/bids-deface/bin:$PATH \
    HOME=/tmp \
    LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    BIDS_DEFACE_CONTAINER=bids-deface:${VERSION}
USER 1000:1000
WORKDIR /tmp
ENTRYPOINT ["bids-deface"]
