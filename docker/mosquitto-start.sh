#!/bin/sh
# Write the password file from the environment, then become the broker.
set -eu
umask 077
: > /tmp/passwords
mosquitto_passwd -b /tmp/passwords ingest "$PARKGRID_INGEST_MQTT_PASSWORD"
mosquitto_passwd -b /tmp/passwords gw-1 "$PARKGRID_GATEWAY_MQTT_PASSWORD"
# The broker gives up root by itself and must still read the file.
chown mosquitto /tmp/passwords
unset PARKGRID_INGEST_MQTT_PASSWORD PARKGRID_GATEWAY_MQTT_PASSWORD
exec mosquitto -c /mosquitto/config/mosquitto.conf
