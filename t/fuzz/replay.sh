#!/bin/sh
# replay.sh t/fuzz/NAME.bin: run a target on its corpus, t/fuzz/corpus-NAME,
# under the command $PROXYIP_UNDER when that is set.
set -u
corpus=$(dirname "$1")/corpus-$(basename "$1" .bin)
program=$1

set -- "$corpus"/*
if [ ! -e "$1" ]; then
    echo "1..1"
    echo "not ok 1 - $corpus is not empty"
    exit 1
fi
# shellcheck disable=SC2086 # a command and its arguments
exec ${PROXYIP_UNDER:-} "./$program" "$@"
