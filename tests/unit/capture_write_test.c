/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture writer: what is written is read back the same, and what cannot be written is an error
 * that names the file and the reason.
 */
#include "capture_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { PACKETS = 5000 };

struct temporary {
    char dir[32];
    char path[64];
};

static void make_temporary(struct temporary *t, const char *name)
{
    strcpy(t->dir, "/tmp/capture-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->path, sizeof(t->path), "%s/%s", t->dir, name);
}

static void remove_temporary(struct temporary *t)
{
    unlink(t->path);
    rmdir(t->dir);
}

static const char *const names[] = {"lan0", NULL, "wan0", "lan0",
                                    "a-name-beyond-what-linux-allows"};
static const uint32_t interfaces[] = {0, 1, 2, 0, 3};

static uint32_t packet_len(uint32_t i)
{
    return i == PACKETS / 2 ? CAPTURE_MAX_PACKET : 1 + i * 7919 % 1500;
}

static int64_t packet_time(uint32_t i)
{
    return 1700000000123456789 + (int64_t)i * 1000000007;
}

static void fill_packet(uint32_t i, uint8_t *data, uint32_t len)
{
    memset(data, (int)i & 0xff, len);
    data[0] = i % 3 ? 0x45 : 0x60;
}

static void write_packets(struct capture_writer *w)
{
    uint8_t *data = malloc(CAPTURE_MAX_PACKET);

    for (uint32_t i = 0; i < PACKETS; i++) {
        uint32_t len = packet_len(i);

        fill_packet(i, data, len);
        assert_int_equal(capture_write(w, packet_time(i), names[i % 5], data, len, len + i % 2), 0);
    }
    free(data);
}

static void check_packets(struct capture *c, bool pcapng)
{
    uint8_t *data = malloc(CAPTURE_MAX_PACKET);
    struct capture_packet p;

    for (uint32_t i = 0; i < PACKETS; i++) {
        uint32_t len = packet_len(i);

        assert_int_equal(capture_next(c, &p), 1);
        fill_packet(i, data, len);
        assert_true(p.time_ns == packet_time(i));
        assert_int_equal(p.cap_len, len);
        assert_int_equal(p.wire_len, len + i % 2);
        assert_memory_equal(p.l3, data, len);
        assert_int_equal(p.kind, i % 3 ? CAPTURE_IPV4 : CAPTURE_IPV6);
        if (pcapng && names[i % 5])
            assert_string_equal(p.interface_name, names[i % 5]);
        else
            assert_null(p.interface_name);
        assert_int_equal(p.interface, pcapng ? interfaces[i % 5] : 0);
    }
    assert_int_equal(capture_next(c, &p), 0);
    free(data);
}

/* The format follows the name unless it is asked for. */
static void round_trip(void **state)
{
    static const struct {
        const char *name;
        enum capture_format format;
        bool pcapng;
    } rows[] = {
        {"out.pcapng", CAPTURE_BY_NAME, true}, {"out.pcap", CAPTURE_BY_NAME, false},
        {"pcapng", CAPTURE_BY_NAME, false},    {"out", CAPTURE_PCAPNG, true},
        {"out.pcapng", CAPTURE_PCAP, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct temporary t;
        struct capture_writer *w;
        struct capture *c;

        make_temporary(&t, rows[i].name);
        assert_int_equal(capture_writer_open(&w, t.path, rows[i].format), 0);
        write_packets(w);
        assert_int_equal(capture_writer_finish(w), 0);
        assert_string_equal(capture_writer_error(w), "");
        capture_writer_close(w);

        assert_int_equal(capture_open(&c, t.path, NULL), 0);
        check_packets(c, rows[i].pcapng);
        capture_close(c);
        remove_temporary(&t);
    }
}

/* After a flush a reader of the unfinished file has every packet. */
static void flushed_packets_are_there(void **state)
{
    struct temporary t;
    struct capture_writer *w;
    struct capture_packet p;
    struct capture *c;

    (void)state;
    make_temporary(&t, "out.pcapng");
    assert_int_equal(capture_writer_open(&w, t.path, CAPTURE_BY_NAME), 0);
    assert_int_equal(capture_writer_flush(w), 0);
    assert_int_equal(capture_open(&c, t.path, NULL), 0);
    assert_int_equal(capture_write(w, 1, "eth0", "\x45", 1, 1), 0);
    assert_int_equal(capture_writer_flush(w), 0);
    assert_int_equal(capture_next(c, &p), 1);
    assert_string_equal(p.interface_name, "eth0");
    capture_close(c);
    capture_writer_close(w);
    remove_temporary(&t);
}

/* "-" is standard output, in pcap, and stays open. */
static void standard_output(void **state)
{
    int saved = dup(STDOUT_FILENO), file = memfd_create("out", 0);
    struct capture_writer *w;
    struct capture_packet p;
    struct capture *c;

    (void)state;
    assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(capture_writer_open(&w, "-", CAPTURE_BY_NAME), 0);
    assert_int_equal(capture_write(w, 5, "eth0", "\x45", 1, 1), 0);
    capture_writer_close(w);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(capture_open_fd(&c, file, "out", NULL), 0);
    assert_int_equal(capture_next(c, &p), 1);
    assert_int_equal(p.time_ns, 5);
    assert_null(p.interface_name);
    capture_close(c);
    close(file);
    close(saved);
}

/* A reader slower than the writer, and a pipe that does not wait: nothing is lost. */
static void slow_pipe(void **state)
{
    int ends[2], saved = dup(STDOUT_FILENO), status;
    struct capture_writer *w;
    struct capture *c;
    pid_t child;

    (void)state;
    assert_int_equal(pipe2(ends, 0), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        dup2(ends[1], STDOUT_FILENO);
        status = capture_writer_open(&w, "-", CAPTURE_PCAPNG);
        if (status == 0)
            write_packets(w);
        _exit(capture_writer_finish(w) != 0);
    }
    close(ends[1]);
    assert_int_equal(capture_open_fd(&c, ends[0], "pipe", NULL), 0);
    check_packets(c, true);
    capture_close(c);
    close(ends[0]);
    close(saved);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* What the formats cannot express. Each error is final. */
static void refusals(void **state)
{
    static const struct {
        int64_t time_ns;
        uint32_t len;
        enum capture_format format;
        int status;
        const char *text;
    } rows[] = {
        {0, CAPTURE_MAX_PACKET + 1, CAPTURE_PCAP, -EMSGSIZE,
         "packet 2 has 262145 bytes, more than 262144"},
        {-1, 1, CAPTURE_PCAPNG, -ERANGE,
         "packet 2 is of before 1970, which capture files cannot express"},
        {4294967296000000000, 1, CAPTURE_PCAP, -ERANGE,
         "packet 2 is of after February 2106, which pcap cannot express; write a .pcapng file"},
        {4294967296000000000, 1, CAPTURE_PCAPNG, 0, ""},
        {4294967295999999999, 1, CAPTURE_PCAP, 0, ""},
    };
    uint8_t *data = calloc(1, CAPTURE_MAX_PACKET + 1);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct capture_writer *w;
        char text[256] = "";

        assert_int_equal(capture_writer_open(&w, "/dev/null", rows[i].format), 0);
        assert_int_equal(capture_write(w, 0, NULL, data, 1, 1), 0);
        assert_int_equal(capture_write(w, rows[i].time_ns, NULL, data, rows[i].len, rows[i].len),
                         rows[i].status);
        if (rows[i].status < 0)
            snprintf(text, sizeof(text), "/dev/null: %s", rows[i].text);
        assert_string_equal(capture_writer_error(w), text);
        assert_int_equal(capture_write(w, 0, NULL, data, 1, 1), rows[i].status);
        assert_int_equal(capture_writer_finish(w), rows[i].status);
        capture_writer_close(w);
    }
    free(data);
}

static void cannot_create(void **state)
{
    struct capture_writer *w;

    (void)state;
    assert_int_equal(capture_writer_open(&w, "/nonexistent/out.pcap", CAPTURE_BY_NAME), -ENOENT);
    assert_string_equal(capture_writer_error(w),
                        "/nonexistent/out.pcap: cannot create: No such file or directory");
    assert_int_equal(capture_write(w, 0, NULL, "\x45", 1, 1), -ENOENT);
    capture_writer_close(w);
    capture_writer_close(NULL);
    assert_string_equal(capture_writer_error(NULL), "out of memory");
}

static void disk_full(void **state)
{
    struct capture_writer *w;

    (void)state;
    assert_int_equal(capture_writer_open(&w, "/dev/full", CAPTURE_BY_NAME), 0);
    assert_int_equal(capture_write(w, 0, NULL, "\x45", 1, 1), 0);
    assert_int_equal(capture_writer_flush(w), -ENOSPC);
    assert_string_equal(capture_writer_error(w),
                        "/dev/full: cannot write: No space left on device");
    assert_int_equal(capture_write(w, 0, NULL, "\x45", 1, 1), -ENOSPC);
    assert_int_equal(capture_writer_finish(w), -ENOSPC);
    capture_writer_close(w);
}

static void closed_pipe(void **state)
{
    int ends[2], saved = dup(STDOUT_FILENO);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    struct capture_writer *w;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(capture_writer_open(&w, "-", CAPTURE_BY_NAME), 0);
    assert_int_equal(capture_writer_finish(w), -EPIPE);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    assert_string_equal(capture_writer_error(w), "standard output: cannot write: Broken pipe");
    capture_writer_close(w);
    close(ends[1]);
    close(saved);
    signal(SIGPIPE, handler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),      cmocka_unit_test(flushed_packets_are_there),
        cmocka_unit_test(standard_output), cmocka_unit_test(slow_pipe),
        cmocka_unit_test(refusals),        cmocka_unit_test(cannot_create),
        cmocka_unit_test(disk_full),       cmocka_unit_test(closed_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
