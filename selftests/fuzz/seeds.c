// SPDX-License-Identifier: GPL-2.0
/* Writes the test vectors into a directory, as the codec's first inputs. */
#include <stdio.h>

#include "../unit/vectors.h"

int main(int argc, char **argv)
{
	char path[256];
	u32 len, i;
	FILE *f;
	u8 *buf;

	for (i = 0; argc == 2 && i < ARRAY_SIZE(vectors); i++) {
		buf = unhex(vectors[i].hex, &len);
		snprintf(path, sizeof(path), "%s/vector-%u", argv[1], i);
		f = fopen(path, "w");
		if (!f)
			return 1;
		/* All of it is at hand. */
		fputc(255, f);
		fwrite(buf, 1, len, f);
		free(buf);
		if (fclose(f))
			return 1;
	}
	return argc != 2;
}
