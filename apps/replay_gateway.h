/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host that a capture is replayed through: its interfaces, addresses and routes.
 *
 * Interfaces have numbers from 1, as the engine wants them; 0 is none.
 */
#ifndef APPS_REPLAY_GATEWAY_H
#define APPS_REPLAY_GATEWAY_H

#include <weir/shard.h>

#include "../control/textbuf.h"

struct gateway;

/* NULL when memory ran out. gateway_free() accepts NULL. */
struct gateway *gateway_new(void);
void gateway_free(struct gateway *gateway);

/*
 * Take the arguments of --addr ("lan0=10.0.1.1/24"), --route ("10.0.0.0/8=wan0", "default=wan0"),
 * --in and --out (names). 0, or -EINVAL or -ENOMEM with a sentence in `errors`.
 */
int gateway_add_address(struct gateway *gateway, const char *text, struct textbuf *errors);
int gateway_add_route(struct gateway *gateway, const char *text, struct textbuf *errors);
int gateway_set_in(struct gateway *gateway, const char *name, struct textbuf *errors);
int gateway_set_out(struct gateway *gateway, const char *name, struct textbuf *errors);

/* Call when all of the above is done, before what follows. 0 or -ENOMEM. */
int gateway_ready(struct gateway *gateway);

/* The number of an interface that a capture names; 0 when there are no more numbers. */
uint16_t gateway_interface(struct gateway *gateway, const char *name);

/* The name of a number; NULL for 0. */
const char *gateway_interface_name(const struct gateway *gateway, uint16_t number);

/*
 * Says where a packet comes from: fills in its path and in_iface. `interface` is what the capture
 * says, 0 when it is silent.
 */
void gateway_enter(const struct gateway *gateway, struct weir_packet *packet, uint16_t interface);

/* weir_host.route; ctx is the gateway. */
struct weir_route gateway_route(void *ctx, const struct weir_packet *packet, uint8_t family,
                                union weir_addr dst);

/* weir_host.iface_name, addr_type and source; ctx is the gateway. */
const char *gateway_iface_name(void *ctx, uint16_t iface);
enum weir_addr_type gateway_addr_type(void *ctx, uint8_t family, const union weir_addr *addr,
                                      uint16_t iface);
bool gateway_source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                    const union weir_addr *peer, union weir_addr *source);

#endif
