#!/bin/sh
# certificate.sh FOLDER
#
# Make a throw-away certificate for localhost, server.pem, and its key,
# server.key, in a folder; keep those that are there.
set -u
folder=${1:?usage: certificate.sh FOLDER}
[ ! -e "$folder/server.pem" ] || exit 0

# Tests may run side by side: the pair appears at once, or another's stays.
mkdir -p "$(dirname "$folder")" || exit 1
new=$(mktemp -d "$folder-XXXXXX") || exit 1
trap 'rm -rf "$new"' EXIT
if ! message=$(openssl req -x509 -newkey ec \
    -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
    -keyout "$new/server.key" -out "$new/server.pem" 2>&1); then
    echo "$message" >&2
    exit 1
fi
mv -T "$new" "$folder" 2> /dev/null || [ -e "$folder/server.pem" ]
