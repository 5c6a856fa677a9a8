/* See json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define DEEPEST 64

typedef struct {
    const uint8_t *at, *end;
} reader;

text lit(const char *words) {
    text made = {(uint8_t *)words, strlen(words)};
    return made;
}

bool same(text a, text b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

static void blanks(reader *from) {
    while (from->at < from->end && (*from->at == ' ' || *from->at == '\n' || *from->at == '\r' || *from->at == '\t'))
        from->at++;
}

static bool word(reader *from, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(from->end - from->at) < length || memcmp(from->at, word, length) != 0) return false;
    from->at += length;
    return true;
}

static value *made(type type) {
    value *one = malloc(sizeof *one);
    memset(one, 0, sizeof *one);
    one->type = type;
    return one;
}

static bool hex(reader *from, uint32_t *code) {
    *code = 0;
    if (from->end - from->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        uint8_t c = *from->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9') digit = c - '0';
        else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        else return false;
        *code = *code << 4 | digit;
    }
    return true;
}

static size_t utf8(uint8_t *to, uint32_t code) {
    if (code < 0x80) return to[0] = (uint8_t)code, 1;
    if (code < 0x800) return to[0] = 0xc0 | code >> 6, to[1] = 0x80 | (code & 63), 2;
    if (code < 0x10000)
        return to[0] = 0xe0 | code >> 12, to[1] = 0x80 | (code >> 6 & 63), to[2] = 0x80 | (code & 63), 3;
    return to[0] = 0xf0 | code >> 18, to[1] = 0x80 | (code >> 12 & 63), to[2] = 0x80 | (code >> 6 & 63),
           to[3] = 0x80 | (code & 63), 4;
}

static bool quoted(reader *from, text *found) {
    if (!word(from, "\"")) return false;
    const uint8_t *end = from->at;
    while (end < from->end && *end != '"') end += *end == '\\' ? 2 : 1;
    if (end >= from->end) return false;
    uint8_t *out = malloc((size_t)(end - from->at) + 4);
    size_t length = 0;
    while (from->at < end) {
        uint8_t c = *from->at++;
        if (c != '\\') {
            if (c < 0x20) return false;
            out[length++] = c;
            continue;
        }
        uint32_t code, low;
        switch (*from->at++) {
        case '"': out[length++] = '"'; break;
        case '\\': out[length++] = '\\'; break;
        case '/': out[length++] = '/'; break;
        case 'b': out[length++] = '\b'; break;
        case 'f': out[length++] = '\f'; break;
        case 'n': out[length++] = '\n'; break;
        case 'r': out[length++] = '\r'; break;
        case 't': out[length++] = '\t'; break;
        case 'u':
            if (!hex(from, &code)) return false;
            if (code >= 0xd800 && code < 0xdc00) {
                if (!word(from, "\\u") || !hex(from, &low) || low < 0xdc00 || low > 0xdfff) return false;
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            } else if (code >= 0xdc00 && code <= 0xdfff) {
                return false;
            }
            length += utf8(out + length, code);
            break;
        default: return false;
        }
    }
    from->at = end + 1;
    found->ptr = out;
    found->len = length;
    return true;
}

static value *any(reader *from, int depth);

static value *list(reader *from, int depth, type kind, uint8_t close) {
    value *whole = made(kind), **last = &whole->child;
    from->at++;
    blanks(from);
    if (from->at < from->end && *from->at == close) {
        from->at++;
        return whole;
    }
    for (;;) {
        text key = {0};
        blanks(from);
        if (kind == OBJECT) {
            if (!quoted(from, &key)) return NULL;
            blanks(from);
            if (!word(from, ":")) return NULL;
        }
        value *one = any(from, depth + 1);
        if (one == NULL) return NULL;
        one->key = key;
        *last = one;
        last = &one->next;
        blanks(from);
        if (from->at >= from->end) return NULL;
        uint8_t c = *from->at++;
        if (c == close) return whole;
        if (c != ',') return NULL;
    }
}

static value *any(reader *from, int depth) {
    blanks(from);
    if (depth > DEEPEST || from->at >= from->end) return NULL;
    uint8_t c = *from->at;
    if (c == '{') return list(from, depth, OBJECT, '}');
    if (c == '[') return list(from, depth, ARRAY, ']');
    if (c == '"') {
        value *one = made(STRING);
        return quoted(from, &one->text) ? one : NULL;
    }
    if (word(from, "null")) return made(NOTHING);
    if (word(from, "true") || word(from, "false")) {
        value *one = made(BOOL);
        one->truth = c == 't';
        return one;
    }
    const uint8_t *start = from->at;
    while (from->at < from->end && (*from->at == '-' || *from->at == '+' || *from->at == '.' || *from->at == 'e' ||
                                    *from->at == 'E' || (*from->at >= '0' && *from->at <= '9')))
        from->at++;
    if (from->at == start) return NULL;
    value *one = made(NUMBER);
    one->text.ptr = (uint8_t *)start;
    one->text.len = (size_t)(from->at - start);
    return one;
}

value *parse(text source) {
    reader from = {source.ptr, source.ptr + source.len};
    value *whole = any(&from, 0);
    blanks(&from);
    return from.at == from.end ? whole : NULL;
}

value *field(value *object, const char *name) {
    if (object == NULL || object->type != OBJECT) return NULL;
    text wanted = lit(name);
    for (value *one = object->child; one; one = one->next)
        if (same(one->key, wanted)) return one;
    return NULL;
}

text string_of(value *found) {
    text empty = {(uint8_t *)"", 0};
    return found != NULL && found->type == STRING ? found->text : empty;
}

bool number_of(value *found, uint64_t *number) {
    if (found == NULL || found->type != NUMBER || found->text.len > 18) return false;
    *number = 0;
    for (size_t i = 0; i < found->text.len; i++) {
        uint8_t c = found->text.ptr[i];
        if (c < '0' || c > '9') return false;
        *number = *number * 10 + (c - '0');
    }
    return true;
}

void put(buffer *to, text more) {
    if (to->length + more.len > to->room) {
        to->room = (to->length + more.len) * 2 + 64;
        to->bytes = realloc(to->bytes, to->room);
    }
    memcpy(to->bytes + to->length, more.ptr, more.len);
    to->length += more.len;
}

void put_text(buffer *to, const char *more) { put(to, lit(more)); }

void put_number(buffer *to, uint64_t number) {
    uint8_t digits[20];
    size_t at = sizeof digits;
    do digits[--at] = '0' + number % 10;
    while (number /= 10);
    text made = {digits + at, sizeof digits - at};
    put(to, made);
}

void put_string(buffer *to, text more) {
    static const char *const HEX = "0123456789abcdef";
    put_text(to, "\"");
    for (size_t i = 0; i < more.len; i++) {
        uint8_t c = more.ptr[i];
        text one = {more.ptr + i, 1};
        if (c == '"' || c == '\\') put_text(to, "\\");
        if (c < 0x20) {
            uint8_t code[6] = {'\\', 'u', '0', '0', (uint8_t)HEX[c >> 4], (uint8_t)HEX[c & 15]};
            one.ptr = code, one.len = sizeof code;
            put(to, one);
        } else {
            put(to, one);
        }
    }
    put_text(to, "\"");
}

text done(buffer *from) {
    text made = {from->bytes, from->length};
    return made;
}
