#!/bin/sh
# The pages that people read: every link leads to a file that is there, and to
# a heading in it; the front page is short, and leads to all of docs.
. "$(dirname "$0")/../lib/guard.sh"
need README docs/directives.md docs/troubleshooting.md conf-examples/README
pages="README conf-examples/README $(find docs -name '*.md' | sort)"

fence='^```'

# prose PAGE: what is not in a fenced block.
prose() {
    sed "/$fence/,/$fence/d" "$1"
}

# anchors PAGE: what hosting sites make of its headings.
anchors() {
    prose "$1" | sed -n 's/^##* *//p' | tr '[:upper:] ' '[:lower:]-' |
        sed 's/[^a-z0-9_-]//g'
}

# links PAGE: the targets of its links in this tree.  A link's text may end on
# the line after.
links() {
    {
        prose "$1" | tr '\n' ' ' | grep -oE '\]\([^) ]+\)' |
            sed 's/^](\(.*\))$/\1/'
        sed -nE 's/^\[[^]]+\]: +//p' "$1"
    } | grep -vE '^https?://' | sort -u
}

# leads PAGE TARGET: there is such a file, and such a heading in it.
leads() {
    file=${2%%#*}
    anchor=${2#"$file"}
    there=$1
    [ -z "$file" ] || there=$(dirname "$1")/$file
    [ -e "$there" ] || return 1
    [ -z "$anchor" ] || anchors "$there" | grep -qxF -e "${anchor#?}"
}

for page in $pages; do
    found=$(links "$page")
    [ -n "$found" ]
    ok $? "links were found in $page"
    none "each link of $page leads somewhere" "$(
        for target in $found; do
            leads "$page" "$target" || echo "$target"
        done)"
    none "each reference of $page has its target" "$(
        prose "$page" | tr '\n' ' ' |
            grep -oE '\]\[[^]]+\]' | sed 's/^\]\[\(.*\)\]$/\1/' | sort -u |
        while read -r name; do
            grep -qF "[$name]: " "$page" || echo "$name"
        done)"
    none "no two headings of $page have one anchor" "$(
        anchors "$page" | sort | uniq -d)"
    # Outside code a word in such brackets is mark-up, and is not shown.
    none "each <Word> of $page is code" "$(
        # shellcheck disable=SC2016 # marks, no command
        prose "$page" | sed '/^    /d; s/`[^`]*`//g' | grep -E '</?[A-Za-z]')"
done
none "README leads to each page of docs" "$(
    for page in docs/*.md; do
        links README | grep -q "^$page" || echo "$page"
    done)"

[ "$(wc -l < README)" -le 160 ]
ok $? "README has at most 160 lines"
none "each README.md is a link to its README" "$(
    for page in . conf-examples; do
        [ "$(readlink "$page/README.md")" = README ] || echo "$page/README.md"
    done)"
# A table's row, or a link, cannot be folded.
# shellcheck disable=SC2086 # a list of files
none "80 columns, no tab, no blank at an end, and ASCII" "$(
    awk 'length > 80 && !/^\|/ && !/^\[[^]]+\]: / {
        print FILENAME ":" FNR ": " length }' $pages
    grep -nE "$(printf '\t')| \$" $pages
    LC_ALL=C grep -n '[^ -~]' $pages)"
finish
