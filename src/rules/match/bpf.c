/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m bpf: a program of classic BPF says whether the packet matches (iptables reference, 3.5), as
 * `nfbpf_compile` writes it: "N,code jt jf k,..." Programs in the kernel (--object-pinned) are out
 * of reach.
 */
#include "rules/match/bpf_run.h"

enum { B_BYTECODE = 0, B_PINNED };

struct bpf {
    struct bpf_insn program[BPF_PROGRAM_MAX];
    uint8_t count;
};

static const struct opt opts[] = {
    {"bytecode", B_BYTECODE, OPT_OTHER, .against = OPT_BIT(B_PINNED)},
    {"object-pinned", B_PINNED, OPT_OTHER, .against = OPT_BIT(B_BYTECODE)},
    {0},
};

/* --- reading --- */

/* A decimal number with blanks before it, at most `max`; *text comes behind it. */
static bool read_number(const char **text, uint32_t max, uint32_t *n)
{
    const char *at = *text;
    uint64_t sum = 0;

    while (text_blank(*at))
        at++;
    *text = at;
    for (; text_digit(*at); at++)
        if ((sum = sum * 10 + (uint64_t)(*at - '0')) > max)
            return false;
    if (at == *text)
        return false;
    *text = at;
    *n = (uint32_t)sum;
    return true;
}

static bool read_insn(const char **text, struct bpf_insn *insn)
{
    uint32_t code, jt, jf, k;

    if (!read_number(text, UINT16_MAX, &code) || !read_number(text, UINT8_MAX, &jt) ||
        !read_number(text, UINT8_MAX, &jf) || !read_number(text, UINT32_MAX, &k))
        return false;
    while (text_blank(**text))
        ++*text;
    *insn = (struct bpf_insn){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
    return **text == ',' || !**text;
}

static bool take_bytecode(struct rule_parse *r, struct bpf *b, const char *text)
{
    uint32_t count;
    unsigned at;

    if (!read_number(&text, UINT32_MAX, &count) || *text != ',' || !count)
        return rule_fail(r, "bpf: error parsing program length");
    if (count > BPF_PROGRAM_MAX) {
        rule_fail(r, "bpf: number of instructions exceeds maximum");
        rule_hint(r, "a program has at most %d", BPF_PROGRAM_MAX);
        return false;
    }
    for (; *text && text[1]; b->count++) {
        text++;
        if (b->count == count)
            return rule_fail(r, "bpf: real program length exceeds the encoded length parameter");
        if (!read_insn(&text, &b->program[b->count]))
            return rule_fail(r, "bpf: error at instr %u", b->count);
    }
    if (b->count < count)
        return rule_fail(r, "bpf: parsed program length is less than the encoded length parameter");

    const char *wrong = bpf_check(b->program, b->count, &at);

    return !wrong || rule_fail(r, "bpf: instruction %u: %s", at, wrong);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    if (o->id == B_BYTECODE)
        return take_bytecode(r, ext_data(x), text);
    rule_fail(r, "bpf: failed to get bpf object");
    rule_hint(r, "weir cannot run programs that are in the kernel: give it with --bytecode");
    return false;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "bpf: one of --bytecode or --pinned is required");
}

/* --- writing --- */

static void add_program(struct text *out, const struct bpf *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct bpf_insn *n = &b->program[i];

        text_addf(out, "%s%u %u %u %u", i ? "," : "", n->code, n->jt, n->jf, n->k);
    }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct bpf *b = ext_conf(x);

    (void)o;
    text_addf(out, " \"%u,", b->count);
    add_program(out, b);
    text_char(out, '"');
}

/* iptables has no blank before it. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, "match bpf ");
    add_program(out, ext_conf(x));
}

/* --- matching --- */

static bool match(struct eval *e, const struct ext *x)
{
    const struct bpf *b = ext_conf(x);

    return bpf_run(b->program, e) != 0;
}

const struct ext_type match_bpf = {
    .name = "bpf",
    .families = EXT_BOTH,
    .size = sizeof(struct bpf),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
};
