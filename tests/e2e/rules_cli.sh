#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# weir rules from outside: command lines, wrong files, and that what is wrong is said with its place.
#
# What each kind of rule means, how it is printed and how it is refused is tested by tests/rules;
# here are the mistakes that files and whole rule sets have.
#
# usage: rules_cli.sh WEIR

set -u
export LC_ALL=C

weir=$(readlink -f "${1:?usage: rules_cli.sh WEIR}")
here=$(dirname "$(readlink -f "$0")")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

# wrong NAME PLACE MESSAGE LINE...: a file of these lines is refused at PLACE with MESSAGE (a pattern).
wrong() {
    local name=$1 place=$2 message=$3
    shift 3
    printf '%s\n' "$@" >wrong.v4
    run rules check wrong.v4
    expect "$name" 1 '' "^weir rules: wrong\.v4:$place: $message"
}

# shown NAME LINE: this line stands in what was said.
shown() {
    if grep -Fxq -- "$2" err; then ok "$1"; else not_ok "$1" "lacks: $2" "$(head -c 600 err)"; fi
}

filter=('*filter' ':INPUT ACCEPT [0:0]' ':FORWARD ACCEPT [0:0]' ':OUTPUT ACCEPT [0:0]')

cat >good.v4 <<'END'
# a comment
*nat
:PREROUTING ACCEPT [7:8]
-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [100000:2000]
:UC - [0:0]
[5:600] -A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j UC
-A INPUT -j UC
-A UC -s 10.1.2.3 -j ACCEPT
COMMIT
END

# ---- The command line --------------------------------------------------------------------------

run rules
expect 'no verb' 2 '' '^weir rules: say what to do: check, print or list$'
run rules load good.v4
expect 'unknown verb' 2 '' "^weir rules: cannot 'load' rules; it is check, print or list$"
run rules --help
expect '--help' 0 '^usage: weir rules check ' ''
run rules list --help
expect 'list --help' 0 '^usage: weir rules check ' ''
run help rules
expect 'weir help rules' 0 '^usage: weir rules check ' ''
run --help
expect 'weir --help names it' 0 '^  weir rules ' ''
run rules check
expect 'check: which file?' 2 '' 'which file\? give its name, or - for standard input'
run rules print good.v4 good.v4
expect 'print: one file' 2 '' "unexpected 'good.v4'"
run rules list good.v4 INPUT UC
expect 'list: one chain' 2 '' "unexpected 'UC'"
run rules check --frobnicate good.v4
expect 'unknown option' 2 '' "unknown or ambiguous option '--frobnicate'"
run rules print -n good.v4
expect 'option of another verb' 2 '' 'print does not take option -n$'
run rules check --line-numbers good.v4
expect 'long option of another verb' 2 '' 'check does not take option --line-numbers$'
run rules list -t
expect 'option without value' 2 '' "option '-t' needs a value"
run rules list -t nta good.v4
expect 'no such table' 2 '' "no table is called 'nta'; it is filter, nat, mangle, raw or security"
run rules list -t mangle good.v4
expect 'table that is not in the file' 1 '' '^weir rules: good.v4: no table mangle$'
run rules list good.v4 uc
expect 'chain that is not in the table' 1 '' "^weir rules: good.v4: no chain 'uc' in table filter$"
run rules check nosuchfile
expect 'no such file' 1 '' "^weir rules: cannot read 'nosuchfile': No such file or directory$"
run rules check .
expect 'a directory' 1 '' "^weir rules: cannot read '.': Is a directory$"

# ---- Right files -------------------------------------------------------------------------------

run rules check good.v4
expect 'check' 0 '^good\.v4: IPv4, 2 tables, 8 chains, 5 rules$' ''
run rules check good.v4 nosuchfile good.v4
same 'check goes on after a file that is wrong' '2 1' "$(wc -l <out) $status"
cp good.v4 good.v6
run rules check good.v6
expect '.v6 is IPv6' 1 '' 'host/network .10\.1\.2\.3. not found'
run rules check -4 good.v6
expect '-4' 0 '^good\.v6: IPv4, 2 tables' ''
printf '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s ::1 -j ACCEPT\nCOMMIT\n' >six
run rules check -6 six
expect '-6' 0 '^six: IPv6, 1 table, 3 chains, 1 rule$' ''
: >empty
run rules check empty
expect 'an empty file has no tables' 0 '^empty: IPv4, 0 tables, 0 chains, 0 rules$' ''

"$weir" rules print <good.v4 >out
same 'print, from standard input' '*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:UC - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j UC
-A INPUT -j UC
-A UC -s 10.1.2.3/32 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT' "$(cat out)"
"$weir" rules print - <out >again
holds 'what was printed is printed the same' cmp out again
run rules print -c good.v4
expect 'print -c: policies' 0 '^:INPUT DROP \[100000:2000\]$' ''
expect 'print -c: rules' 0 '^\[5:600\] -A INPUT -i lo -j ACCEPT$' ''
expect 'print -c: rules without counters' 0 '^\[0:0\] -A INPUT -j UC$' ''
run rules list -vn --line-numbers good.v4 INPUT
same 'list' 'Chain INPUT (policy DROP 100K packets, 2000 bytes)
num   pkts bytes target     prot opt in     out     source               destination         
1        5   600 ACCEPT     0    --  lo     *       0.0.0.0/0            0.0.0.0/0           
2        0     0 UC         6    --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22
3        0     0 UC         0    --  *      *       0.0.0.0/0            0.0.0.0/0           ' "$(cat out)"
run rules list -x --verbose good.v4 INPUT
expect 'list -x' 0 '^Chain INPUT \(policy DROP 100000 packets, 2000 bytes\)$' ''
run rules list -n good.v4 UC
expect 'list: references' 0 '^Chain UC \(2 references\)$' ''
run rules list --table=nat good.v4 PREROUTING
expect 'list --table' 0 '^REDIRECT   tcp  --  anywhere             anywhere             tcp dpt:.* redir ports 8080$' ''
run rules list good.v4
same 'list: all chains, a blank line between them' 3 "$(grep -c '^$' out)"
"$weir" rules print good.v4 >/dev/full 2>err
same 'output that has no place' 1 $?

# ---- Wrong lines -------------------------------------------------------------------------------

wrong 'no table' 1 'line 1 failed' '-A INPUT -j ACCEPT'
wrong 'unknown table' 1:2 "line 1 table name 'filtre' invalid" '*filtre' 'COMMIT'
wrong 'table without a name' 1 'line 1 table name invalid' '*' 'COMMIT'
wrong 'missing COMMIT' 6 'COMMIT expected at line 6$' "${filter[@]}" '-A INPUT -j ACCEPT'
shown 'with what to do' '  hint: end the table filter with a line COMMIT; without it nothing is loaded'
wrong 'commit' 2:1 'Bad argument .commit.$' '*filter' 'commit'
wrong 'COMMIT with a blank' 2:1 'Bad argument .COMMIT.$' '*filter' 'COMMIT '
wrong 'unknown option' 5:17 'unknown option "--dprt"$' "${filter[@]}" '-A INPUT -p tcp --dprt 80' 'COMMIT'
shown 'the line' '     5 | -A INPUT -p tcp --dprt 80'
shown 'and the place in it' '       |                 ^~~~~~'
wrong 'unknown match' 5:13 "Couldn't load match .nosuch.:No such file or directory$" \
    "${filter[@]}" '-A INPUT -m nosuch -j ACCEPT' 'COMMIT'
wrong 'unknown target' 5:13 "Couldn't load target .NOSUCH.:No such file or directory$" \
    "${filter[@]}" '-A INPUT -j NOSUCH' 'COMMIT'
wrong 'unknown chain' 5:4 '.*' "${filter[@]}" '-A INPTU -j ACCEPT' 'COMMIT'
wrong 'chain that is declared too late' 5:13 "Couldn't load target .UC." "${filter[@]}" '-A INPUT -j UC' ':UC - [0:0]' 'COMMIT'
wrong 'goto to no chain' 5:13 "goto 'X' is not a chain$" "${filter[@]}" '-A INPUT -g X' 'COMMIT'
wrong 'stray word' 5:20 'Bad argument .#.$' "${filter[@]}" '-A INPUT -j ACCEPT # ssh' 'COMMIT'
wrong 'missing argument' 5:10 'option "-j" requires an argument$' "${filter[@]}" '-A INPUT -j' 'COMMIT'
wrong 'no command' 5 'no command specified$' "${filter[@]}" '   ' 'COMMIT'
wrong 'bad address' 5:13 'host/network .300\.1\.1\.1. not found$' "${filter[@]}" '-A INPUT -s 300.1.1.1' 'COMMIT'
wrong 'bad mask' 5:13 'invalid mask .33. specified$' "${filter[@]}" '-A INPUT -s 10.0.0.1/33' 'COMMIT'
wrong 'bad port' 5:25 'invalid port/service .70000. specified$' "${filter[@]}" '-A INPUT -p tcp --dport 70000' 'COMMIT'
wrong 'bad port range' 5:25 'invalid portrange \(min > max\)$' "${filter[@]}" '-A INPUT -p tcp --dport 90:80' 'COMMIT'
wrong 'bad protocol' 5:13 'unknown protocol "tpc" specified$' "${filter[@]}" '-A INPUT -p tpc' 'COMMIT'
wrong 'option twice' 5:35 'multiple -s flags not allowed$' "${filter[@]}" '-A INPUT -s 10.0.0.1/32 -p tcp -s 10.0.0.2' 'COMMIT'
wrong 'interface where there is none' '5(:10)?' "Can't use -o with INPUT$" "${filter[@]}" '-A INPUT -o eth0' 'COMMIT'
wrong 'NAT target in another table' '5(:[0-9]+)?' '.+' "${filter[@]}" '-A FORWARD -j DNAT --to-destination 1.1.1.1' 'COMMIT'
wrong 'NAT target in the wrong hook' '3(:[0-9]+)?' '.+' \
    '*nat' ':PREROUTING ACCEPT [0:0]' '-A PREROUTING -j MASQUERADE' 'COMMIT'
wrong 'and by way of a chain' '[34](:[0-9]+)?' '.+' \
    '*nat' ':U - [0:0]' '-A U -j MASQUERADE' '-A PREROUTING -j U' 'COMMIT'
wrong 'DROP in nat' '2(:[0-9]+)?' 'The "nat" table is not intended for filtering' '*nat' '-A PREROUTING -j DROP' 'COMMIT'
wrong 'set that is not there' 5:29 "Set nosuch doesn't exist\." "${filter[@]}" '-A INPUT -m set --match-set nosuch src' 'COMMIT'
wrong 'chain name too long' 5:2 "Invalid chain name .a{29}. \(28 chars max\)$" "${filter[@]}" ":$(printf '%029d' 0 | tr 0 a) - [0:0]" 'COMMIT'
wrong 'chain named as a target' 5:2 'chain name may not clash with target name$' "${filter[@]}" ':REJECT - [0:0]' 'COMMIT'
wrong 'policy of a user chain' 5:4 "Can't set policy .DROP. on .U. line 5: Bad built-in chain name$" "${filter[@]}" ':U DROP [0:0]' 'COMMIT'
wrong 'wrong policy' 2:8 "Can't set policy .REJECT. on .INPUT. line 2: Bad policy name$" '*filter' ':INPUT REJECT [0:0]' 'COMMIT'
wrong 'chain line without a policy' 5:2 'line 5 policy invalid$' "${filter[@]}" ':U' 'COMMIT'
wrong 'counters without an end' 5 'Bad line 5: need \]$' "${filter[@]}" '[1:2 -A INPUT -j ACCEPT' 'COMMIT'
wrong 'table in a rule' '5(:[0-9]+)?' 'The -t option cannot be used in iptables-restore\.$' "${filter[@]}" '-A INPUT -t nat -j ACCEPT' 'COMMIT'
wrong 'jump to a built-in chain' '5(:[0-9]+)?' '.+' "${filter[@]}" '-A INPUT -j FORWARD' 'COMMIT'
wrong 'a chain that jumps to itself' '6(:[0-9]+)?' '.*loop' "${filter[@]}" ':A - [0:0]' '-A A -j A' '-A INPUT -j A' 'COMMIT'
wrong 'loop of three' '[0-9]+(:[0-9]+)?' '.*loop' "${filter[@]}" ':A - [0:0]' ':B - [0:0]' ':C - [0:0]' \
    '-A A -j B' '-A B -g C' '-A C -p tcp -j A' '-A INPUT -j C' 'COMMIT'
printf '%s\n' "${filter[@]}" ':A - [0:0]' ':B - [0:0]' '-A A -j B' '-A B -j A' COMMIT >unused.v4
run rules check unused.v4
expect 'a loop that no packet reaches is no error' 0 '2 rules$' ''
wrong 'the second table' 8:14 'unknown protocol' "${filter[@]}" COMMIT '*raw' ':OUTPUT ACCEPT [0:0]' '-A OUTPUT -p foo' COMMIT

printf '%s\r\n' "${filter[@]}" '-A INPUT -j ACCEPT' COMMIT >crlf.v4
run rules check crlf.v4
expect 'lines that end in CR LF' 1 '' '^weir rules: crlf\.v4:1:2: .*filter\\x0d'
printf '*filter\n-A INPUT -i et\0h0 -j ACCEPT\nCOMMIT\n' >nul.v4
run rules check nul.v4
expect 'a NUL byte' 1 '' '^weir rules: nul\.v4:2:15: .*NUL'
shown 'which is shown' '     2 | -A INPUT -i et\x00h0 -j ACCEPT'
head -c 100000 /dev/zero >zero.v4
run rules check zero.v4
expect 'nothing but NUL bytes' 1 '' '^weir rules: zero\.v4:1:1: .*NUL'
head -c 100000 "$weir" >binary.v4
run rules check binary.v4
expect 'a program' 1 '' '^weir rules: binary\.v4:1:'
same 'a program: nothing that a terminal would obey' 0 "$(tr -d '\n\t' <err | grep -c '[[:cntrl:]]')"
printf '\033[31m\n' >escape.v4
run rules check escape.v4
expect 'an escape sequence' 1 '' '\\x1b\[31m$'
printf '*filter\n-A INPUT -j ACCEPT' >noend.v4
run rules check noend.v4
expect 'last line without an end' 1 '' 'COMMIT expected at line 3'
printf '*filter\n-A INPUT -j ACCEPT\nCOMMIT' >noend.v4
run rules check noend.v4
expect 'COMMIT without an end' 0 '1 rule$' ''
printf 'create s4 hash:ip family inet\n' >sets
printf '%s\n' "${filter[@]}" '-A INPUT -m set --match-set s4 src -j DROP' COMMIT >set.v4
run rules check --ipset sets set.v4
expect 'sets from a file' 0 '1 rule$' ''
printf 'create s4 hash:ip family inet\nadd s4 10.0.0.300\n' >sets
run rules check --ipset sets set.v4
expect 'sets that are wrong' 1 '' '^weir rules: sets:2:'
run rules check --ipset nosuch set.v4
expect 'sets that are not there' 1 '' "cannot read 'nosuch'"

# A mark stands under the text also behind tabs and letters of several bytes, and in long lines.
printf '%s\n' "${filter[@]}" $'-A INPUT\t-p tcp\t--dprt 80' COMMIT >tab.v4
run rules check tab.v4
shown 'tabs: the place' $'       |         \t      \t^~~~~~'
printf '%s\n' "${filter[@]}" '-A INPUT -m comment --comment äöü -p tpc' COMMIT >utf8.v4
run rules check utf8.v4
shown 'letters of several bytes: the place' '       |                                      ^~~'
long=$(printf '%0300d' 0)
printf '%s\n' "${filter[@]}" "-A INPUT -m comment --comment $long -p tpc -m comment --comment $long" COMMIT >long.v4
run rules check long.v4
expect 'a long line' 1 '' '^     5 \| \.\.\.0{46} -p tpc -m comment .*\.\.\.$'

# ---- Much --------------------------------------------------------------------------------------

{
    echo '*filter'
    head -c 50000000 /dev/zero | tr '\0' x
    echo
    echo COMMIT
} >wide.v4
run rules check wide.v4
expect 'a line of 50 MB' 1 '' '^weir rules: wide\.v4:2:'
holds 'of which little is shown' test "$(wc -c <err)" -lt 1000

{
    printf '%s\n' "${filter[@]}"
    awk 'BEGIN { for (i = 0; i < 100000; i++)
        printf "-A INPUT -s 10.%d.%d.%d/32 -p tcp -m tcp --dport %d -j ACCEPT\n", i / 65536, i / 256 % 256, i % 256, i % 65536 }'
    echo COMMIT
} >many.v4
start=$(date +%s%N)
run rules check many.v4
took=$((($(date +%s%N) - start) / 1000000))
expect '100,000 rules' 0 '^many\.v4: IPv4, 1 table, 3 chains, 100000 rules$' ''
echo "#   in $took ms"
"$weir" rules print many.v4 >many.out
holds 'are printed as they are' cmp many.v4 many.out

finish
