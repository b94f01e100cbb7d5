/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from the operating system, as weir_host.reserve wants it: anonymous pages, zero and
 * committed when first touched, so that reserving for a large capacity costs address space only.
 *
 * Huge pages are all committed at once. Taken as they are touched, each would be cleared while a
 * packet waits: 0.2 to 4 ms.
 */
#include <weir/shard.h>

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; madvise(2) */
#endif

WEIR_API void *weir_reserve_pages(void *ctx, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)ctx;
    return memory == MAP_FAILED ? NULL : memory;
}

WEIR_API void *weir_reserve_huge_pages(void *ctx, size_t size)
{
    void *memory = weir_reserve_pages(ctx, size);

    /* A system without either does without: it is slower, and nothing else. */
    if (memory) {
        (void)madvise(memory, size, MADV_HUGEPAGE);
        (void)madvise(memory, size, MADV_POPULATE_WRITE);
    }
    return memory;
}

WEIR_API void weir_release_pages(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    if (memory)
        (void)munmap(memory, size);
}
