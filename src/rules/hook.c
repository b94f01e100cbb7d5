/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/hook.h"

uint8_t hook_of_table(enum weir_table table)
{
    static const uint8_t hooks[] = {
        [WEIR_TABLE_RAW] = ON_PREROUTING | ON_OUTPUT,
        [WEIR_TABLE_MANGLE] = ON_ALL,
        [WEIR_TABLE_NAT] = ON_ALL & ~ON_FORWARD,
        [WEIR_TABLE_FILTER] = ON_INPUT | ON_FORWARD | ON_OUTPUT,
        [WEIR_TABLE_SECURITY] = ON_INPUT | ON_FORWARD | ON_OUTPUT,
    };

    return table < WEIR_TABLE_MAX ? hooks[table] : 0;
}

const char *hook_name(enum hook hook)
{
    static const char *const names[] = {
        [HOOK_PREROUTING] = "PREROUTING",   [HOOK_INPUT] = "INPUT",
        [HOOK_FORWARD] = "FORWARD",         [HOOK_OUTPUT] = "OUTPUT",
        [HOOK_POSTROUTING] = "POSTROUTING",
    };

    return hook < HOOK_MAX ? names[hook] : "";
}
