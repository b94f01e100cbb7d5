/* SPDX-License-Identifier: BSD-2-Clause */
/* The words for weir's enums, in step with them by construction. */
#include <weir/types.h>

static const char *const words[WEIR_R_MAX] = {
#define WEIR_REASON(name, word, text) [WEIR_R_##name] = word,
#include <weir/reasons.def>
#undef WEIR_REASON
};

static const char *const texts[WEIR_R_MAX] = {
#define WEIR_REASON(name, word, text) [WEIR_R_##name] = text,
#include <weir/reasons.def>
#undef WEIR_REASON
};

static const char *const ctinfos[WEIR_CT_MAX] = {
    [WEIR_CT_NONE] = "-",
    [WEIR_CT_NEW] = "NEW",
    [WEIR_CT_ESTABLISHED] = "ESTABLISHED",
    [WEIR_CT_ESTABLISHED_REPLY] = "ESTABLISHED_REPLY",
    [WEIR_CT_RELATED] = "RELATED",
    [WEIR_CT_RELATED_REPLY] = "RELATED_REPLY",
    [WEIR_CT_INVALID] = "INVALID",
    [WEIR_CT_UNTRACKED] = "UNTRACKED",
};

WEIR_API const char *weir_reason_word(enum weir_reason reason)
{
    return (unsigned)reason < WEIR_R_MAX ? words[reason] : "?";
}

WEIR_API const char *weir_reason_text(enum weir_reason reason)
{
    return (unsigned)reason < WEIR_R_MAX ? texts[reason] : "?";
}

WEIR_API const char *weir_ctinfo_name(enum weir_ctinfo ctinfo)
{
    return (unsigned)ctinfo < WEIR_CT_MAX ? ctinfos[ctinfo] : "?";
}
