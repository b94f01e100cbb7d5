/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: rule.h. Messages are iptables'. */
#include "rules/set/rule.h"

static bool read_dirs(struct rule_parse *r, const char *text, struct set_dirs *dirs)
{
    char dir[8];

    while (text) {
        if (dirs->count == SET_DIRS_MAX)
            return rule_fail(r, "Can't be more src/dst options than %d.", SET_DIRS_MAX);
        bool fits = read_part(&text, ',', dir, sizeof(dir));

        if (fits && strcmp(dir, "src") == 0)
            dirs->source |= (uint8_t)(1u << dirs->count);
        else if (!fits || strcmp(dir, "dst") != 0)
            return rule_fail(r, "You must spefify (the comma separated list of) 'src' or 'dst'.");
        dirs->count++;
    }
    return true;
}

bool set_rule_take(struct rule_parse *r, const struct opt *o, const char *name,
                   struct set_rule *set)
{
    const char *dirs = rule_peek(r);
    uint16_t slot = SET_NO_SLOT;

    if (!dirs || *dirs == '-' || *dirs == '!')
        return rule_fail(r, "--%s requires two args.", o->name);
    if (strlen(name) >= SET_NAME_SIZE)
        return rule_fail(r, "setname `%s' too long, max %d characters.", name, SET_NAME_SIZE - 1);
    if (r->sets && *name)
        slot = sets_find(r->sets, name);
    if (slot == SET_NO_SLOT) {
        rule_fail(r, "Set %s doesn't exist.", name);
        rule_hint(r, "sets are read before rules, from the text that `ipset save` writes");
        return false;
    }

    uint8_t family = r->sets->slots[slot].set->head.family;

    if (family && family != r->family)
        return rule_fail(r, "The protocol family of set %s is %s, which is not applicable.", name,
                         family == 4 ? "IPv4" : "IPv6");
    memset(set, 0, sizeof(*set));
    if (!read_dirs(r, rule_next(r), &set->dirs))
        return false;
    memcpy(set->name, name, strlen(name));
    return true;
}

void set_rule_print(struct text *out, const struct set_rule *set)
{
    text_add(out, set->name);
    for (unsigned i = 0; i < set->dirs.count; i++) {
        text_char(out, i ? ',' : ' ');
        text_add(out, set->dirs.source >> i & 1 ? "src" : "dst");
    }
}

bool set_rule_hold(struct world *w, const struct set_rule *set, bool open, struct set_hold *hold)
{
    uint16_t slot = w->sets && *set->name ? sets_find(w->sets, set->name) : SET_NO_SLOT;

    if (slot == SET_NO_SLOT)
        return true;
    if (!sets_use(w->sets, slot, open, &w->t->random))
        return false;
    *hold = (struct set_hold){w->sets, slot};
    return true;
}

void set_rule_let_go(struct set_hold *hold)
{
    if (hold->sets)
        sets_unuse(hold->sets, hold->slot);
    hold->sets = NULL;
}
