/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random packets through the kernel and through weir.
 *
 *     random_diff [--seeds N] [--first SEED] [--packets N] [--seconds N] [--protocols NAME,...]
 * [--families 4|6|46]
 *                 [--rules] [--keep DIR] [--tap]
 *
 * Each seed is one sequence (tests/lib/gen.h): settings drawn at random, then packets. After every
 * packet the class, what came out byte for byte, and the events are compared; every CHECK_EVERY
 * packets and at the end the tables and counters.
 *
 * A difference is run again from the start, to see whether it is one: another process on the
 * machine may have changed a setting that all namespaces share. What shows again is shrunk to the
 * fewest packets that still show it, printed with its seed, and with --keep written as a scenario
 * file. What does not show again is counted and named, too.
 */
#include "gen.h"
#include "gen_rules.h"
#include "pair.h"
#include "scn_packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHECK_EVERY = 100, SETTINGS_MAX = 24, DIFFERENCES_MAX = 10, SHRINK_RUNS_MAX = 400 };

struct step {
    enum rig_side side;
    int64_t wait_ns;
    size_t len;
    uint8_t *bytes;
};

struct sequence {
    struct step *steps;
    size_t n;
    const char *settings[SETTINGS_MAX + 1];
    char *rules[2]; /* IPv4's and IPv6's; NULL: none */
};

struct options {
    uint64_t first, seeds, packets;
    double seconds;
    uint32_t protocols, families;
    const char *keep;
    bool tap, rules;
};

/* --- making a sequence --- */

static const struct {
    const char *name;
    uint32_t bit;
} protocols[] = {
    {"tcp", GEN_TCP},   {"udp", GEN_UDP},       {"udplite", GEN_UDPLITE},
    {"icmp", GEN_ICMP}, {"errors", GEN_ERRORS}, {"sctp", GEN_SCTP},
    {"gre", GEN_GRE},   {"other", GEN_OTHER},   {"fragments", GEN_FRAG},
};

/* Settings worth turning, and how often out of eight a sequence turns them. */
static const struct {
    const char *name;
    const char *value;
    unsigned eighths;
} turns[] = {
    {"nf_conntrack_tcp_loose", "0", 2},
    {"nf_conntrack_tcp_be_liberal", "1", 1},
    {"nf_conntrack_tcp_ignore_invalid_rst", "1", 2},
    {"nf_conntrack_tcp_max_retrans", "1", 1},
    {"nf_conntrack_tcp_timeout_max_retrans", "50", 1},
    {"nf_conntrack_tcp_timeout_unacknowledged", "70", 1},
    {"nf_conntrack_checksum", "0", 2},
    {"nf_conntrack_acct", "0", 1},
    {"nf_conntrack_udp_timeout", "2", 1},
    {"nf_conntrack_udp_timeout_stream", "5", 1},
};

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "random_diff: out of memory\n");
        exit(1);
    }
    return memory;
}

static void make_rules(struct sequence *s, uint64_t seed, const struct options *o)
{
    struct rng rng;

    rng_init(&rng, seed ^ 0x72756c6573);
    for (int i = 0; i < 2; i++) {
        struct gen_rules_opts opts = {
            .family = i ? 6 : 4, .nat = rng_below(&rng, 3) != 0, .track = true};

        if (seed % 4 == 0) { /* chains long enough to have an index */
            opts.many = true;
            opts.weight = 80;
        }
        if (!(o->families & (i ? GEN_V6 : GEN_V4)))
            continue;
        s->rules[i] = must(malloc(GEN_RULES_MAX));
        (void)gen_rules(&rng, &opts, s->rules[i]);
    }
}

static void make(struct sequence *s, struct gen *g, uint64_t seed, const struct options *o)
{
    struct gen_opts opts;
    struct gen_packet packet;
    struct rng rng;
    size_t settings = 0;

    rng_init(&rng, seed ^ 0x5e771265);
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        if (rng_below(&rng, 8) < turns[i].eighths) {
            s->settings[settings++] = turns[i].name;
            s->settings[settings++] = turns[i].value;
        }
    }
    s->settings[settings] = NULL;
    gen_opts_init(&opts);
    opts.protocols = o->protocols;
    opts.families = o->families;
    opts.packets = o->packets;
    opts.flows = 1 + (unsigned)rng_below(&rng, 12);
    opts.hostility = 10 + (unsigned)rng_below(&rng, 50);
    opts.wait_permille = rng_below(&rng, 20) == 0; /* most sequences take no time at all */
    gen_init(g, seed, &opts);
    if (o->rules)
        make_rules(s, seed, o);
    s->steps = must(calloc(o->packets, sizeof(*s->steps)));
    for (s->n = 0; s->n < o->packets && gen_next(g, &packet); s->n++) {
        struct step *step = &s->steps[s->n];

        step->side = packet.side == SIDE_A ? RIG_A : RIG_B;
        step->wait_ns = packet.wait_ns;
        step->len = packet.len;
        step->bytes = must(malloc(packet.len + 1));
        memcpy(step->bytes, packet.bytes, packet.len);
    }
}

static void sequence_free(struct sequence *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->steps[i].bytes);
    free(s->steps);
    free(s->rules[0]);
    free(s->rules[1]);
}

/* --- running it --- */

/* Run the steps whose `keep` is set (NULL: all). The number of the step that differs, or -1. */
static long run(struct pair *p, const struct sequence *s, const bool *keep, struct difference *d)
{
    const struct pair_setup setup = {s->settings, {s->rules[0], s->rules[1]}};
    size_t since_check = 0;

    if (!pair_reset(p, &setup, d))
        return 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct step *step = &s->steps[i];

        if (keep && !keep[i])
            continue;
        if (!pair_step(p, step->wait_ns, step->side, step->bytes, step->len, d))
            return (long)i;
        if (++since_check % CHECK_EVERY == 0 && !pair_check(p, d))
            return (long)i;
    }
    return pair_check(p, d) ? -1 : (long)s->n - 1;
}

/* Leave out ever smaller pieces while the difference stays (delta debugging, Zeller 1999). */
static size_t shrink(struct pair *p, const struct sequence *s, bool *keep, size_t n,
                     struct difference *d)
{
    size_t runs = 0, left = n;
    struct difference again;
    bool *saved = must(calloc(n, sizeof(*saved)));

    for (size_t piece = n / 2;
         piece > 0 && runs<SHRINK_RUNS_MAX; piece = piece> 1 ? (piece + 1) / 2 : 0) {
        for (size_t from = 0; from < n && runs < SHRINK_RUNS_MAX; from += piece) {
            size_t to = from + piece < n ? from + piece : n, out = 0;

            memcpy(saved, keep + from, to - from);
            for (size_t i = from; i < to; i++) {
                out += keep[i];
                keep[i] = false;
            }
            if (!out || out == left)
                memcpy(keep + from, saved, to - from);
            else if (runs++, run(p, s, keep, &again) >= 0) {
                left -= out;
                *d = again;
            } else
                memcpy(keep + from, saved, to - from);
        }
        if (piece == 1)
            break;
    }
    free(saved);
    return left;
}

/* Leave out rule by rule, and at last a whole family's, while the difference stays. */
static void shrink_rules(struct pair *p, struct sequence *s, const bool *keep, struct difference *d)
{
    struct difference again;

    for (int i = 0; i < 2; i++) {
        char *text = s->rules[i], *saved;

        if (!text)
            continue;
        s->rules[i] = NULL;
        if (run(p, s, keep, &again) >= 0) {
            free(text);
            *d = again;
            continue;
        }
        s->rules[i] = text;
        saved = must(malloc(GEN_RULES_MAX));
        for (char *line = text; *line;) {
            char *next = line + strcspn(line, "\n") + 1;

            if (*line != '-') {
                line = next;
                continue;
            }
            memcpy(saved, line, strlen(line) + 1);
            memmove(line, next, strlen(next) + 1);
            if (run(p, s, keep, &again) >= 0) {
                *d = again;
                continue;
            }
            memcpy(line, saved, strlen(saved) + 1);
            line = next;
        }
        free(saved);
    }
}

static void print_sequence(FILE *out, const struct sequence *s, const bool *keep, uint64_t seed,
                           const struct difference *d)
{
    static char line[SCN_PRINT_MAX];

    fprintf(out, "# seed %" PRIu64 ": %.*s\nname seed-%" PRIu64 "\n", seed,
            (int)strcspn(d->text, "\n"), d->text, seed);
    fprintf(out, "sysctl nf_conntrack_acct=1\n");
    for (int i = 0; i < 2; i++)
        if (s->rules[i])
            fprintf(out, "# rules of IPv%d:\n%s", i ? 6 : 4, s->rules[i]);
    for (const char *const *set = s->settings; *set; set += 2)
        fprintf(out, "sysctl %s=%s\n", set[0], set[1]);
    for (size_t i = 0; i < s->n; i++) {
        const struct step *step = &s->steps[i];

        if (keep[i])
            fprintf(out, "%s\n",
                    scn_print_line(line, sizeof(line), step->wait_ns,
                                   step->side == RIG_A ? SIDE_A : SIDE_B, step->bytes, step->len));
    }
}

enum outcome { AGREE, DIFFER, ONCE };

static enum outcome one_seed(struct pair *p, struct gen *g, uint64_t seed, const struct options *o)
{
    struct sequence s = {0};
    struct difference d, first;
    enum outcome outcome = AGREE;

    make(&s, g, seed, o);
    long at = run(p, &s, NULL, &first);

    if (at >= 0) {
        bool *keep = must(calloc(s.n, 1));

        outcome = ONCE;
        for (size_t i = 0; i <= (size_t)at && i < s.n; i++)
            keep[i] = true;
        if (run(p, &s, keep, &d) >= 0) {
            outcome = DIFFER;
            size_t left = shrink(p, &s, keep, (size_t)at + 1, &d);

            shrink_rules(p, &s, keep, &d);

            printf("# seed %" PRIu64 ": differs at packet %ld, shrunk to %zu\n#   %s\n", seed,
                   at + 1, left, d.text);
            print_sequence(stdout, &s, keep, seed, &d);
            if (o->keep) {
                char path[512];

                (void)snprintf(path, sizeof(path), "%s/seed-%" PRIu64 ".scn", o->keep, seed);
                FILE *f = fopen(path, "w");

                if (f) {
                    print_sequence(f, &s, keep, seed, &d);
                    fclose(f);
                }
            }
        } else {
            printf("# seed %" PRIu64 ": differed once at packet %ld, and not again: %s\n", seed,
                   at + 1, first.text);
        }
        free(keep);
    }
    sequence_free(&s);
    return outcome;
}

/* --- the program --- */

static uint32_t read_protocols(char *list)
{
    uint32_t bits = 0;

    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        size_t i = 0;

        while (i < sizeof(protocols) / sizeof(protocols[0]) && strcmp(protocols[i].name, word) != 0)
            i++;
        if (i == sizeof(protocols) / sizeof(protocols[0])) {
            fprintf(stderr, "random_diff: unknown protocol %s\n", word);
            exit(2);
        }
        bits |= protocols[i].bit;
    }
    return bits;
}

static void read_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (!strcmp(argv[i], "--tap")) {
            o->tap = true;
            continue;
        }
        if (!strcmp(argv[i], "--rules")) {
            o->rules = true;
            continue;
        }
        if (!strcmp(argv[i], "--seeds"))
            o->seeds = strtoull(value, NULL, 0);
        else if (!strcmp(argv[i], "--first"))
            o->first = strtoull(value, NULL, 0);
        else if (!strcmp(argv[i], "--packets"))
            o->packets = strtoull(value, NULL, 0);
        else if (!strcmp(argv[i], "--seconds"))
            o->seconds = strtod(value, NULL);
        else if (!strcmp(argv[i], "--protocols"))
            o->protocols = read_protocols(argv[i + 1]);
        else if (!strcmp(argv[i], "--families"))
            o->families = (strchr(value, '4') ? GEN_V4 : 0u) | (strchr(value, '6') ? GEN_V6 : 0u);
        else if (!strcmp(argv[i], "--keep"))
            o->keep = value;
        else {
            fprintf(stderr, "random_diff: unknown option %s\n", argv[i]);
            exit(2);
        }
        i++;
    }
}

static double seconds_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1,
                        .seeds = 50,
                        .packets = 1000,
                        .protocols = GEN_ALL,
                        .families = GEN_V4 | GEN_V6};
    uint64_t seeds = 0, outcomes[3] = {0};
    double start = seconds_now();
    struct pair *p;
    char err[256];

    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(&o, argc, argv);
    if (pair_new(&p, err, sizeof(err))) {
        printf("1..0 # SKIP %s\n", err);
        return 0;
    }
    struct gen *g = must(malloc(sizeof(*g)));

    while (seeds < o.seeds && outcomes[DIFFER] < DIFFERENCES_MAX &&
           (o.seconds == 0 || seconds_now() - start < o.seconds))
        outcomes[one_seed(p, g, o.first + seeds++, &o)]++;

    const struct pair_totals *t = pair_totals(p);

    printf("# %" PRIu64 " packets of %" PRIu64 " seeds (%" PRIu64 " to %" PRIu64 ") in %.0f s\n",
           t->packets, seeds, o.first, o.first + seeds - 1, seconds_now() - start);
    printf("# %" PRIu64 " events, %" PRIu64 " tables with %" PRIu64 " entries compared; classes:",
           t->events, t->checks, t->entries);
    for (int i = RIG_NEW; i < RIG_CLASS_MAX; i++)
        printf(" %s %" PRIu64, rig_class_name((enum rig_class)i), t->classes[i]);
    printf("\n# %" PRIu64 " seeds differ, %" PRIu64 " differed once and not again\n",
           outcomes[DIFFER], outcomes[ONCE]);
    if (o.tap)
        printf("1..1\n%sok 1 - %" PRIu64 " random packets: the kernel and weir agree\n",
               outcomes[DIFFER] ? "not " : "", t->packets);
    pair_free(p);
    free(g);
    return outcomes[DIFFER] ? 1 : 0;
}
