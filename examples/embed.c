/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest program that embeds libweir: it makes a shard, runs the packets of a DNS exchange
 * through it, prints what was decided, lets time pass until the connection expires, and prints that
 * too.
 *
 *     cc embed.c -lweir -o embed
 *
 * A data plane does the same with its own packets: fill an array of struct weir_packet with
 * pointers to what its driver received, call weir_shard_run() once for the batch, and look at the
 * verdicts.
 */
#include <weir/shard.h>

#include <inttypes.h>
#include <stdio.h>

/* 192.0.2.10:40000 asks 198.51.100.53:53, and is answered. Checksums: none in UDP (0), good in
 * IPv4. */
static uint8_t query[] = {0x45, 0,   0, 32, 0,  0,   0,   0,   64,  17,   0x8e,
                          0x5a, 192, 0, 2,  10, 198, 51,  100, 53,  0x9c, 0x40,
                          0,    53,  0, 12, 0,  0,   'w', 'e', 'i', 'r'};
static uint8_t answer[] = {0x45, 0,    0,  32,  0,  0,   0,   0,   64,  17, 0x8e,
                           0x5a, 198,  51, 100, 53, 192, 0,   2,   10,  0,  53,
                           0x9c, 0x40, 0,  12,  0,  0,   'W', 'E', 'I', 'R'};

static void on_event(void *ctx, const struct weir_event *event)
{
    static const char *const names[] = {"", "NEW", "UPDATE", "DESTROY"};

    (void)ctx;
    printf("event %s at %" PRId64 " s\n", names[event->type], event->time.ns / 1000000000);
}

int main(void)
{
    const struct weir_config config = {.host = {.event = on_event}, .max = 1000, .seed = {1, 2}};
    struct weir_shard *shard = weir_shard_new(&config);
    struct weir_packet packets[] = {
        {.data = query, .len = sizeof(query), .in_iface = 1},
        {.data = answer, .len = sizeof(answer), .in_iface = 2},
    };
    struct weir_conn conn;

    if (!shard) {
        fprintf(stderr, "embed: no memory for a shard\n");
        return 1;
    }
    weir_shard_run(shard, (struct weir_time){0}, packets, 2);
    for (int i = 0; i < 2; i++)
        printf("packet %d: %s, %s (%s)\n", i, packets[i].verdict == WEIR_ACCEPT ? "ACCEPT" : "DROP",
               weir_ctinfo_name(packets[i].ctinfo), weir_reason_text(packets[i].reason));
    if (weir_conn_get(shard, packets[0].conn, &conn))
        printf("the connection expires in %" PRId64 " ms\n", conn.timeout_ms);

    /* Nothing more arrives. The shard knows when it wants to be called again. */
    for (struct weir_time next; (next = weir_shard_deadline(shard)).ns != INT64_MAX;)
        weir_shard_tick(shard, next, 0);
    weir_shard_free(shard);
    return 0;
}
