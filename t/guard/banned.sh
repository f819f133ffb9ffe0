#!/bin/sh
# Functions that read or write without a bound, or misread numbers.
. "$(dirname "$0")/../lib/guard.sh"
need src/protocol/pp_decode.c src/settings/proxyip_conf.c

for function in sscanf strtok strtok_r strcpy strcat sprintf vsprintf gets \
    atoi atol; do
    # shellcheck disable=SC2086 # a list of files
    none "no $function" "$(grep -nE "(^|[^A-Za-z0-9_])$function *\(" $c_files)"
done
finish
