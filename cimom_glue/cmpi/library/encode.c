/* From the broker's objects to a request's content. */
#include <string.h>

#include "objects.h"

const char *text_of(const CMPIString *string) {
    return string == NULL ? NULL : string->ft->getCharPtr(string, NULL);
}

static int tag_of(CMPIType type) {
    switch (type) {
    case CMPI_boolean: return TAG_BOOLEAN;
    case CMPI_char16: return TAG_CHAR16;
    case CMPI_uint8: return TAG_UINT8;
    case CMPI_uint16: return TAG_UINT16;
    case CMPI_uint32: return TAG_UINT32;
    case CMPI_uint64: return TAG_UINT64;
    case CMPI_sint8: return TAG_SINT8;
    case CMPI_sint16: return TAG_SINT16;
    case CMPI_sint32: return TAG_SINT32;
    case CMPI_sint64: return TAG_SINT64;
    case CMPI_real32: return TAG_REAL32;
    case CMPI_real64: return TAG_REAL64;
    case CMPI_string:
    case CMPI_chars: return TAG_STRING;
    case CMPI_dateTime: return TAG_DATETIME;
    case CMPI_ref: return TAG_REFERENCE;
    case CMPI_instance: return TAG_INSTANCE;
    default: return 0;
    }
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
    uint32_t bits;
    uint64_t wide;
    switch (type) {
    case CMPI_boolean: write_number(writer, value->boolean != 0, 1); break;
    case CMPI_uint8:
    case CMPI_sint8: write_number(writer, value->uint8, 1); break;
    case CMPI_char16:
    case CMPI_uint16:
    case CMPI_sint16: write_number(writer, value->uint16, 2); break;
    case CMPI_uint32:
    case CMPI_sint32: write_number(writer, value->uint32, 4); break;
    case CMPI_uint64:
    case CMPI_sint64: write_number(writer, value->uint64, 8); break;
    case CMPI_real32:
        memcpy(&bits, &value->real32, sizeof bits);
        write_number(writer, bits, 4);
        break;
    case CMPI_real64:
        memcpy(&wide, &value->real64, sizeof wide);
        write_number(writer, wide, 8);
        break;
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
    default: writer->failed = true;
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
    int tag = absent && tag_of(type) == 0 ? TAG_STRING : tag_of(type);
    if (tag == 0 || depth > NESTING_MAX) {
        writer->failed = true;
        return;
    }
    write_number(writer, (uint64_t)tag | (array ? TAG_ARRAY : 0) | (absent ? TAG_NULL : 0), 1);
    if (absent) {
        return;
    }
    if (array) {
        write_array(writer, type, data.value.array, depth);
    } else {
        write_scalar(writer, type, &data.value, depth);
    }
}

void write_path(struct writer *writer, const CMPIObjectPath *path, int depth) {
    write_text(writer, text_of(path->ft->getNameSpace(path, NULL)));
    write_text(writer, text_of(path->ft->getClassName(path, NULL)));
    CMPICount count = path->ft->getKeyCount(path, NULL);
    if (count > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    write_number(writer, count, 2);
    for (CMPICount i = 0; i < count && !writer->failed; i++) {
        CMPIString *name = NULL;
        CMPIData key = path->ft->getKeyAt(path, i, &name, NULL);
        write_text(writer, text_of(name));
        write_data(writer, key, depth);
    }
}

void write_instance(struct writer *writer, const CMPIInstance *instance, int depth) {
    CMPIObjectPath *path = instance->ft->getObjectPath(instance, NULL);
    if (path == NULL || depth > NESTING_MAX) {
        writer->failed = true;
        return;
    }
    write_path(writer, path, depth);
    CMPICount count = instance->ft->getPropertyCount(instance, NULL);
    if (count > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    write_number(writer, count, 2);
    for (CMPICount i = 0; i < count && !writer->failed; i++) {
        CMPIString *name = NULL;
        CMPIData property = instance->ft->getPropertyAt(instance, i, &name, NULL);
        write_text(writer, text_of(name));
        write_data(writer, property, depth);
    }
}

void write_args(struct writer *writer, const CMPIArgs *args) {
    CMPICount count = args == NULL ? 0 : args->ft->getArgCount(args, NULL);
    if (count > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    write_number(writer, count, 2);
    for (CMPICount i = 0; i < count && !writer->failed; i++) {
        CMPIString *name = NULL;
        CMPIData argument = args->ft->getArgAt(args, i, &name, NULL);
        write_text(writer, text_of(name));
        write_data(writer, argument, 0);
    }
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
