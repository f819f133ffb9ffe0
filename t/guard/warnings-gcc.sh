#!/bin/sh
# No warning from gcc.
. "$(dirname "$0")/../lib/guard.sh"
need mod_proxyip.c src/protocol/pp_decode.c

no_warning gcc
finish
