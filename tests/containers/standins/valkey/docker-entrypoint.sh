#!/bin/sh
# A server gets no root, and since a password is all that protects it, no mode that refuses others for want of one.
set -eu
if [ "$1" = valkey-server ]; then
  exec setpriv --reuid valkey --regid valkey --init-groups "$@" --protected-mode no
fi
exec "$@"
