/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from the operating system, as weir_host.reserve wants it: anonymous pages, zero and
 * committed when first touched, so that reserving for a large capacity costs address space only.
 */
#include <weir/shard.h>

#include <sys/mman.h>

WEIR_API void *weir_reserve_pages(void *ctx, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)ctx;
    return memory == MAP_FAILED ? NULL : memory;
}

WEIR_API void weir_release_pages(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    if (memory)
        (void)munmap(memory, size);
}
