# The gateway agent alone: no database driver, no web framework, no numpy.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/parkgrid
COPY requirements-edge.lock ./
# Exact versions, checked by hash; any index may serve them.
RUN /opt/parkgrid/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-edge.lock
COPY . .
RUN /opt/parkgrid/bin/pip install --no-cache-dir --no-deps ./contract ./edge

FROM python:3.11-slim-bookworm
# The folder of the outbox belongs to the agent, so that a fresh volume does, too.
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin parkgrid \
    && install --directory --owner=parkgrid /var/lib/parkgrid
COPY --from=build /opt/parkgrid /opt/parkgrid
ENV PATH=/opt/parkgrid/bin:$PATH PYTHONUNBUFFERED=1
USER parkgrid
VOLUME /var/lib/parkgrid
CMD ["parkgrid-edge", "--help"]
