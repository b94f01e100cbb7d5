/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: capture files.
 *
 * Each input is read twice, with a roomy buffer in batches and with the smallest buffer packet by
 * packet. Both must agree in every packet, in the warnings and in the final error, since neither
 * the buffer nor the batch is part of the format. Delivered bytes are read, for the sanitizer to
 * check that they are there, and what is documented about a packet is asserted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome {
    int status;
    uint64_t packets;
    uint64_t delivered; /* digest over all packets */
    uint64_t warned;    /* and over all warnings, which may come earlier in a batch */
    char error[1024];
};

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* FNV-1a */
static void digest(uint64_t *sum, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++)
        *sum = (*sum ^ at[i]) * 0x100000001b3;
}

static void digest_number(uint64_t *sum, uint64_t number)
{
    digest(sum, &number, sizeof(number));
}

static void warn(void *arg, const char *text)
{
    digest(&((struct outcome *)arg)->warned, text, strlen(text));
}

static void check_packet(struct outcome *o, const struct capture_packet *p)
{
    bool has_l3 = p->kind == CAPTURE_IPV4 || p->kind == CAPTURE_IPV6 || p->kind == CAPTURE_OTHER;

    check(p->number == ++o->packets);
    check(p->cap_len <= CAPTURE_MAX_PACKET && p->cap_len <= p->wire_len);
    check(p->kind > CAPTURE_NONE && p->kind < CAPTURE_KIND_MAX && p->to < CAPTURE_TO_MAX);
    check(p->vlan_count <= CAPTURE_MAX_VLAN);
    check(has_l3 == (p->l3 != NULL));
    check(!has_l3 || (p->l3 >= p->frame && p->l3 + p->l3_len == p->frame + p->cap_len));
    check(!p->source_mac ||
          (p->source_mac >= p->frame && p->source_mac + 6 <= p->frame + p->cap_len));

    digest_number(&o->delivered, p->offset);
    digest_number(&o->delivered, (uint64_t)p->time_ns);
    digest_number(&o->delivered, p->wire_len);
    digest_number(&o->delivered, p->l3_len);
    digest_number(&o->delivered, p->interface);
    digest_number(&o->delivered, p->ifindex);
    digest_number(&o->delivered, p->ethertype);
    digest_number(&o->delivered, p->kind);
    digest_number(&o->delivered, p->to);
    digest(&o->delivered, p->vlan, sizeof(p->vlan[0]) * p->vlan_count);
    digest(&o->delivered, p->frame, p->cap_len);
    if (p->interface_name)
        digest(&o->delivered, p->interface_name, strlen(p->interface_name));
}

static void read_all(int fd, size_t buffer_size, int batch, struct outcome *o)
{
    struct capture_options options = {.buffer_size = buffer_size, .warn = warn, .warn_arg = o};
    struct capture_packet packets[64];
    struct capture *c;

    check(lseek(fd, 0, SEEK_SET) == 0);
    o->status = capture_open_fd(&c, fd, "input", &options);
    while (o->status >= 0 && (o->status = capture_batch(c, packets, batch)) > 0) {
        check(o->status <= batch);
        for (int i = 0; i < o->status; i++)
            check_packet(o, &packets[i]);
    }
    strncpy(o->error, capture_error(c), sizeof(o->error) - 1);
    check((o->status < 0) == (o->error[0] != 0));
    capture_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct outcome roomy = {0}, tight = {0};
    int fd = memfd_create("input", MFD_CLOEXEC);

    check(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    read_all(fd, 65536, 64, &roomy);
    read_all(fd, 1, 1, &tight);
    close(fd);
    check(roomy.status == tight.status && roomy.packets == tight.packets);
    check(roomy.delivered == tight.delivered && roomy.warned == tight.warned);
    check(strcmp(roomy.error, tight.error) == 0);
    return 0;
}
