# SPDX-License-Identifier: Apache-2.0
#
#   docker build --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) -t grapnel:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 …
#
# The same sources and the same Debian packages give the same image (with BuildKit's rewrite-timestamp=true for its layer).
# No HEALTHCHECK: /healthz and /readyz are for Kubernetes' probes.

FROM debian:bookworm-slim AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates cmake gcc libc6-dev libcurl4-openssl-dev libevent-dev libjansson-dev libssl-dev libyaml-dev libzstd-dev \
        ninja-build openssl pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY CMakeLists.txt LICENSE ./
COPY cmake cmake
COPY crds crds
COPY controller controller

ARG VERSION=0.1.0
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DGRAPNEL_HARDEN=ON -DGRAPNEL_TESTS=OFF -DBUILD_TESTING=OFF \
    && cmake --build build --target grapnel \
    && strip build/grapnel \
    && cmake/image-root.sh /image build/grapnel "$VERSION"

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="grapnel" \
    org.opencontainers.image.description="Gives open-source Tyk gateways global webhooks" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.base.name="scratch"
COPY --from=build /image /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/grapnel"]
CMD ["run"]
