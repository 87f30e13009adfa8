#!/bin/sh
# Starts mongod as a member of the replica set rs0, with authentication. More options may follow.
# MONGO_KEY is what the members know each other by: 6 to 1024 letters and digits.
set -eu
umask 077 # mongod refuses a key file that others can read, and a mounted one often is
printf '%s\n' "$MONGO_KEY" >/tmp/mongo-key
exec mongod --replSet rs0 --keyFile /tmp/mongo-key --bind_ip_all "$@"
