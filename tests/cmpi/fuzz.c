/*
 * Damages answers of the daemon in ways that a seed determines, and has the library read them.
 *
 * fuzz SEED TIMES FILE…: each file is the content of an ITEMS frame. The sanitizers say what is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "objects.h"

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

static void read_content(const unsigned char *content, size_t size) {
    /* A block of exactly the content's size, so that one byte too far is found. */
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, content, size);
    const char *properties[] = {"Name", "Text", NULL};
    CMPIArgs *out = make_args();
    struct delivery to = {&broker, make_result(), below(2) ? out : NULL, "root/virt",
                          below(2) ? properties : NULL};
    struct reader reader = {exact, exact + size, false};
    deliver_items(&to, &reader);
    free_objects();
    free(exact);
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
