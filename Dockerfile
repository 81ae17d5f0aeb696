# Built in one stage, run in another that holds the program and the libraries it links, and no compiler, shell tools beyond
# Debian's slim set, or test hooks.
#   docker build -t headwater .
#   docker run -v ./config:/etc/headwater:ro -v headwater:/var/lib/headwater headwater
FROM debian:bookworm-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends \
    build-essential cmake ninja-build pkg-config tzdata openssl \
    libcurl4-openssl-dev nlohmann-json3-dev rapidjson-dev libsqlitecpp-dev libsqlite3-dev libfmt-dev \
    libyaml-cpp-dev libcli11-dev libcpp-httplib-dev libbrotli-dev libpqxx-dev libpq-dev libsystemd-dev \
    libhowardhinnant-date-dev libphonenumber-dev libpsl-dev libssl-dev prometheus-cpp-dev
WORKDIR /build
COPY . source
RUN cmake -S source -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O2 -DCMAKE_UNITY_BUILD=ON \
      -DCMAKE_UNITY_BUILD_BATCH_SIZE=8 -DHEADWATER_TEST_HOOKS=OFF -DHEADWATER_TESTS=OFF \
    && cmake --build build --target headwater && strip build/headwater
# The packages that the program's libraries come from, so that the list below can never be out of date.
RUN ldd build/headwater | awk '$3 ~ /^\// {print $3}' | xargs readlink -f \
      | xargs -n 1 sh -c 'dpkg -S "$0" 2>/dev/null || dpkg -S "${0#/usr}"' | cut -d: -f1 | sort -u >packages

FROM debian:bookworm-slim
COPY --from=build /build/packages /tmp/packages
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends \
      ca-certificates tzdata $(cat /tmp/packages) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --no-create-home --home-dir /var/lib/headwater --shell /usr/sbin/nologin --uid 990 headwater \
    && install -d -o headwater -g headwater -m 0700 /var/lib/headwater
COPY --from=build /build/build/headwater /usr/bin/headwater
USER headwater
VOLUME /var/lib/headwater
# The daemon is process 1 and takes its signals itself: TERM and INT stop it, HUP reads the configuration anew. Nothing in the
# image could ask /healthz for a HEALTHCHECK; let the orchestrator ask the `service: listen` address from the same network.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/headwater"]
CMD ["run", "-c", "/etc/headwater/headwater.yaml"]
