/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many packets a second `weir replay` takes from a capture: the whole program, from its start
 * to its exit, as a user runs it.
 *
 * The capture is made here: a million flows, half UDP and half TCP, four packets each; every round
 * has one packet of each flow, in another random order, so almost every packet is of a flow that
 * was not seen for a million packets. The packets are small: nothing but headers, and a few bytes.
 * Replay verifies their checksums, since no network card did. The file stays in the page cache: a
 * first run, not timed, warms it.
 *
 * Verified: the first run's table has as many connections as there are flows; of every run the
 * counters say that nothing was invalid or dropped.
 */
#include "common.h"
#include "traffic.h"

#include "../ports/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROUNDS = 4, /* packets of a flow */
    OUTPUT_MAX = 1 << 16,
    MAX_ARGUMENTS = 8,
    /* A TCP header's flags. */
    SYN = 0x02,
    PSH = 0x08,
    ACK = 0x10,
    TCP_DATA = 4, /* bytes that packet_build() sends with PSH */
};

static const int64_t capture_start_ns = 1700000000000000000;
static const int64_t packet_ns = 250; /* 4 million packets a second */

extern char **environ;

/* --- the capture --- */

struct capture_file {
    int fd;
    char path[32]; /* for whoever inherits fd */
    uint32_t flows;
    uint64_t packets;
};

/* What a TCP flow sends in a round: SYN, SYN ACK, ACK, data. */
static struct tcp_numbers tcp_round(uint64_t flow, uint32_t round)
{
    static const uint8_t flags[ROUNDS] = {SYN, SYN | ACK, ACK, PSH | ACK};
    uint32_t client = (uint32_t)bench_mix(2 * flow), server = (uint32_t)bench_mix(2 * flow + 1);
    struct tcp_numbers n = {.flags = flags[round]};

    if (round == 1)
        n.seq = server, n.ack = client + 1;
    else
        n.seq = client + (round > 0), n.ack = round > 0 ? server + 1 : 0;
    return n;
}

/* UDP flows ask and are answered in turns; TCP's third packet is the client's again, and so is its
 * fourth. */
static enum weir_dir direction(uint8_t proto, uint32_t round)
{
    if (proto == TRAFFIC_TCP)
        return round == 1 ? WEIR_REPLY : WEIR_ORIG;
    return round % 2 ? WEIR_REPLY : WEIR_ORIG;
}

static void check_writer(const struct capture_writer *w, int failed)
{
    bench_check(!failed, "%s", capture_writer_error(w));
}

static void write_round(struct capture_file *file, struct capture_writer *w, uint32_t round)
{
    uint32_t *order = bench_permutation(file->flows, round);

    for (uint32_t i = 0; i < file->flows; i++) {
        uint8_t proto = order[i] % 2 ? TRAFFIC_TCP : TRAFFIC_UDP, bytes[PACKET_MAX];
        struct flows flows = {4, proto, RANDOM, 0};
        struct tcp_numbers numbers = tcp_round(order[i], round);
        uint32_t len = packet_build(bytes, &flows, order[i], direction(proto, round), &numbers);
        int64_t when = capture_start_ns + (int64_t)file->packets++ * packet_ns;

        check_writer(w, capture_write(w, when, NULL, bytes, len, len));
    }
    bench_free(order, file->flows * sizeof(*order));
}

/* A file without a name, so that none is left behind; the programs started here inherit it. */
static void write_capture(struct capture_file *file, uint32_t flows)
{
    const char *dir = getenv("TMPDIR");
    struct capture_writer *w;
    char path[256];

    *file = (struct capture_file){.flows = flows};
    (void)snprintf(path, sizeof(path), "%s/weir-bench-XXXXXX", dir ? dir : "/tmp");
    file->fd = mkstemp(path);
    bench_check(file->fd >= 0, "cannot write '%s': %s", path, strerror(errno));
    int failed = capture_writer_open(&w, path, CAPTURE_PCAP);

    (void)unlink(path);
    check_writer(w, failed);
    for (uint32_t round = 0; round < ROUNDS; round++)
        write_round(file, w, round);
    check_writer(w, capture_writer_finish(w));
    capture_writer_close(w);
    (void)snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
}

/* --- a run --- */

struct output {
    char text[OUTPUT_MAX]; /* the beginning of what the program printed */
    size_t len;
    uint64_t lines;
};

static void read_all(int fd, struct output *out)
{
    char buffer[OUTPUT_MAX];
    ssize_t n;

    out->len = 0;
    out->lines = 0;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        size_t keep = sizeof(out->text) - 1 - out->len;

        keep = keep < (size_t)n ? keep : (size_t)n;
        memcpy(out->text + out->len, buffer, keep);
        out->len += keep;
        for (ssize_t i = 0; i < n; i++)
            out->lines += buffer[i] == '\n';
    }
    out->text[out->len] = '\0';
}

/* Run `weir replay` over the capture with one more option. Seconds from start to exit. */
static double run(const struct capture_file *file, const char *option, struct output *out)
{
    char max[64], weir[] = WEIR_PROGRAM, replay[] = "replay", sysctl[] = "--sysctl", wanted[64];
    char path[sizeof(file->path)],
        *arguments[MAX_ARGUMENTS] = {weir, replay, sysctl, max, wanted, path};
    posix_spawn_file_actions_t actions;
    int ends[2], status = 0, failed;
    pid_t child;

    (void)snprintf(max, sizeof(max), "net.netfilter.nf_conntrack_max=%" PRIu32, file->flows);
    (void)snprintf(wanted, sizeof(wanted), "%s", option);
    (void)snprintf(path, sizeof(path), "%s", file->path);
    bench_check(pipe2(ends, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
    bench_check(posix_spawn_file_actions_init(&actions) == 0 &&
                    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0,
                "no memory");
    int64_t began = stopwatch_now();

    failed = posix_spawn(&child, weir, &actions, NULL, arguments, environ);
    bench_check(!failed, "cannot run '%s': %s", weir, strerror(failed));
    (void)close(ends[1]);
    read_all(ends[0], out);
    bench_check(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status),
                "'%s replay %s' failed", weir, option);
    int64_t took = stopwatch_now() - began;

    (void)close(ends[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    return (double)took / 1e9;
}

/* One line of "word=number", of which these must be 0. */
static void check_stats(const struct output *out)
{
    static const char *const zero[] = {
        " invalid=", " insert_failed=", " drop=", " early_drop=", " error="};

    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
        const char *at = strstr(out->text, zero[i]);

        bench_check(at && strtoull(at + strlen(zero[i]), NULL, 10) == 0,
                    "the replay has not%s0, but: %s", zero[i], out->text);
    }
}

static void measure(const struct bench_options *o, const struct capture_file *file, const char *row,
                    struct output *out)
{
    struct spread seconds = {.n = 0};
    double packets = (double)file->packets / 1e6;

    (void)run(file, "--table", out);
    bench_check(out->lines == file->flows, "%" PRIu64 " connections instead of %" PRIu32,
                out->lines, file->flows);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        spread_add(&seconds, run(file, "--stats", out));
        check_stats(out);
    }
    printf("\n%-24s %9s  %23s\n", "", "", "million packets a second");
    printf("%-24s %9s  %7s %7s %7s\n", "capture", "packets", "min", "median", "max");
    printf("%-24s %9s  %7.2f %7.2f %7.2f\n", row, bench_count((uint32_t)file->packets).text,
           packets / spread_max(&seconds), packets / spread_median(&seconds),
           packets / spread_min(&seconds));
    report(o, &(struct figure){row, "speed", "M/s", packets / spread_min(&seconds),
                               packets / spread_median(&seconds)});
}

int main(int argc, char **argv)
{
    struct capture_file file;
    struct bench_options o;
    char row[64];

    bench_start(&o, argc, argv, "What weir replay takes from a capture: packets a second.");
    (void)snprintf(row, sizeof(row), "%s flows, no rules", bench_count(o.flows).text);
    if (!bench_wanted(&o, row))
        return 0;
    struct output *out = bench_alloc(sizeof(*out));

    write_capture(&file, o.flows);
    measure(&o, &file, row, out);
    (void)close(file.fd);
    bench_free(out, sizeof(*out));
    return 0;
}
