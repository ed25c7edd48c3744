/* SPDX-License-Identifier: GPL-2.0 */
/* What a libFuzzer target stops at. */
#ifndef _FUZZ_REQUIRE_H
#define _FUZZ_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define require(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,	\
			#cond);						\
		abort();						\
	}								\
} while (0)

#endif /* _FUZZ_REQUIRE_H */
