/*
 * Frames: how a call and its answer travel between this library and the daemon. Writing and reading
 * of their parts, bounded; no sockets, no CIMOM.
 *
 * Source: docs/reference/cmpi-protocol.md.
 */
#ifndef XENCIM_FRAME_H
#define XENCIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 2
#define HEADER_BYTES 8
#define FRAME_MAX_BYTES (8u * 1024 * 1024) /* as large as the embedded server's largest request */
#define NESTING_MAX 8                      /* references in keys, instances in instances */

enum frame_kind {
    FRAME_REQUEST = 1,
    FRAME_ITEMS = 2,
    FRAME_DONE = 3,
    FRAME_ERROR = 4,
    FRAME_SUBSCRIBE = 5,
    FRAME_POSITION = 6,
    FRAME_EVENT = 7,
    FRAME_ALIVE = 8,
    FRAME_SEEN = 9,
    FRAME_END = 10
};

enum item_kind { ITEM_INSTANCE = 1, ITEM_PATH = 2, ITEM_VALUE = 3, ITEM_OUT = 4 };

enum operation {
    OP_ENUMERATE_NAMES = 1,
    OP_ENUMERATE = 2,
    OP_GET = 3,
    OP_CREATE = 4,
    OP_MODIFY = 5,
    OP_DELETE = 6,
    OP_QUERY = 7,
    OP_ASSOCIATORS = 8,
    OP_ASSOCIATOR_NAMES = 9,
    OP_REFERENCES = 10,
    OP_REFERENCE_NAMES = 11,
    OP_INVOKE = 12,
    OP_WATCH = 13
};

/* A value's tag: its type, and whether it is an array or NULL. */
enum tag {
    TAG_BOOLEAN = 1,
    TAG_CHAR16 = 2,
    TAG_UINT8 = 3,
    TAG_UINT16 = 4,
    TAG_UINT32 = 5,
    TAG_UINT64 = 6,
    TAG_SINT8 = 7,
    TAG_SINT16 = 8,
    TAG_SINT32 = 9,
    TAG_SINT64 = 10,
    TAG_REAL32 = 11,
    TAG_REAL64 = 12,
    TAG_STRING = 13,
    TAG_DATETIME = 14,
    TAG_REFERENCE = 15,
    TAG_INSTANCE = 16,
    TAG_TYPES = 17,
    TAG_NULL = 0x40,
    TAG_ARRAY = 0x80
};

/* A frame being written; what does not fit or find memory is remembered in `failed`. */
struct writer {
    unsigned char *data;
    size_t size;
    size_t capacity;
    bool failed;
};

void write_bytes(struct writer *, const void *, size_t);
void write_number(struct writer *, uint64_t, size_t bytes);
void write_text(struct writer *, const char *);
void patch_number(struct writer *, size_t at, uint64_t, size_t bytes);
void begin_frame(struct writer *, enum frame_kind);
void end_frame(struct writer *);
void drop_frame(struct writer *);

/* A frame's content being read; what is cut off or malformed is remembered in `failed`. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

struct header {
    uint32_t length;
    uint8_t version;
    uint8_t kind;
};

struct header read_header(const unsigned char *);
uint64_t read_number(struct reader *, size_t bytes);
const char *read_text(struct reader *);

#endif
