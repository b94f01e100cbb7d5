/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables by name. One table, made from tunables.def, holds what there is; everything else is
 * reading text.
 *
 * Numbers are read as Linux reads what is written to /proc/sys: an optional minus, then decimal,
 * 0x... or 0... for octal; a plus is refused; what stands behind a blank is passed over. Here that
 * must be a comment, since a second number would be a mistake.
 */
#include "sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define PREFIX     "net.netfilter."
#define PREFIX_OWN "weir."

struct tunable {
    const char *name;
    int64_t min, max;
};

static const struct tunable tunables[] = {
#define WEIR_TUNABLE(id, name, def, min, max)     {PREFIX name, min, max},
#define WEIR_TUNABLE_OWN(id, name, def, min, max) {PREFIX_OWN name, min, max},
#include <weir/tunables.def>
#undef WEIR_TUNABLE
};
_Static_assert(sizeof(tunables) / sizeof(tunables[0]) == WEIR_T_MAX_NUMBER, "one line each");

/* The second name that Linux has for one of them. */
static const char max_alias[] = "net.nf_conntrack_max";

enum {
    /* A page of list heads: Linux rounds a bucket count up to it. */
    BUCKET_STEP = 512,
    /* Connections per bucket when the module parameter gives the buckets. */
    MAX_PER_BUCKET = 8,
    /* Longer names are not worth a look for what they might have meant. */
    NAME_MAX_LEN = 96,
    /* A name is taken for a misspelling of another when at most this many letters are wrong... */
    MISSPELT = 3,
    /* ...and a known one is proposed as long as it is nearer than this. */
    PROPOSED = 12,
    /* Letters of a user's text in a message. */
    QUOTED = 80,
    /* Bad lines of one file that are described one by one. */
    ERRORS_SHOWN = 10,
};

/* Every name fits where names are compared. */
#define WEIR_TUNABLE(id, name, def, min, max) \
    _Static_assert(sizeof(PREFIX name) <= NAME_MAX_LEN + 1, "raise NAME_MAX_LEN");
#include <weir/tunables.def>
#undef WEIR_TUNABLE

/* A piece of a string that somebody else owns. */
struct piece {
    const char *at;
    size_t len;
};

static struct piece piece(const char *string)
{
    return (struct piece){string, strlen(string)};
}

static struct piece trim(struct piece p)
{
    while (p.len && isspace((unsigned char)p.at[0]))
        p.at++, p.len--;
    while (p.len && isspace((unsigned char)p.at[p.len - 1]))
        p.len--;
    return p;
}

/* Where the text came from, for messages. */
struct origin {
    const char *file;
    unsigned line;
};

static void begin_error(struct textbuf *errors, struct origin origin)
{
    if (origin.file)
        textbuf_addf(errors, "%s:%u: ", origin.file, origin.line);
}

/* 'the text': as much as helps to find it, and nothing that a terminal would obey. */
static void add_quoted(struct textbuf *errors, struct piece text)
{
    textbuf_add(errors, "'");
    for (size_t i = 0; i < text.len && i < QUOTED; i++) {
        unsigned char c = (unsigned char)text.at[i];
        textbuf_addf(errors, iscntrl(c) ? "\\x%02x" : "%c", c);
    }
    textbuf_add(errors, text.len > QUOTED ? "...'" : "'");
}

/* Names. */

/* Writes `name` with dots and without "/proc/sys/"; false when it is too long to be one. */
static bool normalize(struct piece name, char out[NAME_MAX_LEN + 1])
{
    static const char proc[] = "/proc/sys/";
    if (name.len >= sizeof(proc) - 1 && !memcmp(name.at, proc, sizeof(proc) - 1)) {
        name.at += sizeof(proc) - 1;
        name.len -= sizeof(proc) - 1;
    }
    if (name.len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < name.len; i++)
        out[i] = (char)(name.at[i] == '/' ? '.' : name.at[i]);
    out[name.len] = '\0';
    return true;
}

const char *sysctl_name(enum weir_tunable tunable)
{
    return tunables[tunable].name;
}

int sysctl_find(const char *name, size_t len)
{
    char plain[NAME_MAX_LEN + 1];
    if (!normalize((struct piece){name, len}, plain))
        return -ENOENT;
    if (!strcmp(plain, max_alias))
        return WEIR_T_MAX;
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        if (!strcmp(plain, tunables[i].name))
            return i;
    return -ENOENT;
}

/* Letters to insert, delete or replace to make `b` of `a` (Levenshtein, one row at a time). */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    unsigned width = (unsigned)strlen(b);
    for (unsigned j = 0; j <= width; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= width; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[width];
}

/* A tunable's name without what it is part of. */
static const char *last_part(const char *name)
{
    return strrchr(name, '.') + 1;
}

/* The known name nearest to `name`, also when the user left the prefix away. */
static unsigned nearest(const char *name, const char **known)
{
    unsigned best = UINT32_MAX;
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++) {
        unsigned full = distance(name, tunables[i].name);
        unsigned bare = distance(name, last_part(tunables[i].name));
        unsigned d = full < bare ? full : bare;
        if (d < best) {
            best = d;
            *known = tunables[i].name;
        }
    }
    return best;
}

/*
 * Is this the name of another part of the system, rather than of a connection tracking tunable that
 * does not exist or is misspelt? Only files may hold such names.
 */
static bool is_foreign(struct piece name)
{
    char plain[NAME_MAX_LEN + 1];
    const char *known = NULL;
    if (!normalize(name, plain))
        return true;
    return strncmp(plain, PREFIX_OWN, sizeof(PREFIX_OWN) - 1) != 0 &&
           strncmp(plain, PREFIX "nf_conntrack_", sizeof(PREFIX "nf_conntrack_") - 1) != 0 &&
           strncmp(plain, "net.nf_conntrack_", sizeof("net.nf_conntrack_") - 1) != 0 &&
           nearest(plain, &known) > MISSPELT;
}

static void unknown_name(struct piece name, struct origin origin, struct textbuf *errors)
{
    char plain[NAME_MAX_LEN + 1];
    const char *known = NULL;
    begin_error(errors, origin);
    textbuf_add(errors, "unknown key ");
    add_quoted(errors, name);
    if (normalize(name, plain) && nearest(plain, &known) <= PROPOSED)
        textbuf_addf(errors, "; did you mean '%s'?\n", known);
    else
        textbuf_add(errors, "; weir-sysctl(7) lists those that there are\n");
}

/* Values. */

enum number_status { NUMBER_OK, NUMBER_BAD, NUMBER_TOO_LARGE };

/* One number, and then nothing but blanks and a comment. */
static enum number_status number(struct piece text, int64_t *value)
{
    char word[32]; /* 2^63 has 22 octal digits */
    size_t len = 0;
    while (len < text.len && !isspace((unsigned char)text.at[len]))
        len++;
    struct piece rest = trim((struct piece){text.at + len, text.len - len});
    if (len == 0 || (rest.len && rest.at[0] != '#' && rest.at[0] != ';'))
        return NUMBER_BAD;
    bool minus = text.at[0] == '-';
    if (len == minus || !isdigit((unsigned char)text.at[minus]))
        return NUMBER_BAD;
    for (size_t i = minus; i < len; i++)
        if (!isxdigit((unsigned char)text.at[i]) && !(i == minus + 1U && text.at[i] == 'x'))
            return NUMBER_BAD;
    if (len >= sizeof(word))
        return NUMBER_TOO_LARGE;
    memcpy(word, text.at, len);
    word[len] = '\0';
    char *end;
    errno = 0;
    long long n = strtoll(word, &end, 0);
    if (*end)
        return NUMBER_BAD;
    if (errno == ERANGE)
        return NUMBER_TOO_LARGE;
    *value = n;
    return NUMBER_OK;
}

static void bad_value(const char *name, struct piece value, enum number_status status, int64_t min,
                      int64_t max, struct origin origin, struct textbuf *errors)
{
    begin_error(errors, origin);
    textbuf_addf(errors, "%s: ", name);
    add_quoted(errors, value);
    textbuf_addf(errors, " is %s; it takes a whole number from %" PRId64 " to %" PRId64 "\n",
                 status == NUMBER_BAD ? "not a number" : "out of range", min, max);
}

/* Reads a value for a tunable whose range is `min` to `max`. */
static int read_value(const char *name, struct piece text, int64_t min, int64_t max, int64_t *value,
                      struct origin origin, struct textbuf *errors)
{
    enum number_status status = number(text, value);
    if (status == NUMBER_OK && *value >= min && *value <= max)
        return 0;
    bad_value(name, text, status, min, max, origin, errors);
    return -EINVAL;
}

static int refuse_read_only(const char *name, struct origin origin, struct textbuf *errors)
{
    begin_error(errors, origin);
    textbuf_addf(errors, "%s is read only\n", name);
    return -EINVAL;
}

/* Plans. */

static int assign(struct sysctl_plan *plan, struct piece text, struct origin origin, bool lenient,
                  struct textbuf *errors)
{
    const char *equals = memchr(text.at, '=', text.len);
    if (!equals) {
        begin_error(errors, origin);
        textbuf_add(errors, "no '=' in ");
        add_quoted(errors, text);
        textbuf_add(errors, "; a setting is KEY=VALUE\n");
        return -EINVAL;
    }
    struct piece name = trim((struct piece){text.at, (size_t)(equals - text.at)});
    struct piece value =
        trim((struct piece){equals + 1, (size_t)(text.at + text.len - equals) - 1});
    int found = sysctl_find(name.at, name.len);
    if (found < 0 && origin.file && is_foreign(name)) {
        plan->foreign++;
        return 0;
    }
    if (found < 0) {
        unknown_name(name, origin, errors);
        return -EINVAL;
    }
    const struct tunable *tunable = &tunables[found];
    if (found == WEIR_T_COUNT)
        return refuse_read_only(tunable->name, origin, errors);
    int64_t n;
    int err = read_value(tunable->name, value, tunable->min, tunable->max, &n, origin, errors);
    if (!err)
        plan->settings[found] = (struct sysctl_setting){true, lenient, n, origin.file, origin.line};
    return err;
}

int sysctl_plan_assign(struct sysctl_plan *plan, const char *assignment, struct textbuf *errors)
{
    return assign(plan, trim(piece(assignment)), (struct origin){0}, false, errors);
}

/* A line of sysctl.conf: blank, comment, or "KEY = VALUE", where a "-" in front forgives errors. */
static int take_line(struct sysctl_plan *plan, struct piece line, struct origin origin,
                     struct textbuf *errors)
{
    line = trim(line);
    if (!line.len || line.at[0] == '#' || line.at[0] == ';')
        return 0;
    bool lenient = line.at[0] == '-';
    if (!lenient)
        return assign(plan, line, origin, false, errors);
    struct textbuf forgiven = {0};
    assign(plan, trim((struct piece){line.at + 1, line.len - 1}), origin, true, &forgiven);
    textbuf_fini(&forgiven);
    return 0;
}

static int cannot_read(const char *path, int error, struct textbuf *errors)
{
    textbuf_addf(errors, "cannot read '%s': %s; ", path, strerror(error));
    textbuf_add(errors, "give KEY=VALUE or the name of a file in the syntax of sysctl.conf(5)\n");
    return -error;
}

int sysctl_plan_file(struct sysctl_plan *plan, const char *path, struct textbuf *errors)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return cannot_read(path, errno, errors);
    struct textbuf unshown = {0};
    struct origin origin = {.file = path};
    char *line = NULL;
    size_t room = 0;
    unsigned bad = 0;
    ssize_t len;
    while ((len = getline(&line, &room, file)) >= 0) {
        origin.line++;
        textbuf_clear(&unshown);
        if (take_line(plan, (struct piece){line, (size_t)len}, origin,
                      bad < ERRORS_SHOWN ? errors : &unshown))
            bad++;
    }
    int error = ferror(file) ? errno : 0;
    free(line);
    textbuf_fini(&unshown);
    fclose(file);
    if (error)
        return cannot_read(path, error, errors);
    if (bad > ERRORS_SHOWN)
        textbuf_addf(errors, "%s: %u more bad lines\n", path, bad - ERRORS_SHOWN);
    return bad ? -EINVAL : 0;
}

int sysctl_plan_hashsize(struct sysctl_plan *plan, const char *text, struct textbuf *errors)
{
    /* The largest whose connections still fit nf_conntrack_max. */
    const int64_t most = INT32_MAX / MAX_PER_BUCKET / BUCKET_STEP * BUCKET_STEP;
    int64_t value;
    int err =
        read_value("hashsize", trim(piece(text)), 1, most, &value, (struct origin){0}, errors);
    if (!err)
        plan->hashsize = (uint32_t)value;
    return err;
}

void sysctl_plan_config(const struct sysctl_plan *plan, struct weir_config *config)
{
    const struct sysctl_setting *max = &plan->settings[WEIR_T_MAX];
    const struct sysctl_setting *buckets = &plan->settings[WEIR_T_BUCKETS];
    uint32_t hashsize = (plan->hashsize + BUCKET_STEP - 1) / BUCKET_STEP * BUCKET_STEP;
    config->buckets = buckets->given ? (uint32_t)buckets->value : hashsize;
    config->max = max->given ? (uint32_t)max->value : hashsize * MAX_PER_BUCKET;
    config->capacity = config->max;
}

/* One setting; 0 also when its failure is forgiven. */
static int apply(const struct sysctl_setting *setting, enum weir_tunable tunable,
                 struct weir_shard *shard, struct textbuf *errors)
{
    if (!weir_tunable_set(shard, tunable, setting->value) || setting->lenient)
        return 0;
    int64_t min, max;
    char shown[24];
    weir_tunable_range(shard, tunable, &min, &max);
    snprintf(shown, sizeof(shown), "%" PRId64, setting->value);
    bad_value(tunables[tunable].name, piece(shown), NUMBER_TOO_LARGE, min, max,
              (struct origin){setting->file, setting->line}, errors);
    return -EINVAL;
}

int sysctl_plan_apply(const struct sysctl_plan *plan, struct weir_shard *shard,
                      struct textbuf *errors)
{
    /*
     * frag6_low_thresh must not exceed frag6_high_thresh at any time, so one of the two may have to
     * wait for the other: what is refused at first gets a second chance.
     */
    bool refused[WEIR_T_MAX_NUMBER] = {0};
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        if (plan->settings[i].given)
            refused[i] = weir_tunable_set(shard, (enum weir_tunable)i, plan->settings[i].value);
    int err = 0;
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        if (refused[i] && apply(&plan->settings[i], (enum weir_tunable)i, shard, errors))
            err = -EINVAL;
    return err;
}

/* Running shards. */

int sysctl_get(const struct weir_shard *shard, const char *name, int64_t *value,
               struct textbuf *errors)
{
    int found = sysctl_find(name, strlen(name));
    if (found < 0) {
        unknown_name(piece(name), (struct origin){0}, errors);
        return -EINVAL;
    }
    *value = weir_tunable_get(shard, (enum weir_tunable)found);
    return 0;
}

int sysctl_set(struct weir_shard *shard, const char *name, const char *value,
               struct textbuf *errors)
{
    int found = sysctl_find(name, strlen(name));
    if (found < 0) {
        unknown_name(piece(name), (struct origin){0}, errors);
        return -EINVAL;
    }
    enum weir_tunable tunable = (enum weir_tunable)found;
    int64_t min, max, n;
    weir_tunable_range(shard, tunable, &min, &max);
    int err = read_value(tunables[found].name, trim(piece(value)), min, max, &n, (struct origin){0},
                         errors);
    if (err)
        return err;
    err = weir_tunable_set(shard, tunable, n);
    if (err == -EACCES)
        return refuse_read_only(tunables[found].name, (struct origin){0}, errors);
    if (err)
        bad_value(tunables[found].name, piece(value), NUMBER_TOO_LARGE, min, max,
                  (struct origin){0}, errors);
    return err ? -EINVAL : 0;
}
