/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TOS: all eight bits of the TOS or traffic class, new = (old & ~mask) ^ value, which is also what
 * --and-tos, --or-tos and --xor-tos come down to (iptables reference, 4.7).
 */
#include "rules/eval.h"
#include "rules/match/tos.h"

enum { SET_TOS = 0, AND_TOS, OR_TOS, XOR_TOS };

struct tos_mask {
    uint8_t value, mask;
};

#define ACTIONS     (OPT_BIT(SET_TOS) | OPT_BIT(AND_TOS) | OPT_BIT(OR_TOS) | OPT_BIT(XOR_TOS))
#define AGAINST(id) .against = ACTIONS & ~OPT_BIT(id)

static const struct opt options[] = {
    {"set-tos", SET_TOS, OPT_OTHER, AGAINST(SET_TOS)},
    {"and-tos", AND_TOS, OPT_U8, .at = offsetof(struct tos_mask, value), AGAINST(AND_TOS)},
    {"or-tos", OR_TOS, OPT_U8, .at = offsetof(struct tos_mask, value), AGAINST(OR_TOS)},
    {"xor-tos", XOR_TOS, OPT_U8, .at = offsetof(struct tos_mask, value), AGAINST(XOR_TOS)},
    {NULL},
};

/* V, V/M or a name. */
static bool read_set(struct rule_parse *r, const char *text, struct tos_mask *tos)
{
    const char *end;
    uint64_t value, mask = UINT8_MAX;

    if (text_read_number(text, &end, &value) && value <= UINT8_MAX) {
        if (*end && (*end != '/' || !read_u64(end + 1, 0, UINT8_MAX, &mask)))
            return rule_fail(r, "Illegal value: \"%s\"", text);
        *tos = (struct tos_mask){(uint8_t)value, (uint8_t)mask};
        return true;
    }
    tos->mask = TOS_NAME_MASK;
    if (tos_find(text, &tos->value))
        return true;
    (void)rule_fail(r, "Symbolic name \"%s\" is unknown", text);
    rule_hint(r, "write a number up to 255 (0xff), or Minimize-Delay, Maximize-Throughput, "
                 "Maximize-Reliability, Minimize-Cost or Normal-Service");
    return false;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tos_mask *tos = ext_data(x);

    switch (o->id) {
    case SET_TOS: return read_set(r, text, tos);
    case AND_TOS: *tos = (struct tos_mask){0, (uint8_t)~tos->value}; break;
    case OR_TOS: tos->mask = tos->value; break;
    default: break; /* XOR_TOS: no mask */
    }
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "TOS: An action is required");
}

static void print(struct text *out, const struct ext *x)
{
    const struct tos_mask *tos = ext_conf(x);

    text_addf(out, " --set-tos 0x%02x/0x%02x", tos->value, tos->mask);
}

/* Without names it is two numbers, with them what it does; the blanks are iptables'. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tos_mask *tos = ext_conf(x);
    const char *name = tos->mask == TOS_NAME_MASK ? tos_name(tos->value) : NULL;
    bool numeric = how->flags & WEIR_RULES_NUMERIC;

    if (!numeric && name)
        text_addf(out, "  TOS set%s", name);
    else if (!numeric && !tos->value)
        text_addf(out, " TOS and 0x%02x", (uint8_t)~tos->mask);
    else if (!numeric && tos->value == tos->mask)
        text_addf(out, " TOS or 0x%02x", tos->value);
    else if (!numeric && !tos->mask)
        text_addf(out, " TOS xor 0x%02x", tos->value);
    else
        text_addf(out, " TOS set 0x%02x/0x%02x", tos->value, tos->mask);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct tos_mask *tos = ext_conf(x);

    eval_set_tos(e, (uint8_t)((eval_tos(e) & ~tos->mask) ^ tos->value));
    return RULES_CONTINUE;
}

const struct ext_type target_tos = {
    .name = "TOS",
    .families = EXT_BOTH,
    .tables = IN_MANGLE,
    .size = sizeof(struct tos_mask),
    .opts = options,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
