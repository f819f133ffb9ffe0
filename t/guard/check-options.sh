#!/bin/sh
# Each option of proxyip-check is in its --help and in its manual.
. "$(dirname "$0")/../lib/guard.sh"
need src/check/check_send.c src/check/proxyip-check.1 .libs/proxyip-check

for command in decode send probe listen; do
    options=$(sed -n 's/^    {"\([a-z0-9-]*\)", CHECK_ARGS_.*/\1/p' \
        "src/check/check_$command.c" | grep -vx help)
    [ -n "$options" ]
    ok $? "options of $command were found"
    help=$(.libs/proxyip-check "$command" --help)
    none "$command --help has each" "$(
        for option in $options; do
            dashes=--
            [ ${#option} -gt 1 ] || dashes=-
            printf '%s\n' "$help" |
                grep -qE -e "(^|[^a-z-])$dashes$option([^a-z0-9-]|$)" ||
                echo "$option"
        done)"
    section=$(sed -n "/^\.Ss $command\$/,/^\.S[sh] /p" src/check/proxyip-check.1)
    none "the manual's section on $command has each" "$(
        for option in $options; do
            dash=-
            [ ${#option} -gt 1 ] || dash=
            printf '%s\n' "$section" |
                grep -qE -e "Fl $dash$option( |$)" || echo "$option"
        done)"
done
finish
