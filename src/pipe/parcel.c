/* SPDX-License-Identifier: BSD-2-Clause */
/* What they are: parcel.h. */
#include "pipe/parcel.h"

static struct parcel *find_free(struct parcels *parcels)
{
    for (uint32_t i = 0; i < PARCELS; i++) {
        struct parcel *parcel = &parcels->all[(parcels->next + i) % PARCELS];

        if (!atomic_load_explicit(&parcel->busy, memory_order_acquire)) {
            parcels->next = (parcels->next + i + 1) % PARCELS;
            return parcel;
        }
    }
    return NULL;
}

static void pack_bytes(struct parcel *parcel, const struct pkt *p)
{
    parcel->ip = p->ip;
    parcel->ip.ip = parcel->bytes + FRAG_HEADROOM;
    memcpy(parcel->ip.ip, p->ip.ip, p->ip.have);
    parcel->layout = p->layout;
    if (p->layout.cuts) {
        memcpy(parcel->cuts, p->layout.cuts, sizeof(parcel->cuts));
        parcel->layout.cuts = parcel->cuts;
    }
}

static void pack_callers(struct parcel *parcel, struct weir_packet *sent)
{
    if (sent->link_len > PARCEL_LINK_MAX)
        sent->link = NULL;
    if (sent->link)
        sent->link = memcpy(parcel->link, sent->link, sent->link_len);
    else
        sent->link_len = 0;
    if (sent->templ) {
        parcel->templ = *sent->templ;
        sent->templ = &parcel->templ;
    }
    sent->user = NULL;
}

struct parcel *parcel_pack(struct parcels *parcels, const struct pkt *p, struct weir_packet *sent)
{
    struct parcel *parcel = find_free(parcels);

    if (!parcel)
        return NULL;
    atomic_store_explicit(&parcel->busy, 1, memory_order_relaxed);
    pack_bytes(parcel, p);
    *sent = *p->raw;
    sent->data = parcel->ip.ip;
    sent->len = parcel->ip.have;
    sent->wire_len = parcel->ip.l3_len;
    sent->flags |= WEIR_PKT_GATHERED;
    pack_callers(parcel, sent);
    return parcel;
}

void parcel_open(struct pkt *p)
{
    const struct parcel *parcel = parcel_of(p->raw);

    p->ip = parcel->ip;
    p->layout = parcel->layout;
    p->moved = p->gathered = true;
}
