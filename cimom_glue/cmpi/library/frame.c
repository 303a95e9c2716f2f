/* Numbers are little-endian; text is UTF-8 with its length before and a NUL after it. */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#define NO_TEXT UINT32_MAX
#define FIRST_BYTES 1024

static bool make_room(struct writer *writer, size_t bytes) {
    if (writer->failed || bytes > HEADER_BYTES + FRAME_MAX_BYTES - writer->size) {
        writer->failed = true;
        return false;
    }
    size_t wanted = writer->size + bytes;
    if (wanted <= writer->capacity) {
        return true;
    }
    size_t capacity = writer->capacity ? writer->capacity : FIRST_BYTES;
    while (capacity < wanted) {
        capacity *= 2;
    }
    unsigned char *data = realloc(writer->data, capacity);
    if (data == NULL) {
        writer->failed = true;
        return false;
    }
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

void write_bytes(struct writer *writer, const void *bytes, size_t size) {
    if (make_room(writer, size)) {
        memcpy(writer->data + writer->size, bytes, size);
        writer->size += size;
    }
}

static void put_number(unsigned char *at, uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(number >> (8 * i));
    }
}

void write_number(struct writer *writer, uint64_t number, size_t bytes) {
    unsigned char encoded[8];
    put_number(encoded, number, bytes);
    write_bytes(writer, encoded, bytes);
}

void write_text(struct writer *writer, const char *text) {
    if (text == NULL) {
        write_number(writer, NO_TEXT, 4);
        return;
    }
    size_t length = strlen(text);
    if (length > FRAME_MAX_BYTES) {
        writer->failed = true;
        return;
    }
    write_number(writer, length, 4);
    write_bytes(writer, text, length + 1);
}

void patch_number(struct writer *writer, size_t at, uint64_t number, size_t bytes) {
    if (!writer->failed) {
        put_number(writer->data + at, number, bytes);
    }
}

void begin_frame(struct writer *writer, enum frame_kind kind) {
    write_number(writer, 0, 4);
    write_number(writer, PROTOCOL_VERSION, 1);
    write_number(writer, kind, 1);
    write_number(writer, 0, 2);
}

void end_frame(struct writer *writer) {
    patch_number(writer, 0, writer->size - HEADER_BYTES, 4);
}

void drop_frame(struct writer *writer) {
    free(writer->data);
    *writer = (struct writer){0};
}

static uint64_t get_number(const unsigned char *at, size_t bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

struct header read_header(const unsigned char *at) {
    return (struct header){(uint32_t)get_number(at, 4), at[4], at[5]};
}

uint64_t read_number(struct reader *reader, size_t bytes) {
    if (reader->failed || (size_t)(reader->end - reader->at) < bytes) {
        reader->failed = true;
        return 0;
    }
    uint64_t number = get_number(reader->at, bytes);
    reader->at += bytes;
    return number;
}

/* The text stays where it is, in the frame; NULL stands for no text, or for a malformed one. */
const char *read_text(struct reader *reader) {
    uint32_t length = (uint32_t)read_number(reader, 4);
    if (reader->failed || length == NO_TEXT) {
        return NULL;
    }
    const unsigned char *text = reader->at;
    if ((size_t)(reader->end - text) <= length || text[length] != 0 || memchr(text, 0, length) != NULL) {
        reader->failed = true;
        return NULL;
    }
    reader->at += (size_t)length + 1;
    return (const char *)text;
}
