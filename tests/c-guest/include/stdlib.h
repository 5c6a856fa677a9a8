/* The part of a libc that the generated bindings call. See src/libc.c. */
#pragma once
#include <stddef.h>
void *malloc(size_t size);
void *realloc(void *old, size_t size);
void free(void *memory);
_Noreturn void abort(void);
