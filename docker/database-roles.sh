#!/bin/sh
# The logins of the roles: each may do what its group may (the migrations grant it) and nothing more.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set owner="$POSTGRES_USER" \
    --set ingest="$PARKGRID_INGEST_DB_PASSWORD" \
    --set api="$PARKGRID_API_DB_PASSWORD" \
    --set grafana="$PARKGRID_GRAFANA_DB_PASSWORD" <<'SQL'
CREATE ROLE parkgrid_ingest NOLOGIN;
CREATE ROLE parkgrid_api NOLOGIN;
CREATE ROLE parkgrid_grafana NOLOGIN;
CREATE ROLE ingest LOGIN PASSWORD :'ingest' IN ROLE parkgrid_ingest;
-- TimescaleDB lets only an owner refresh and drop what maintenance has to: owned, but never become.
GRANT :"owner" TO ingest WITH INHERIT TRUE, SET FALSE;
CREATE ROLE api LOGIN PASSWORD :'api' IN ROLE parkgrid_api;
CREATE ROLE grafana_reader LOGIN PASSWORD :'grafana' IN ROLE parkgrid_grafana;
SQL
