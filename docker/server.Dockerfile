# Everything but the gateway: ingest, api with its page, simulators, the command line.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/parkgrid
COPY requirements-server.lock ./
# Exact versions, checked by hash; any index may serve them.
RUN /opt/parkgrid/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-server.lock
COPY . .
RUN /opt/parkgrid/bin/pip install --no-cache-dir --no-deps ./contract ./domain ./edge ./simulators .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin parkgrid
COPY --from=build /opt/parkgrid /opt/parkgrid
# A new volume takes the owner of the folder that it is mounted over.
RUN install -d -o parkgrid /var/lib/parkgrid/issued
ENV PATH=/opt/parkgrid/bin:$PATH PYTHONUNBUFFERED=1
USER parkgrid
CMD ["parkgrid", "--help"]
