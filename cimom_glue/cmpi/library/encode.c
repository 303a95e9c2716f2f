/* From the broker's objects to a request's content. */

#include "objects.h"

const char *text_of(const CMPIString *string) {
    return string == NULL ? NULL : string->ft->getCharPtr(string, NULL);
}

const struct kind kinds[TAG_TYPES] = {
    [TAG_BOOLEAN] = {CMPI_boolean, 1},   [TAG_CHAR16] = {CMPI_char16, 2},     [TAG_UINT8] = {CMPI_uint8, 1},
    [TAG_UINT16] = {CMPI_uint16, 2},     [TAG_UINT32] = {CMPI_uint32, 4},     [TAG_UINT64] = {CMPI_uint64, 8},
    [TAG_SINT8] = {CMPI_sint8, 1},       [TAG_SINT16] = {CMPI_sint16, 2},     [TAG_SINT32] = {CMPI_sint32, 4},
    [TAG_SINT64] = {CMPI_sint64, 8},     [TAG_REAL32] = {CMPI_real32, 4},     [TAG_REAL64] = {CMPI_real64, 8},
    [TAG_STRING] = {CMPI_string, 0},     [TAG_DATETIME] = {CMPI_dateTime, 0}, [TAG_REFERENCE] = {CMPI_ref, 0},
    [TAG_INSTANCE] = {CMPI_instance, 0},
};

static unsigned tag_of(CMPIType type) {
    CMPIType wanted = type == CMPI_chars ? CMPI_string : type;
    unsigned tag = TAG_TYPES - 1;
    while (tag > 0 && kinds[tag].type != wanted) {
        tag--;
    }
    return tag;
}

static bool is_null(CMPIData data) {
    if (data.state & (CMPI_nullValue | CMPI_notFound | CMPI_badValue)) {
        return true;
    }
    /* Every object is a pointer, and a broker may leave it NULL without saying so in the state. */
    bool is_object = (data.type & CMPI_ARRAY) != 0 || data.type >= CMPI_instance;
    return is_object && data.value.inst == NULL;
}

static void write_scalar(struct writer *writer, CMPIType type, const CMPIValue *value, int depth) {
    switch (type) {
    case CMPI_boolean: write_number(writer, value->boolean != 0, 1); break;
    case CMPI_string: write_text(writer, text_of(value->string)); break;
    case CMPI_chars: write_text(writer, value->chars); break;
    case CMPI_dateTime:
        write_text(writer, text_of(value->dateTime->ft->getStringFormat(value->dateTime, NULL)));
        break;
    case CMPI_ref: write_path(writer, value->ref, depth + 1); break;
    case CMPI_instance:
        write_text(writer, NULL);
        write_instance(writer, value->inst, depth + 1);
        break;
    default: /* numbers lie in the union with their own sizes, real ones too */
        switch (kinds[tag_of(type)].bytes) {
        case 1: write_number(writer, value->uint8, 1); break;
        case 2: write_number(writer, value->uint16, 2); break;
        case 4: write_number(writer, value->uint32, 4); break;
        case 8: write_number(writer, value->uint64, 8); break;
        default: writer->failed = true;
        }
    }
}

static void write_array(struct writer *writer, CMPIType type, const CMPIArray *array, int depth) {
    CMPICount count = array->ft->getSize(array, NULL);
    write_number(writer, count, 4);
    for (CMPICount i = 0; i < count && !writer->failed; i++) {
        CMPIData element = array->ft->getElementAt(array, i, NULL);
        /* A string's elements may come as either of its two types. */
        CMPIType own = tag_of(element.type) == tag_of(type) ? element.type : type;
        element.type = own;
        bool absent = is_null(element);
        write_number(writer, !absent, 1);
        if (!absent) {
            write_scalar(writer, own, &element.value, depth);
        }
    }
}

void write_data(struct writer *writer, CMPIData data, int depth) {
    bool array = (data.type & CMPI_ARRAY) != 0;
    CMPIType type = data.type & (CMPIType)~CMPI_ARRAY;
    bool absent = is_null(data);
    /* A NULL may come without a type, and the daemon knows the declared one. */
    unsigned tag = absent && tag_of(type) == 0 ? TAG_STRING : tag_of(type);
    if (tag == 0 || depth > NESTING_MAX) {
        writer->failed = true;
        return;
    }
    write_number(writer, tag | (array ? TAG_ARRAY : 0) | (absent ? TAG_NULL : 0), 1);
    if (absent) {
        return;
    }
    if (array) {
        write_array(writer, type, data.value.array, depth);
    } else {
        write_scalar(writer, type, &data.value, depth);
    }
}

/* Write the `count` keys, properties or arguments of an object, which `get` gives with their names. */
#define WRITE_ENTRIES(writer, object, get, count, depth)                                                     \
    do {                                                                                                     \
        CMPICount entries = (count);                                                                         \
        (writer)->failed |= entries > UINT16_MAX;                                                            \
        write_number(writer, entries, 2);                                                                    \
        for (CMPICount i = 0; i < entries && !(writer)->failed; i++) {                                       \
            CMPIString *name = NULL;                                                                         \
            CMPIData entry = (object)->ft->get(object, i, &name, NULL);                                      \
            write_text(writer, text_of(name));                                                               \
            write_data(writer, entry, depth);                                                                \
        }                                                                                                    \
    } while (0)

void write_path(struct writer *writer, const CMPIObjectPath *path, int depth) {
    write_text(writer, text_of(path->ft->getNameSpace(path, NULL)));
    write_text(writer, text_of(path->ft->getClassName(path, NULL)));
    WRITE_ENTRIES(writer, path, getKeyAt, path->ft->getKeyCount(path, NULL), depth);
}

void write_instance(struct writer *writer, const CMPIInstance *instance, int depth) {
    CMPIObjectPath *path = instance->ft->getObjectPath(instance, NULL);
    if (path == NULL || depth > NESTING_MAX) {
        writer->failed = true;
        return;
    }
    write_path(writer, path, depth);
    WRITE_ENTRIES(writer, instance, getPropertyAt, instance->ft->getPropertyCount(instance, NULL), depth);
}

void write_args(struct writer *writer, const CMPIArgs *args) {
    WRITE_ENTRIES(writer, args, getArgAt, args == NULL ? 0 : args->ft->getArgCount(args, NULL), 0);
}

/* A list of names that ends with NULL; none at all is told from an empty one. */
void write_names(struct writer *writer, const char **names) {
    write_number(writer, names != NULL, 1);
    if (names == NULL) {
        return;
    }
    size_t at = writer->size;
    uint16_t count = 0;
    write_number(writer, 0, 2);
    for (; names[count] != NULL && count < UINT16_MAX; count++) {
        write_text(writer, names[count]);
    }
    patch_number(writer, at, count, 2);
}
