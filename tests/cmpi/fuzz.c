/*
 * Damages answers of the daemon in ways that a seed determines, and has the library read them.
 *
 * fuzz SEED TIMES FILE…: the first byte of a file says how the rest is read (see read_content). The
 * sanitizers say what is wrong. Compiled with LIBFUZZER defined, libFuzzer does the damage.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"
#include "connection.h"
#include "objects.h"

enum { AS_ITEMS, AS_ITEMS_OF_A_METHOD, AS_EVENT, AS_FRAMES, WAYS };

static void read_items(const unsigned char *content, size_t size, bool of_method) {
    const char *properties[] = {"Name", "Text", NULL};
    struct delivery to = {.broker = &broker, .result = make_result(), .namespace = "root/virt"};
    to.out = of_method ? make_args() : NULL;
    to.properties = of_method ? NULL : properties;
    struct reader reader = {content, content + size, false};
    deliver_items(&to, &reader);
}

static void read_one_event(const unsigned char *content, size_t size) {
    struct reader reader = {content, content + size, false};
    const char *namespace = NULL;
    CMPIInstance *event = read_event(&broker, &reader, &namespace);
    if (event != NULL) {
        event->ft->release(event);
    }
}

/* A connection on which just this has come. */
static void read_frames(const unsigned char *content, size_t size) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) {
        abort();
    }
    ssize_t sent = send(ends[0], content, size, MSG_NOSIGNAL);
    close(ends[0]);
    struct connection connection = {.fd = ends[1]};
    struct header header;
    struct reader reader;
    while (sent == (ssize_t)size &&
           receive_frame(&connection, &header, &reader, now_ms() + 1000) == OUTCOME_DONE) {
        if (header.kind == FRAME_ITEMS) {
            read_items(reader.at, header.length, false);
        } else {
            read_number(&reader, 8);
            read_text(&reader);
        }
    }
    connection_close(&connection);
}

static void read_content(const unsigned char *content, size_t size) {
    if (size == 0) {
        return;
    }
    /* A block of exactly the content's size, so that one byte too far is found. */
    unsigned char way = content[0] % WAYS;
    unsigned char *exact = malloc(size > 1 ? size - 1 : 1);
    memcpy(exact, content + 1, size - 1);
    switch (way) {
    case AS_EVENT: read_one_event(exact, size - 1); break;
    case AS_FRAMES: read_frames(exact, size - 1); break;
    default: read_items(exact, size - 1, way == AS_ITEMS_OF_A_METHOD);
    }
    free_objects();
    free(exact);
}

#ifdef LIBFUZZER

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int LLVMFuzzerTestOneInput(const unsigned char *content, size_t size) {
    if (output == NULL) {
        output = fopen("/dev/null", "w");
    }
    read_content(content, size);
    return 0;
}

#else

static uint64_t state;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t limit) {
    return limit == 0 ? 0 : (size_t)(next() % limit);
}

/* Numbers that lengths and tags may be wrong by. */
static const unsigned char telling[] = {0,    1,    2,    0x0f, 0x10, 0x11, 0x40,
                                        0x7f, 0x80, 0x8d, 0x90, 0xc0, 0xfe, 0xff};

static size_t damage(unsigned char *content, size_t size) {
    for (size_t count = below(6) + 1; count > 0 && size > 0; count--) {
        size_t at = below(size);
        size_t length = below(size - at);
        size_t from = below(size - length);
        switch (below(5)) {
        case 0: content[at] = (unsigned char)next(); break;
        case 1: content[at] = telling[below(sizeof telling)]; break;
        case 2: content[at] ^= (unsigned char)(1u << below(8)); break;
        case 3: memmove(content + at, content + from, length); break;
        default: size = at; break;
        }
    }
    return size;
}

static unsigned char *load(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *content = malloc(*size + 1);
    if (fread(content, 1, *size, file) != *size) {
        exit(2);
    }
    fclose(file);
    return content;
}

int main(int count, char **arguments) {
    state = strtoull(arguments[1], NULL, 10) * 2 + 1;
    long times = strtol(arguments[2], NULL, 10);
    output = fopen("/dev/null", "w");
    for (int i = 3; i < count; i++) {
        size_t size = 0;
        unsigned char *content = load(arguments[i], &size);
        unsigned char *damaged = malloc(size + 1);
        for (long turn = 0; turn < times; turn++) {
            memcpy(damaged, content, size);
            read_content(damaged, turn == 0 ? size : damage(damaged, size));
        }
        free(damaged);
        free(content);
    }
    fclose(output);
    return 0;
}

#endif
