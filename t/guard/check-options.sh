#!/bin/sh
# Each option of proxyip-check is in its --help, in its manual and in what bash
# completes; each command has an example in the manual.
. "$(dirname "$0")/../lib/guard.sh"
completion=src/check/proxyip-check.bash
need src/check/check_send.c src/check/proxyip-check.1 "$completion" \
    .libs/proxyip-check

# The names in a table: `--name`, and `-x` of those with a letter alone.
names() {
    sed -nE "s/^ *\{\"([a-z0-9-]+)(=[a-z]+)?\", .*/--\\1/p
        s/^ *\{NULL, '(.)', .*/-\\1/p" "$@"
}

for command in decode send probe listen relay; do
    files="src/check/check_$command.c"
    ! grep -q CHECK_HEADER_ROWS "$files" ||
        files="$files src/check/check_header_options.h"
    # shellcheck disable=SC2086 # a list of files
    options=$(names $files | sort -u)
    [ -n "$options" ]
    ok $? "options of $command were found"
    help=$(.libs/proxyip-check "$command" --help)
    none "$command --help has each" "$(
        for option in $options; do
            printf '%s\n' "$help" |
                grep -qE -e "(^|[^a-z-])$option([^a-z0-9-]|$)" ||
                echo "$option"
        done)"
    section=$(sed -n "/^\.Ss $command\$/,/^\.S[sh] /p" src/check/proxyip-check.1)
    none "the manual's section on $command has each" "$(
        for option in $options; do
            printf '%s\n' "$section" |
                grep -qE -e "Fl ${option#-}( |$)" || echo "$option"
        done)"
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' src/check/proxyip-check.1 |
        grep -q "proxyip-check $command "
    ok $? "the manual has an example of $command"
    completed=$(bash -c '. "$1"
        COMP_WORDS=(proxyip-check "$2" -) COMP_CWORD=2
        _proxyip_check
        printf "%s\n" "${COMPREPLY[@]}"' bash "$completion" "$command")
    none "bash completes each of $command, and no other" "$(
        {
            echo "$options" | sed p
            echo "--help -h" | tr ' ' '\n' | sed p
            echo "$completed" | sed 's/=$//'
        } | sort | uniq -c | awk '$1 != 3 { print $2 }')"
done
finish
