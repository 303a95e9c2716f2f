/* What a test sees: values as text, and a result that writes what it is given. */
#include "broker.h"

static void print_entries(const struct object *object) {
    fputc('{', output);
    for (size_t i = 0; i < object->count; i++) {
        fprintf(output, "%s%s=", i ? "," : "", object->entries[i].name);
        print_data(object->entries[i].data);
    }
    fputc('}', output);
}

static void print_path(const CMPIObjectPath *path) {
    const struct object *object = path->hdl;
    fprintf(output, "%s:%s", object->namespace ? object->namespace : "-", object->text);
    print_entries(object);
}

static void print_instance(const CMPIInstance *instance) {
    const struct object *object = instance->hdl;
    fprintf(output, "instance of %s", object->text);
    print_entries(object);
}

static void print_scalar(CMPIType type, CMPIValue value) {
    switch (type) {
    case CMPI_boolean: fprintf(output, "boolean %d", value.boolean); break;
    case CMPI_char16: fprintf(output, "char16 %u", value.char16); break;
    case CMPI_uint8: fprintf(output, "uint8 %u", value.uint8); break;
    case CMPI_uint16: fprintf(output, "uint16 %u", value.uint16); break;
    case CMPI_uint32: fprintf(output, "uint32 %u", value.uint32); break;
    case CMPI_uint64: fprintf(output, "uint64 %llu", (unsigned long long)value.uint64); break;
    case CMPI_sint8: fprintf(output, "sint8 %d", value.sint8); break;
    case CMPI_sint16: fprintf(output, "sint16 %d", value.sint16); break;
    case CMPI_sint32: fprintf(output, "sint32 %d", value.sint32); break;
    case CMPI_sint64: fprintf(output, "sint64 %lld", (long long)value.sint64); break;
    case CMPI_real32: fprintf(output, "real32 %.9g", (double)value.real32); break;
    case CMPI_real64: fprintf(output, "real64 %.17g", value.real64); break;
    case CMPI_string: fprintf(output, "\"%s\"", string_text(value.string, NULL)); break;
    case CMPI_dateTime:
        fprintf(output, "datetime %s", ((const struct object *)value.dateTime->hdl)->text);
        break;
    case CMPI_ref:
        fprintf(output, "ref ");
        print_path(value.ref);
        break;
    case CMPI_instance: print_instance(value.inst); break;
    default: fprintf(output, "type %#x", type);
    }
}

void print_data(CMPIData data) {
    CMPIType type = data.type & (CMPIType)~CMPI_ARRAY;
    if (data.state & CMPI_nullValue) {
        fprintf(output, data.type & CMPI_ARRAY ? "NULL[] %#x" : "NULL %#x", type);
    } else if (data.type & CMPI_ARRAY) {
        const struct object *array = data.value.array->hdl;
        fputc('[', output);
        for (size_t i = 0; i < array->count; i++) {
            fputs(i ? "," : "", output);
            print_data(array->entries[i].data);
        }
        fputc(']', output);
    } else {
        print_scalar(type, data.value);
    }
}

void print_args(const CMPIArgs *args) {
    print_entries(args->hdl);
    fputc('\n', output);
}

static CMPIStatus return_data(const CMPIResult *result, const CMPIValue *value, CMPIType type) {
    (void)result;
    fputs("value ", output);
    if (type == CMPI_chars) {
        fprintf(output, "\"%s\"", (const char *)value);
    } else {
        print_data((CMPIData){type, value == NULL ? CMPI_nullValue : CMPI_goodValue,
                              value == NULL ? (CMPIValue){0} : *value});
    }
    fputc('\n', output);
    return ok;
}

static CMPIStatus return_instance(const CMPIResult *result, const CMPIInstance *instance) {
    (void)result;
    print_instance(instance);
    fputc('\n', output);
    return ok;
}

static CMPIStatus return_path(const CMPIResult *result, const CMPIObjectPath *path) {
    (void)result;
    fputs("path ", output);
    print_path(path);
    fputc('\n', output);
    return ok;
}

static CMPIStatus return_done(const CMPIResult *result) {
    (void)result;
    fputs("done\n", output);
    return ok;
}

static CMPIResultFT result_functions = {100,         NULL,       NULL, return_data, return_instance,
                                        return_path, return_done};

CMPIResult *make_result(void) {
    struct object *object = make();
    object->as.result = (CMPIResult){object, &result_functions};
    return &object->as.result;
}
