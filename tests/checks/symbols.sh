#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the core's archive holds and needs.
#
# It holds no writable globals: every object is in the text or in read-only data. Constant tables of
# pointers are in .data.rel.ro, which the loader relocates and then makes read-only; nm shows that as
# data, so sections are asked for by name.
#
# It needs nothing but memory that is filled, compared and reserved, and pure functions of text: no
# clock, no I/O, no allocation. Names that one object of the archive defines may be used by another.
#
# Sanitizers and coverage add symbols of their own: give it a build without them.
#
# usage: symbols.sh ARCHIVE...
#        symbols.sh --selftest

set -euo pipefail
export LC_ALL=C

# weir_reserve_pages and weir_release_pages are the default for weir_host.reserve and release. The
# stack protector's are the compiler's, and so is __cpu_model, which says whether the processor has
# an instruction for CRC32c; __popcountdi2 and the __...ti3 are its arithmetic where a processor has
# no such instruction; bcmp is what clang makes of a memcmp whose sign nobody asks for;
# _GLOBAL_OFFSET_TABLE_ is the linker's.
needs='memcpy memmove memset memcmp bcmp memchr strlen strcmp strncmp strcasecmp strncasecmp strchr
       strrchr vsnprintf snprintf inet_ntop inet_pton weir_reserve_pages weir_release_pages
       __stack_chk_fail __stack_chk_guard __cpu_model __popcountdi2 __udivti3 __divti3 __umodti3
       _GLOBAL_OFFSET_TABLE_'

# "SECTION NAME" of every object with a size, or of common storage, outside read-only sections.
writable() {
    # objdump -t prints VALUE FLAGS SECTION SIZE NAME, flags in seven columns.
    objdump -t "$@" | awk '
        !/^[0-9a-f]+ ....... / { next }
        {
            flags = substr($0, index($0, " ") + 1, 7)
            split(substr($0, index($0, " ") + 9), f)
            section = f[1]; size = f[2]; name = f[3]
        }
        flags ~ /[dfF]/ || section ~ /^\*(UND|ABS)\*$/ || size ~ /^0+$/ { next }
        section ~ /^\.(text|rodata|data\.rel\.ro|eh_frame|debug|comment|note)/ { next }
        { print section, name }' | sort -u
}

# Names that are used and defined nowhere in these archives.
undefined() {
    comm -23 <(nm -u "$@" | awk 'NF == 2 { print $2 }' | sort -u) \
        <(nm --defined-only "$@" | awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u)
}

check() {
    local wrong=0 line name objects
    objects=$(nm --defined-only "$@" | grep -c ' [Tt] ') || true
    ((objects > 0)) || { echo "no functions in $*: wrong archive?"; return 1; }
    while read -r line; do
        echo "writable: ${line#* } (section ${line%% *})"
        wrong=1
    done < <(writable "$@")
    while read -r name; do
        case " ${needs//$'\n'/ } " in
        *" $name "*) ;;
        *)
            echo "needs: $name"
            wrong=1
            ;;
        esac
    done < <(undefined "$@")
    ((wrong == 0)) && echo "ok - $objects functions, nothing writable, nothing needed but memory"
}

# An archive that is right, and then one for each thing that must be found.
selftest() {
    local failed=0 flags
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    archive() { # FLAGS SOURCE: makes $dir/lib.a
        printf '%s\n' "$2" >"$dir/a.c"
        printf 'int helper(int x);\nint helper(int x) { return x + 1; }\n' >"$dir/b.c"
        rm -f "$dir"/*.[oa]
        (cd "$dir" && ${CC:-cc} $1 -g -c a.c b.c && ar rcs lib.a a.o b.o)
    }
    good() {
        archive "$flags" "$2"
        check "$dir/lib.a" >"$dir/out" || { echo "not ok - refused: $1 ($flags)"; cat "$dir/out"; failed=1; }
    }
    bad() { # WHAT EXPECTED SOURCE
        archive "$flags" "$3"
        if check "$dir/lib.a" >"$dir/out" || ! grep -q "$2" "$dir/out"; then
            echo "not ok - not noticed: $1 ($flags)"
            failed=1
        fi
    }
    for flags in '-O0 -fno-pic -fstack-protector-all' '-O2 -fPIC -fdata-sections -ffunction-sections'; do
        good 'functions' 'int helper(int); int f(int x); int f(int x) { return helper(x); }'
        good 'a constant table of pointers' 'extern int f(int x); int f(int x) { return x; }
            static int (*const table[2])(int) = {f, f}; int (*const *g(void))(int);
            int (*const *g(void))(int) { return table; }'
        good 'strings' 'extern const char *const names[]; const char *const names[] = {"a", "b"};
            const char *f(int i); const char *f(int i) { return names[i]; }'
        good 'memcpy' 'void *memcpy(void *, const void *, unsigned long); void f(void *a, void *b, unsigned long n);
            void f(void *a, void *b, unsigned long n) { memcpy(a, b, n); }'
        bad 'a global' 'writable: counter' 'int counter; int f(void); int f(void) { return counter; }'
        bad 'an initialised global' 'writable: counter' 'int counter = 5; int f(void); int f(void) { return counter; }'
        bad 'a static in a function' 'writable: .*calls' 'int f(void); int f(void) { static int calls; return ++calls; }'
        bad 'a table of pointers that is not constant' 'writable: table' 'int f(int x); int f(int x) { return x; }
            int (*table[2])(int) = {f, f};'
        bad 'a global of a thread' 'writable: mine' '_Thread_local int mine = 3; int f(void); int f(void) { return mine; }'
        bad 'allocation' 'needs: malloc' 'void *malloc(unsigned long); void *f(void); void *f(void) { return malloc(5); }'
        bad 'a clock' 'needs: clock_gettime' 'int clock_gettime(int, void *); int f(void *t); int f(void *t) { return clock_gettime(0, t); }'
        bad 'output' 'needs: puts' 'int puts(const char *); int f(void); int f(void) { return puts("x"); }'
    done
    ! check "$dir/a.c" >/dev/null 2>&1 || { echo 'not ok - a source file is no archive'; failed=1; }
    ((failed == 0)) && echo 'ok - symbols.sh finds what it should'
}

case ${1:-} in
--selftest) selftest ;;
'' | -*)
    echo "usage: ${0##*/} ARCHIVE... | --selftest" >&2
    exit 2
    ;;
*) check "$@" ;;
esac
