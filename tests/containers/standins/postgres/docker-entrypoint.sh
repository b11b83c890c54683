#!/bin/sh
# Makes the cluster, its owner and its database where there is none, asks everybody for a password, then runs what it was given.
set -eu
if [ "$1" != postgres ]; then
  exec "$@"
fi
as_postgres() {
  setpriv --reuid postgres --regid postgres --init-groups "$@"
}
chown postgres: "$PGDATA" /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  (umask 077 && printf '%s' "$POSTGRES_PASSWORD" >/run/postgresql/password)
  chown postgres: /run/postgresql/password
  as_postgres initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile /run/postgresql/password --auth-host scram-sha-256 --auth-local trust
  rm /run/postgresql/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # as the image does: on no address until the database is there
  as_postgres pg_ctl -D "$PGDATA" -w -o '-c listen_addresses=' start
  as_postgres createdb -U "$POSTGRES_USER" "$POSTGRES_DB" 2>/dev/null || as_postgres psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c 'SELECT 1'
  as_postgres pg_ctl -D "$PGDATA" -w -m fast stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups "$@" -c 'listen_addresses=*'
