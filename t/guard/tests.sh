#!/bin/sh
# No test that never runs: each lies where it is looked for, each body of a
# unit test is called by its main(), no fuzz target's corpus is empty.
. "$(dirname "$0")/../lib/guard.sh"
need t/TEST t/smoke.t t/unit/build.sh

none "each .t stands directly in t" "$(
    find t -path t/run -prune -o -name '*.t' -print | grep '/.*/')"
none "what is run as a program may be" "$(
    for file in .ci/run t/TEST t/demo/run t/bench/run t/soak/run \
        t/unit/build.sh t/fuzz/*.sh t/guard/*.sh t/lib/cgi/*; do
        [ -x "$file" ] || echo "$file"
    done)"

programs=$(grep -l '^int main(' t/unit/*.c)
[ -n "$programs" ]
ok $? "there are unit tests"
for file in $programs; do
    main=$(sed -n '/^int main(/,/^}/p' "$file")
    bodies=$(sed -nE 's/^static [a-z].*[ *](test_[a-z0-9_]+)\(.*/\1/p' "$file")
    none "main() of $file calls each of its tests" "$(
        for body in $bodies; do
            echo "$main" | grep -q "\b$body(" || echo "$body"
        done)"
done

targets=$(grep -l '^int LLVMFuzzerTestOneInput(' t/fuzz/*.c)
[ -n "$targets" ]
ok $? "there are fuzz targets"
for target in $targets; do
    corpus=t/fuzz/corpus-$(basename "$target" .c)
    must "$corpus is not empty" test -n "$(find "$corpus" -type f)"
done
none "each corpus has its target" "$(
    for corpus in t/fuzz/corpus*; do
        [ -e "t/fuzz/${corpus#t/fuzz/corpus-}.c" ] || echo "$corpus"
    done)"
finish
