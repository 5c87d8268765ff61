# syntax=docker/dockerfile:1
#
# docker build --target cpu -t sensevoice:cpu .    the static program and nothing else, 25 MB
# docker build --target gpu -t sensevoice:gpu .    with the helper for NVIDIA GPUs, on glibc; no CUDA toolkit: the driver comes from the host
# docker build --target gpu --build-arg PACKAGES= -t sensevoice:gpu .    without ffmpeg, which is most of it: no M4A, no video
#
# How to run them: docs/gpu-memory.md.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=0.1.0-dev
ENV CGO_ENABLED=0
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/ ./cmd/sensevoice ./cmd/sensevoice-gpu && \
    install -d -m 0755 /out/rootfs/etc/ssl/certs && install -d -m 1777 /out/rootfs/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /out/rootfs/etc/ssl/certs/ && \
    install -d -o 65532 -g 65532 /out/rootfs/models && \
    echo 'sensevoice:x:65532:65532::/models:/sbin/nologin' >/out/rootfs/etc/passwd

FROM scratch AS cpu
COPY --from=build /out/rootfs/ /
COPY --from=build /out/sensevoice /sensevoice
ENV SENSEVOICE_HOME=/models SENSEVOICE_DEVICE=cpu
USER 65532:65532
VOLUME /models
EXPOSE 50000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["/sensevoice", "health"]
ENTRYPOINT ["/sensevoice"]
CMD ["serve"]

FROM debian:bookworm-slim AS gpu
ARG PACKAGES=ffmpeg
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates $PACKAGES && rm -rf /var/lib/apt/lists/* && \
    install -d -o 65532 -g 65532 /models
COPY --from=build /out/sensevoice /out/sensevoice-gpu /usr/local/bin/
# The container runtime reads these: all GPUs, and of the driver what computing and looking need.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENV SENSEVOICE_HOME=/models SENSEVOICE_DEVICE=auto
USER 65532:65532
VOLUME /models
EXPOSE 50000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["sensevoice", "health"]
ENTRYPOINT ["sensevoice"]
CMD ["serve"]
