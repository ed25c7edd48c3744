/* SPDX-License-Identifier: GPL-2.0 */
/* What net/ltp/ranges.c needs of the kernel's allocator. */
#ifndef _FUZZ_LINUX_SLAB_H
#define _FUZZ_LINUX_SLAB_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/types.h>

#define __init
#define GFP_ATOMIC	0
#define __GFP_NOWARN	0
#define SLAB_ACCOUNT	0
#define KMEM_CACHE(type, flags)						\
	((struct kmem_cache *)(sizeof(struct type) + (flags)))

struct kmem_cache;

void *fuzz_alloc(size_t size);
void fuzz_free(void *p);

static inline void *kmem_cache_alloc(struct kmem_cache *cache, int flags)
{
	/* ltp_ranges_cache_init() is not called. */
	return fuzz_alloc(sizeof(uint64_t) * 8);
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	fuzz_free(p);
}

static inline void kmem_cache_destroy(struct kmem_cache *cache)
{
}

#endif /* _FUZZ_LINUX_SLAB_H */
