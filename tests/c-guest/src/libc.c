/* All the libc that this guest needs. Nothing is ever freed: every call runs in
 * a fresh store, which is dropped afterwards. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern unsigned char __heap_base;
static uintptr_t next;

_Noreturn void abort(void) { __builtin_trap(); }

void *malloc(size_t size) {
    if (next == 0) next = (uintptr_t)&__heap_base;
    /* The size stands in front, for realloc. */
    uintptr_t at = (next + 15) & ~(uintptr_t)7;
    size_t limit = __builtin_wasm_memory_size(0) << 16;
    if (size > (size_t)1 << 30) abort();
    if (at + size > limit) {
        size_t pages = (at + size - limit + 0xffff) >> 16;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) abort();
    }
    ((size_t *)at)[-1] = size;
    next = at + size;
    return (void *)at;
}

void *realloc(void *old, size_t size) {
    if (old == NULL) return malloc(size);
    size_t before = ((size_t *)old)[-1];
    if (size <= before) return old;
    void *moved = malloc(size);
    memcpy(moved, old, before);
    return moved;
}

void free(void *memory) { (void)memory; }

void *memcpy(void *to, const void *from, size_t count) {
    unsigned char *a = to;
    const unsigned char *b = from;
    while (count--) *a++ = *b++;
    return to;
}

void *memset(void *at, int byte, size_t count) {
    unsigned char *a = at;
    while (count--) *a++ = (unsigned char)byte;
    return at;
}

int memcmp(const void *a, const void *b, size_t count) {
    const unsigned char *x = a, *y = b;
    for (; count; count--, x++, y++)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}
