#!/bin/sh
# Write the password file from the environment, take the certificates, then become the broker.
set -eu
umask 077
for file in ca.crt broker.crt broker.key; do
    if [ ! -f "/mosquitto/tls/$file" ]; then
        echo "docker/tls/$file is missing: make it as docs/tls.md shows" >&2
        exit 1
    fi
done
: > /tmp/passwords
mosquitto_passwd -b /tmp/passwords ingest "$PARKGRID_INGEST_MQTT_PASSWORD"
# Ingest workers share a password, and have a name each.
for number in 2 3 4; do
    mosquitto_passwd -b /tmp/passwords "ingest-$number" "$PARKGRID_INGEST_MQTT_PASSWORD"
done
mosquitto_passwd -b /tmp/passwords tap "$PARKGRID_TAP_MQTT_PASSWORD"
# Another gateway that signs in with a password needs one line more; those with a certificate need none.
mosquitto_passwd -b /tmp/passwords "$PARKGRID_GATEWAY" "$PARKGRID_GATEWAY_MQTT_PASSWORD"
mkdir -p /tmp/tls
cp /mosquitto/tls/ca.crt /mosquitto/tls/broker.crt /mosquitto/tls/broker.key /tmp/tls/
# The broker gives up root by itself and must still read the files.
chown -R mosquitto /tmp/passwords /tmp/tls
unset PARKGRID_INGEST_MQTT_PASSWORD PARKGRID_TAP_MQTT_PASSWORD PARKGRID_GATEWAY_MQTT_PASSWORD
exec mosquitto -c /mosquitto/config/mosquitto.conf
