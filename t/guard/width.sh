#!/bin/sh
# Lines of at most 80 columns, no tab, no blank at an end, LF only.
. "$(dirname "$0")/../lib/guard.sh"
need src/protocol/pp.h src/settings/proxyip_conf.c
tab=$(printf '\t')
cr=$(printf '\r')

# shellcheck disable=SC2086 # lists of words
{
    none "no line over 80 columns" "$(
        awk 'length > 80 { print FILENAME ":" FNR ": " length }' $c_files)"
    none "no tab" "$(grep -n "$tab" $c_files)"
    none "no blank at an end" "$(grep -n ' $' $c_files)"
    none "no CR" "$(grep -n "$cr" $c_files)"
    none "a newline at the end of each file" "$(
        for file in $c_files; do
            [ -z "$(tail -c 1 "$file")" ] || echo "$file"
        done)"
}
finish
