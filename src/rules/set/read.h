/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of sets' text, between its parts: read.c (lines, words, values), read_command.c (what
 * a line does), read_create.c (the header of a set), read_elem.c (an element, and what is said
 * about it).
 */
#ifndef WEIR_RULES_SET_READ_H
#define WEIR_RULES_SET_READ_H

#include "rules/sets.h"

enum {
    SET_LINE_MAX = 4095,
    SET_WORDS_MAX = 64, /* more than any command has options */
    SET_ELEM_MAX = 511  /* an element, with hosts' names */
};

struct set_word {
    char *text; /* terminated */
    uint32_t column;
    bool quoted;
};

struct set_reader {
    const struct weir_rules_names *names; /* never NULL */
    struct weir_rules_error *error;
    struct weir_sets *draft;
    bool no_memory;

    const char *at, *end; /* of the text not yet read */
    uint32_t line;
    struct set_word words[SET_WORDS_MAX];
    uint32_t count, next; /* words of the line, and the next one to read */
    bool exist;           /* -exist */
    uint16_t slot;        /* of the set named last */
    char buffer[SET_LINE_MAX + SET_WORDS_MAX + 1];
};

/* The text is wrong here (NULL: the line as a whole). The message is one sentence. Always false. */
bool set_fail(struct set_reader *r, const struct set_word *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What to do about it. */
void set_hint(struct set_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool set_fail_memory(struct set_reader *r);

/* The next word, NULL: the line ends. */
struct set_word *set_next_word(struct set_reader *r);
/* The argument of an option. NULL: it has none, which was reported. */
struct set_word *set_argument(struct set_reader *r, const struct set_word *option);
bool set_unknown(struct set_reader *r, const struct set_word *option);
/* An option is there once. */
bool set_once(struct set_reader *r, const struct set_word *option, uint32_t *seen, uint32_t bit);
/* Copy a word to SET_ELEM_MAX + 1 bytes, to be cut apart there. */
bool set_copy_word(struct set_reader *r, const struct set_word *word, char *copy);
/* A number from `min` to `max`. */
bool set_read_number(struct set_reader *r, const struct set_word *about, const char *text,
                     uint64_t min, uint64_t max, uint64_t *n);
/* An address, or a host's name, "[in brackets]" or not. */
bool set_read_addr(struct set_reader *r, const struct set_word *about, uint8_t family, char *text,
                   union weir_addr *addr);
/* Where `c` is in a text, outside of brackets; NULL: nowhere. */
char *set_find_char(char *text, char c);

/* read_command.c: `word` is the command, the words after it are to be read. */
bool set_run_command(struct set_reader *r, const struct set_word *word);

/* read_create.c: the words after the name. */
bool set_read_head(struct set_reader *r, struct set_head *head);

/* An element of a text, which may stand for many. */
struct set_span {
    struct set_elem first;
    uint32_t last_addr[SET_ADDRS_MAX]; /* IPv4, host order, where `many` */
    bool many[SET_ADDRS_MAX];
    uint16_t last_port;
    bool many_ports;
};

/* read_elem.c: the element itself; what is said about it by the words after it. */
bool set_read_elem(struct set_reader *r, const struct set_head *head, const struct set_word *word,
                   struct set_span *span);
bool set_read_given(struct set_reader *r, const struct set_head *head, struct set_elem *e,
                    struct set_given *given);
/* Only "before" and "after", which is all that "del" may say. */
bool set_read_place(struct set_reader *r, const struct set_head *head, struct set_elem *e);

#endif
