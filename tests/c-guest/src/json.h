/* JSON: read into a tree, written into a buffer. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

typedef plugin_string_t text;

typedef enum { NOTHING, BOOL, NUMBER, STRING, ARRAY, OBJECT } type;

typedef struct value {
    type type;
    /* Of a string decoded, of a number as it stands. */
    text text;
    bool truth;
    text key;
    struct value *child, *next;
} value;

/* NULL where it is not JSON, or nested deeper than anything honest. */
value *parse(text source);
/* A field of an object; NULL where there is none. */
value *field(value *object, const char *name);
/* The text of a string; empty for anything else. */
text string_of(value *found);
/* A whole number that is not negative. */
bool number_of(value *found, uint64_t *number);

typedef struct {
    uint8_t *bytes;
    size_t length, room;
} buffer;

void put(buffer *to, text more);
void put_text(buffer *to, const char *more);
void put_number(buffer *to, uint64_t number);
/* With quotes and escapes. */
void put_string(buffer *to, text more);
text done(buffer *from);

text lit(const char *words);
bool same(text a, text b);
