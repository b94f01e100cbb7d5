/* SPDX-License-Identifier: BSD-2-Clause */
/* What it is for: figures.h. */
#include "figures.h"
#include "common.h"

#include <stdlib.h>

double tally_each(const struct tally *t)
{
    if (!t->items && t->left_out)
        return (double)t->ns_out / (double)t->left_out;
    bench_check(t->items != 0, "nothing was timed");
    return (double)t->ns / (double)t->items;
}

double tally_left_out(const struct tally *t)
{
    return (double)t->left_out / (double)(t->items + t->left_out);
}

void spread_add(struct spread *s, double value)
{
    uint32_t i = s->n++;

    for (; i > 0 && s->value[i - 1] > value; i--)
        s->value[i] = s->value[i - 1];
    s->value[i] = value;
}

double spread_min(const struct spread *s)
{
    return s->value[0];
}

double spread_median(const struct spread *s)
{
    return (s->value[(s->n - 1) / 2] + s->value[s->n / 2]) / 2;
}

double spread_max(const struct spread *s)
{
    return s->value[s->n - 1];
}

void samples_init(struct samples *s, size_t max)
{
    *s = (struct samples){.ns = bench_alloc(max * sizeof(*s->ns)), .max = max};
}

void samples_fini(struct samples *s)
{
    bench_free(s->ns, s->max * sizeof(*s->ns));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void samples_sort(struct samples *s)
{
    qsort(s->ns, s->n, sizeof(*s->ns), compare);
}

int64_t samples_percentile(const struct samples *s, double share)
{
    size_t rank = (size_t)((double)s->n * share);

    if (!s->n)
        return s->interrupted;
    /* The rank-th smallest, rounded up, counted from 1. */
    if ((double)rank < (double)s->n * share)
        rank++;
    return s->ns[rank ? rank - 1 : 0];
}
