/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MARK and CONNMARK: the packet's mark, its connection's mark, and copying bits from one to the
 * other (iptables reference, 4.6).
 *
 * Each way to write a mark comes down to two numbers, new = (old & ~mask) ^ value, and is printed
 * that way (--set-xmark). --set-mark says "or" where this says "xor", which is the same as soon as
 * the mask covers the value.
 */
#include "rules/parse.h"

enum mark_option {
    SET_XMARK = 0,
    SET_MARK,
    AND_MARK,
    OR_MARK,
    XOR_MARK,
    SAVE_MARK,
    RESTORE_MARK,
    LEFT_SHIFT,
    RIGHT_SHIFT,
    CTMASK,
    NFMASK,
    MASK,
};

enum {
    SETS = OPT_BIT(SET_XMARK) | OPT_BIT(SET_MARK) | OPT_BIT(AND_MARK) | OPT_BIT(OR_MARK) |
           OPT_BIT(XOR_MARK),
    OPERATIONS = SETS | OPT_BIT(SAVE_MARK) | OPT_BIT(RESTORE_MARK),
};

/* The numbers of an option that writes; its argument is in `value`, a mask that was given in
 * `mask`. */
static void settle(struct mark_mask *m, enum mark_option option)
{
    switch ((int)option) {
    case SET_MARK: m->mask |= m->value; break;
    case AND_MARK: *m = (struct mark_mask){0, ~m->value}; break;
    case OR_MARK: m->mask = m->value; break;
    case XOR_MARK: m->mask = 0; break;
    default: break;
    }
}

static uint32_t apply(const struct mark_mask *m, uint32_t mark)
{
    return (mark & ~m->mask) ^ m->value;
}

static void print_set(struct text *out, const struct mark_mask *m)
{
    text_addf(out, " --set-xmark 0x%x/0x%x", m->value, m->mask);
}

/* Lists say it by what it does, whatever was typed. */
static void list_set(struct text *out, const struct mark_mask *m)
{
    if (!m->value)
        text_addf(out, " and 0x%x", ~m->mask);
    else if (m->value == m->mask)
        text_addf(out, " or 0x%x", m->value);
    else if (!m->mask)
        text_addf(out, " xor 0x%x", m->value);
    else if (m->mask == UINT32_MAX)
        text_addf(out, " set 0x%x", m->value);
    else
        text_addf(out, " xset 0x%x/0x%x", m->value, m->mask);
}

/* --- MARK --- */

static const struct opt mark_options[] = {
    {"set-xmark", SET_XMARK, OPT_MARK, .against = SETS & ~OPT_BIT(SET_XMARK)},
    {"set-mark", SET_MARK, OPT_MARK, .against = SETS & ~OPT_BIT(SET_MARK)},
    {"and-mark", AND_MARK, OPT_U32, .at = offsetof(struct mark_mask, value),
     .against = SETS & ~OPT_BIT(AND_MARK)},
    {"or-mark", OR_MARK, OPT_U32, .at = offsetof(struct mark_mask, value),
     .against = SETS & ~OPT_BIT(OR_MARK)},
    {"xor-mark", XOR_MARK, OPT_U32, .at = offsetof(struct mark_mask, value),
     .against = SETS & ~OPT_BIT(XOR_MARK)},
    {NULL},
};

static bool take_mark(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    (void)r;
    (void)text;
    settle(ext_data(x), (enum mark_option)o->id);
    return true;
}

static bool check_mark(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options "
                                   "is required");
}

static void print_mark_target(struct text *out, const struct ext *x)
{
    print_set(out, ext_conf(x));
}

static void list_mark(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " MARK");
    list_set(out, ext_conf(x));
}

static enum rules_verdict run_mark(struct eval *e, const struct ext *x)
{
    e->p->raw->mark = apply(ext_conf(x), e->p->raw->mark);
    return RULES_CONTINUE;
}

const struct ext_type target_mark = {
    .name = "MARK",
    .families = EXT_BOTH,
    .size = sizeof(struct mark_mask),
    .opts = mark_options,
    .take = take_mark,
    .check = check_mark,
    .print = print_mark_target,
    .list = list_mark,
    .target = run_mark,
};

/* --- CONNMARK --- */

/* Kernels refuse a shift by all 32 bits, which iptables lets pass. */
enum { SHIFT_TYPED_MAX = 32, SHIFT_MAX = 31 };

struct connmark {
    struct mark_mask mark; /* what --set-xmark would say; its mask is --ctmask */
    uint32_t nfmask;
    uint8_t shift;
    bool right;
};

static const struct opt connmark_options[] = {
    {"set-xmark", SET_XMARK, OPT_MARK, .at = offsetof(struct connmark, mark),
     .against = OPERATIONS & ~OPT_BIT(SET_XMARK)},
    {"set-mark", SET_MARK, OPT_MARK, .at = offsetof(struct connmark, mark),
     .against = OPERATIONS & ~OPT_BIT(SET_MARK)},
    {"and-mark", AND_MARK, OPT_U32, .at = offsetof(struct connmark, mark.value),
     .against = OPERATIONS & ~OPT_BIT(AND_MARK)},
    {"or-mark", OR_MARK, OPT_U32, .at = offsetof(struct connmark, mark.value),
     .against = OPERATIONS & ~OPT_BIT(OR_MARK)},
    {"xor-mark", XOR_MARK, OPT_U32, .at = offsetof(struct connmark, mark.value),
     .against = OPERATIONS & ~OPT_BIT(XOR_MARK)},
    {"save-mark", SAVE_MARK, OPT_FLAG, .against = OPERATIONS & ~OPT_BIT(SAVE_MARK)},
    {"restore-mark", RESTORE_MARK, OPT_FLAG, .against = OPERATIONS & ~OPT_BIT(RESTORE_MARK)},
    {"left-shift-mark", LEFT_SHIFT, OPT_U8, .at = offsetof(struct connmark, shift),
     .max = SHIFT_TYPED_MAX},
    {"right-shift-mark", RIGHT_SHIFT, OPT_U8, .at = offsetof(struct connmark, shift),
     .max = SHIFT_TYPED_MAX},
    {"ctmask", CTMASK, OPT_U32, .at = offsetof(struct connmark, mark.mask),
     .against = OPT_BIT(MASK)},
    {"nfmask", NFMASK, OPT_U32, .at = offsetof(struct connmark, nfmask), .against = OPT_BIT(MASK)},
    {"mask", MASK, OPT_U32, .at = offsetof(struct connmark, mark.mask),
     .against = OPT_BIT(CTMASK) | OPT_BIT(NFMASK)},
    {NULL},
};

static void init_connmark(const struct rule_parse *r, struct ext *x)
{
    struct connmark *c = ext_data(x);

    (void)r;
    c->mark.mask = c->nfmask = UINT32_MAX;
}

/* Options act in the order in which they stand: a later one writes over what an earlier one said.
 */
static bool take_connmark(struct rule_parse *r, struct ext *x, const struct opt *o,
                          const char *text)
{
    struct connmark *c = ext_data(x);

    (void)r;
    (void)text;
    if (o->id == MASK)
        c->nfmask = c->mark.mask;
    else if (o->id == LEFT_SHIFT || o->id == RIGHT_SHIFT)
        c->right = o->id == RIGHT_SHIFT;
    else
        settle(&c->mark, (enum mark_option)o->id);
    return true;
}

static bool check_connmark(struct rule_parse *r, struct ext *x)
{
    const struct connmark *c = ext_conf(x);

    if (!(x->seen & OPERATIONS))
        return rule_fail(r, "CONNMARK target: No operation specified");
    if (c->shift > SHIFT_MAX)
        return parse_error(r->parse, 1, "CONNMARK: a mark can be shifted by at most %d bits",
                           SHIFT_MAX);
    return true;
}

static void print_connmark(struct text *out, const struct ext *x)
{
    const struct connmark *c = ext_conf(x);

    if (x->seen & SETS)
        print_set(out, &c->mark);
    else
        text_addf(out, " --%s --nfmask 0x%x --ctmask 0x%x",
                  ext_seen(x, SAVE_MARK) ? "save-mark" : "restore-mark", c->nfmask, c->mark.mask);
    if (c->shift)
        text_addf(out, " --%s-shift-mark %u", c->right ? "right" : "left", c->shift);
}

/* One mask for both is not said twice; otherwise that of the mark which is read comes first. */
static void list_copy(struct text *out, const char *from, uint32_t from_mask, const char *to,
                      uint32_t to_mask)
{
    if (from_mask != to_mask)
        text_addf(out, " %s 0x%x %s ~0x%x", from, from_mask, to, to_mask);
    else if (from_mask != UINT32_MAX)
        text_addf(out, " mask 0x%x", from_mask);
}

static void list_connmark(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct connmark *c = ext_conf(x);

    (void)how;
    text_add(out, " CONNMARK");
    if (ext_seen(x, SAVE_MARK)) {
        text_add(out, " save");
        list_copy(out, "nfmask", c->nfmask, "ctmask", c->mark.mask);
    } else if (ext_seen(x, RESTORE_MARK)) {
        text_add(out, " restore");
        list_copy(out, "ctmask", c->mark.mask, "nfmask", c->nfmask);
    } else {
        list_set(out, &c->mark);
    }
    if (c->shift)
        text_addf(out, " %s-shift-mark %u", c->right ? "right" : "left", c->shift);
}

static uint32_t shifted(const struct connmark *c, uint32_t mark)
{
    return c->right ? mark >> c->shift : mark << c->shift;
}

/* The shift is of the bits that are copied, or, when there are none, of the result. */
static enum rules_verdict run_connmark(struct eval *e, const struct ext *x)
{
    const struct connmark *c = ext_conf(x);
    struct conn *conn = eval_conn(e);
    uint32_t *mark = &e->p->raw->mark;

    if (!conn)
        return RULES_CONTINUE;
    if (ext_seen(x, SAVE_MARK))
        conn_set_mark(conn, (conn->mark & ~c->mark.mask) ^ shifted(c, *mark & c->nfmask));
    else if (ext_seen(x, RESTORE_MARK))
        *mark = (*mark & ~c->nfmask) ^ shifted(c, conn->mark & c->mark.mask);
    else
        conn_set_mark(conn, shifted(c, apply(&c->mark, conn->mark)));
    return RULES_CONTINUE;
}

const struct ext_type target_connmark = {
    .name = "CONNMARK",
    .families = EXT_BOTH,
    .size = sizeof(struct connmark),
    .opts = connmark_options,
    .init = init_connmark,
    .take = take_connmark,
    .check = check_connmark,
    .print = print_connmark,
    .list = list_connmark,
    .target = run_connmark,
};
