/* The part of a libc that the generated bindings call. See src/libc.c. */
#pragma once
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t count);
void *memset(void *at, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
