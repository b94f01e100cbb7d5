/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_main: prints generated packets, one scenario line each.
 *
 *     gen -s 42 -n 20 -p tcp,frag -f 4
 *
 * What it prints can be put into a scenario file as it is. For a look at something else: -d
 * describes the packets in words, -x writes a hex dump for text2pcap (-l 101), -b hashes all bytes
 * (to compare compilers), -c counts the cells of the TCP and SCTP state tables that were reached.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "scn_packet.h"

static const struct {
    const char *name;
    uint32_t bit;
} protocols[] = {
    {"tcp", GEN_TCP},       {"udp", GEN_UDP},   {"udplite", GEN_UDPLITE}, {"icmp", GEN_ICMP},
    {"errors", GEN_ERRORS}, {"sctp", GEN_SCTP}, {"gre", GEN_GRE},         {"other", GEN_OTHER},
    {"frag", GEN_FRAG},     {"all", GEN_ALL},
};

enum output { LINES, DESCRIBE, DUMP, HASH, COVERAGE };

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "gen: %s: %s\n", why, what);
    fputs("usage: gen [-s SEED] [-n PACKETS] [-p PROTOCOL,…] [-f 4|6] [-k FLOWS] [-H HOSTILITY]\n"
          "           [-w WAITS-PER-1000] [-i] [-d|-x|-b|-c]\n"
          "protocols: tcp udp udplite icmp errors sctp gre other frag all\n",
          stderr);
    return 2;
}

static bool read_number(const char *text, uint64_t *n)
{
    char *end;
    *n = strtoull(text, &end, 0);
    return *text && !*end;
}

static bool read_protocols(char *list, uint32_t *bits)
{
    *bits = 0;
    for (char *save, *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        uint32_t bit = 0;
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
            if (strcmp(name, protocols[i].name) == 0)
                bit = protocols[i].bit;
        if (!bit)
            return false;
        *bits |= bit;
    }
    return *bits;
}

static void dump(const struct gen_packet *p)
{
    printf("000000");
    for (size_t i = 0; i < p->len; i++)
        printf(" %02x", p->bytes[i]);
    printf("\n");
}

static void coverage(const struct gen *g)
{
    puts("tcp: packets by believed state and class, original direction / reply direction");
    for (enum gen_tcp_state s = 0; s < MODEL_STATE_MAX; s++) {
        printf("%-12s", gen_tcp_model_state_name(s));
        for (unsigned dir = 0; dir < 2; dir++)
            for (enum gen_tcp_class c = 0; c < MODEL_CLASS_MAX; c++)
                printf(" %s%s=%u", dir ? "r-" : "", gen_tcp_model_class_name(c),
                       g->tcp_coverage.cell[s][dir][c]);
        puts("");
    }
    puts("sctp: packets by believed state (row) and chunk type 0-14, original / reply");
    for (unsigned s = 0; s < 9; s++)
        for (unsigned dir = 0; dir < 2; dir++) {
            printf("%u %s", s, dir ? "reply" : "orig ");
            for (unsigned c = 0; c < 15; c++)
                printf(" %u", g->sctp_coverage[s][dir][c]);
            puts("");
        }
}

static uint64_t hash(uint64_t h, const struct gen_packet *p)
{
    h = (h ^ (uint64_t)p->wait_ns ^ p->side) * 0x100000001b3u;
    for (size_t i = 0; i < p->len; i++)
        h = (h ^ p->bytes[i]) * 0x100000001b3u;
    return h;
}

static void run(struct gen *g, enum output output)
{
    static struct gen_packet p;
    static char line[SCN_PRINT_MAX];
    uint64_t h = 0xcbf29ce484222325u;

    while (gen_next(g, &p)) {
        if (output == LINES)
            puts(scn_print_line(line, sizeof(line), p.wait_ns, p.side, p.bytes, p.len));
        else if (output == DESCRIBE)
            printf("%c %s\n", p.side == SIDE_A ? 'A' : 'B',
                   build_describe(line, sizeof(line), p.bytes, p.len));
        else if (output == DUMP)
            dump(&p);
        h = hash(h, &p);
    }
    if (output == HASH)
        printf("%016llx\n", (unsigned long long)h);
    if (output == COVERAGE)
        coverage(g);
}

int main(int argc, char **argv)
{
    struct gen_opts opts;
    uint64_t seed = 1, n = 0;
    enum output output = LINES;

    gen_opts_init(&opts);
    for (int c; (c = getopt(argc, argv, "s:n:p:f:k:H:w:idxbc")) != -1;) {
        if (c == '?')
            return usage("unknown option", argv[optind - 1]);
        if (strchr("snfkHw", c) && !read_number(optarg, &n))
            return usage("not a number", optarg);
        switch (c) {
        case 's': seed = n; break;
        case 'n': opts.packets = n; break;
        case 'f': opts.families = n == 6 ? GEN_V6 : GEN_V4; break;
        case 'k': opts.flows = (unsigned)n; break;
        case 'H': opts.hostility = (unsigned)n; break;
        case 'w': opts.wait_permille = (unsigned)n; break;
        case 'i': opts.ip_layer = true; break;
        case 'd': output = DESCRIBE; break;
        case 'x': output = DUMP; break;
        case 'b': output = HASH; break;
        case 'c': output = COVERAGE; break;
        default:
            if (!read_protocols(optarg, &opts.protocols))
                return usage("unknown protocol in", optarg);
        }
    }
    struct gen *g = malloc(sizeof(*g));
    if (!g)
        return 1;
    gen_init(g, seed, &opts);
    run(g, output);
    free(g);
    return 0;
}
