/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PRINT_H
#define PRINT_H

#include "base.h"

/*
 * Every value goes through here once and comes out as text or, with -j, as
 * JSON: print_begin(), objects, print_end().  @label stands before the value
 * in text, "" leaves it bare; @key names it in JSON.
 */
void print_begin(void);
void print_end(void);

void print_object(void);
void print_object_end(void);
void print_nest(const char *key);
void print_nest_end(void);

/* Text only: what follows goes on a line of its own, @by spaces in. */
void print_newline(unsigned int by);

void print_uint(const char *key, const char *label, u64 val);
void print_uint_as(const char *key, const char *label, u64 val,
		   const char *text);
void print_string(const char *key, const char *label, const char *text);
void print_null(const char *key, const char *label, const char *text);
void print_bool(const char *key, const char *label, int on);

#endif /* PRINT_H */
