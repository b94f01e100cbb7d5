/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instruction's code has three fields: the class in its lowest three bits; for loads the width
 * (0x18) and where from (0xe0); for arithmetic and jumps the operation (0xf0) and whether the other
 * operand is k or X (0x08). Which codes there are is one table.
 *
 * Offsets from 0xffe00000 on reach what is not in the packet: the link-layer header, the packet
 * again, and from 0xfffff000 on facts about it ("ancillary" loads). Those that weir does not have
 * are refused when a program is read.
 */
#include "rules/match/bpf_run.h"

enum { CLASS = 0x07, LD = 0, LDX, ST, STX, ALU, JMP, RET, MISC };
enum { WIDTH = 0x18, W = 0x00, H = 0x08, B = 0x10 };
enum { FROM = 0xe0, IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xa0 };
enum {
    OPERATION = 0xf0,
    ADD = 0x00,
    SUB = 0x10,
    MUL = 0x20,
    DIV = 0x30,
    OR = 0x40,
    AND = 0x50,
    LSH = 0x60,
    RSH = 0x70,
    NEG = 0x80,
    MOD = 0x90,
    XOR = 0xa0
};
enum { JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
enum { X = 0x08, A = 0x10 /* of RET */, TXA = 0x80 /* of MISC */ };

enum { SCRATCH_WORDS = 16, SHIFT_MAX = 31 };

/* Where special offsets begin. */
static const uint32_t link_base = 0xffe00000, net_base = 0xfff00000, facts_base = 0xfffff000;

/* Facts about a packet, as offsets from facts_base. */
enum {
    FACT_PROTOCOL = 0,
    FACT_TYPE = 4,
    FACT_IFACE = 8,
    FACT_MARK = 20,
    FACT_LINK = 28,
    FACT_XOR_X = 40,
    FACT_RANDOM = 56
};

#define BOTH(op) ALU | (op), ALU | (op) | X

static const uint8_t codes[] = {
    LD | IMM,      LD | ABS | W, LD | ABS | H,  LD | ABS | B, LD | IND | W,   LD | IND | H,
    LD | IND | B,  LD | MEM,     LD | LEN,      LDX | IMM,    LDX | MEM,      LDX | LEN,
    LDX | MSH | B, ST,           STX,           BOTH(ADD),    BOTH(SUB),      BOTH(MUL),
    BOTH(DIV),     BOTH(OR),     BOTH(AND),     BOTH(LSH),    BOTH(RSH),      BOTH(MOD),
    BOTH(XOR),     ALU | NEG,    JMP | JA,      JMP | JEQ,    JMP | JEQ | X,  JMP | JGT,
    JMP | JGT | X, JMP | JGE,    JMP | JGE | X, JMP | JSET,   JMP | JSET | X, RET,
    RET | A,       MISC,         MISC | TXA,
};

/* --- checking --- */

static bool known(uint16_t code)
{
    return code <= UINT8_MAX && memchr(codes, code, sizeof(codes));
}

static bool conditional(uint16_t code)
{
    return (code & CLASS) == JMP && (code & OPERATION) != JA;
}

static bool is_absolute(uint16_t code)
{
    return (code & (CLASS | FROM)) == (LD | ABS);
}

static bool reads_scratch(uint16_t code)
{
    return ((code & CLASS) == LD || (code & CLASS) == LDX) && (code & FROM) == MEM;
}

static bool writes_scratch(uint16_t code)
{
    return (code & CLASS) == ST || (code & CLASS) == STX;
}

static bool fact_is_known(uint32_t fact)
{
    switch (fact) {
    case FACT_PROTOCOL:
    case FACT_TYPE:
    case FACT_IFACE:
    case FACT_MARK:
    case FACT_LINK:
    case FACT_XOR_X:
    case FACT_RANDOM: return true;
    default: return false;
    }
}

static const char *check_operand(const struct bpf_insn *i)
{
    switch (i->code) {
    case ALU | DIV:
    case ALU | MOD: return i->k ? NULL : "division by zero";
    case ALU | LSH:
    case ALU | RSH: return i->k <= SHIFT_MAX ? NULL : "shift by more than 31 bits";
    default: break;
    }
    if ((reads_scratch(i->code) || writes_scratch(i->code)) && i->k >= SCRATCH_WORDS)
        return "there are 16 words of scratch memory";
    if (is_absolute(i->code) && i->k >= facts_base && !fact_is_known(i->k - facts_base))
        return "it loads a fact about the packet that weir does not know";
    return NULL;
}

/* How far behind the next one the instruction may go on. */
static uint32_t furthest(const struct bpf_insn *i)
{
    if (conditional(i->code))
        return i->jt > i->jf ? i->jt : i->jf;
    return (i->code & CLASS) == JMP ? i->k : 0;
}

/*
 * written[]: words of scratch memory (bits) that are written on every way to an instruction. As
 * Linux has it, a return is followed by the next instruction like any other: what stands there must
 * not read more than what was written before.
 */
static void follow(uint16_t *written, const struct bpf_insn *i)
{
    uint16_t now = written[0];

    if (writes_scratch(i->code))
        now |= (uint16_t)(1u << i->k);
    written[1 + furthest(i)] &= now;
    if (conditional(i->code)) {
        written[1 + i->jt] &= now;
        written[1 + i->jf] &= now;
    }
}

const char *bpf_check(const struct bpf_insn *program, unsigned n, unsigned *at)
{
    uint16_t written[BPF_PROGRAM_MAX + 1];

    memset(written, 0xff, sizeof(written));
    written[0] = 0;
    for (*at = 0; *at < n; ++*at) {
        const struct bpf_insn *i = &program[*at];
        const char *wrong = known(i->code) ? check_operand(i) : "there is no such instruction";

        if (wrong)
            return wrong;
        if (reads_scratch(i->code) && !(written[*at] >> i->k & 1))
            return "it reads scratch memory that may not have been written";
        if ((i->code & CLASS) != RET && furthest(i) >= n - *at - 1)
            return *at == n - 1 ? "the last instruction must be a return"
                                : "it jumps out of the program";
        follow(&written[*at], i);
    }
    return NULL;
}

/* --- running --- */

struct machine {
    struct eval *e;
    uint32_t a, x;
    uint32_t scratch[SCRATCH_WORDS];
    bool end; /* the program cannot go on: it returns 0 */
};

/* A byte before, in or behind the IP header: the link-layer header stands right before it. */
static bool byte_at(const struct eval *e, int64_t off, uint8_t *byte)
{
    const struct weir_packet *raw = e->p->raw;
    const struct parsed *ip = &e->p->ip;

    if (off < 0 && off + raw->link_len >= 0)
        *byte = raw->link[off + raw->link_len];
    else if (off >= 0 && off < ip->have)
        *byte = ip->ip[off];
    else
        return false;
    return true;
}

static uint32_t width_of(uint16_t code)
{
    return (code & WIDTH) == W ? 4 : (code & WIDTH) == H ? 2 : 1;
}

/* `width` bytes at an offset as programs write it. */
static uint32_t load(struct machine *m, uint32_t off, uint32_t width)
{
    const struct weir_packet *raw = m->e->p->raw;
    int64_t from = off;
    uint32_t n = 0;
    uint8_t byte;

    if (off >= net_base)
        from = (int64_t)off - net_base;
    else if (off >= link_base && raw->link)
        from = (int64_t)off - link_base - raw->link_len;
    for (; width; width--, from++) {
        if (!byte_at(m->e, from, &byte)) {
            m->end = true;
            return 0;
        }
        n = n << 8 | byte;
    }
    return n;
}

/* The interface that Linux has the packet at: none yet for what this host sends. */
static uint16_t iface_of(const struct eval *e)
{
    return e->hook == HOOK_POSTROUTING ? e->out_iface : e->in_iface;
}

static uint32_t fact(struct machine *m, uint32_t which)
{
    struct eval *e = m->e;

    switch (which) {
    case FACT_PROTOCOL: return e->family == 4 ? 0x0800 : 0x86dd; /* as Ethernet calls them */
    case FACT_TYPE: return e->p->raw->pkt_type;
    case FACT_IFACE: m->end = !iface_of(e); return iface_of(e);
    case FACT_MARK: return e->p->raw->mark;
    case FACT_LINK: m->end = !iface_of(e); return e->p->raw->link_type;
    case FACT_XOR_X: return m->a ^ m->x;
    default: return random_u32(&e->t->random);
    }
}

static uint32_t load_value(struct machine *m, const struct bpf_insn *i)
{
    switch (i->code & FROM) {
    case IMM: return i->k;
    case ABS:
        return i->k >= facts_base ? fact(m, i->k - facts_base) : load(m, i->k, width_of(i->code));
    case IND: return load(m, m->x + i->k, width_of(i->code));
    case MEM: return m->scratch[i->k];
    case MSH: return (load(m, i->k, 1) & 0xf) * 4; /* the length in an IPv4 header */
    default: return m->e->p->ip.l3_len;
    }
}

static uint32_t compute(struct machine *m, uint16_t operation, uint32_t b)
{
    uint32_t a = m->a;

    switch (operation) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case OR: return a | b;
    case AND: return a & b;
    case XOR: return a ^ b;
    case LSH: return a << (b & SHIFT_MAX);
    case RSH: return a >> (b & SHIFT_MAX);
    case NEG: return 0 - a;
    default: break;
    }
    m->end = !b;
    if (!b)
        return 0;
    return operation == DIV ? a / b : a % b;
}

static bool compare(uint16_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case JEQ: return a == b;
    case JGT: return a > b;
    case JGE: return a >= b;
    default: return a & b;
    }
}

uint32_t bpf_run(const struct bpf_insn *program, struct eval *e)
{
    struct machine m = {.e = e};

    for (const struct bpf_insn *i = program; !m.end; i++) {
        uint32_t b = i->code & X ? m.x : i->k;

        switch (i->code & CLASS) {
        case LD: m.a = load_value(&m, i); break;
        case LDX: m.x = load_value(&m, i); break;
        case ST: m.scratch[i->k] = m.a; break;
        case STX: m.scratch[i->k] = m.x; break;
        case ALU: m.a = compute(&m, i->code & OPERATION, b); break;
        case JMP:
            if (conditional(i->code))
                i += compare(i->code & OPERATION, m.a, b) ? i->jt : i->jf;
            else
                i += i->k;
            break;
        case RET: return i->code & A ? m.a : i->k;
        default: /* MISC */
            if (i->code & TXA)
                m.a = m.x;
            else
                m.x = m.a;
        }
    }
    return 0;
}
