/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_fields: which words of a packet line stand for plain fields of struct build.
 *
 * Reading and printing both walk these tables, so that a field cannot be known to one of them only.
 * Words with a grammar of their own (options, chunks, payload …) are in scn_packet.c.
 */
#ifndef TESTS_LIB_SCN_FIELDS_H
#define TESTS_LIB_SCN_FIELDS_H

#include "build.h"

enum scn_field_type {
    SCN_FIELD_NUMBER = 1, /* an unsigned field of `size` bytes */
    SCN_FIELD_AUTO,       /* an int that is BUILD_AUTO unless given */
    SCN_FIELD_SET,        /* a bool; the bare word sets it */
};

struct scn_field {
    const char *word;
    enum scn_field_type type;
    uint8_t size;
    bool quiet; /* never printed: an alias, or its kind prints it in its own way */
    bool hex;   /* is printed so */
    uint16_t at;
    uint32_t max;
};

/* The fields of the IP layer, and of each kind; n receives how many. */
const struct scn_field *scn_fields_ip(size_t *n);
const struct scn_field *scn_fields_of(enum build_kind kind, size_t *n);

/* The typed fixed parts of SCTP chunks. */
struct scn_chunk_field {
    uint8_t type; /* the chunk's */
    const char *word;
    uint8_t at, size;
    uint32_t usual; /* if not given */
};
const struct scn_chunk_field *scn_chunk_fields(size_t *n);

/* The body of an IPv6 extension header if none is given; returns its length. */
size_t scn_ext_usual(uint8_t kind, const uint8_t **body);

#endif
