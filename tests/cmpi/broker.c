#include "broker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Thread_local FILE *output;
const char *string_only_property = "";

static _Thread_local struct object *objects;

static char *copy(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

struct object *make(void) {
    struct object *object = calloc(1, sizeof *object);
    object->next = objects;
    if (objects != NULL) {
        objects->previous = object;
    }
    objects = object;
    return object;
}

/* What an object holds is its own, and goes with it; the rest goes when the call ends. */
static void disown(struct object *object) {
    if (object->previous != NULL) {
        object->previous->next = object->next;
    } else if (objects == object) {
        objects = object->next;
    }
    if (object->next != NULL) {
        object->next->previous = object->previous;
    }
    object->previous = object->next = NULL;
}

static bool is_object(CMPIType type) {
    return (type & CMPI_ARRAY) != 0 || type >= CMPI_instance;
}

static void destroy(struct object *object) {
    disown(object);
    for (size_t i = 0; i < object->count; i++) {
        CMPIData data = object->entries[i].data;
        free(object->entries[i].name);
        if (data.state == CMPI_goodValue && is_object(data.type)) {
            destroy(data.value.inst->hdl);
        }
    }
    for (size_t i = 0; object->filter != NULL && object->filter[i] != NULL; i++) {
        free(object->filter[i]);
    }
    free(object->filter);
    free(object->entries);
    free(object->text);
    free(object->namespace);
    free(object);
}

void free_objects(void) {
    while (objects != NULL) {
        destroy(objects);
    }
}

size_t count_objects(void) {
    size_t count = 0;
    for (struct object *object = objects; object != NULL; object = object->next) {
        count++;
    }
    return count;
}

static void put_status(CMPIStatus *status, CMPIrc rc) {
    if (status != NULL) {
        *status = (CMPIStatus){rc, NULL};
    }
}

/* Values are deep copies, so that a provider may release what it has handed over. */
static CMPIValue copy_value(const CMPIValue *value, CMPIType type);

static struct object *copy_object(const void *handle) {
    const struct object *from = handle;
    struct object *to = make();
    disown(to);
    *to = *from;
    to->previous = to->next = NULL;
    to->text = copy(from->text);
    to->namespace = copy(from->namespace);
    to->filter = NULL;
    to->entries = calloc(from->count + 1, sizeof *to->entries);
    for (size_t i = 0; i < from->count; i++) {
        to->entries[i] = from->entries[i];
        to->entries[i].name = copy(from->entries[i].name);
        if (from->entries[i].data.state == CMPI_goodValue) {
            to->entries[i].data.value = copy_value(&from->entries[i].data.value, from->entries[i].data.type);
        }
    }
    to->as.string.hdl = to;
    return to;
}

static CMPIValue copy_value(const CMPIValue *value, CMPIType type) {
    CMPIValue copied = *value;
    if (is_object(type)) {
        copied.inst = (CMPIInstance *)copy_object(value->inst);
    }
    return copied;
}

static CMPIString *new_string(const CMPIBroker *, const char *, CMPIStatus *);

static CMPIData make_data(const CMPIValue *value, CMPIType type) {
    CMPIData data = {type == CMPI_chars ? CMPI_string : type, CMPI_goodValue, {0}};
    if (value == NULL) {
        data.state = CMPI_nullValue;
    } else if (type == CMPI_chars) {
        data.value.string = new_string(&broker, (const char *)value, NULL);
        disown(data.value.string->hdl);
    } else {
        data.value = copy_value(value, type);
    }
    return data;
}

static void set_entry(struct object *object, const char *name, CMPIData data) {
    for (size_t i = 0; i < object->count; i++) {
        if (object->entries[i].name != NULL && strcasecmp(object->entries[i].name, name) == 0) {
            CMPIData old = object->entries[i].data;
            if (old.state == CMPI_goodValue && is_object(old.type)) {
                destroy(old.value.inst->hdl);
            }
            object->entries[i].data = data;
            return;
        }
    }
    object->entries = realloc(object->entries, (object->count + 1) * sizeof *object->entries);
    object->entries[object->count++] = (struct entry){copy(name), data};
}

static CMPIData entry_at(const struct object *object, CMPICount at, CMPIString **name, CMPIStatus *status) {
    if (at >= object->count) {
        put_status(status, CMPI_RC_ERR_NO_SUCH_PROPERTY);
        return (CMPIData){0, CMPI_notFound, {0}};
    }
    put_status(status, CMPI_RC_OK);
    if (name != NULL) {
        *name = new_string(&broker, object->entries[at].name, NULL);
    }
    return object->entries[at].data;
}

static CMPIData entry_named(const struct object *object, const char *name, CMPIStatus *status) {
    for (CMPICount i = 0; i < object->count; i++) {
        if (strcasecmp(object->entries[i].name, name) == 0) {
            return entry_at(object, i, NULL, status);
        }
    }
    put_status(status, CMPI_RC_ERR_NOT_FOUND);
    return (CMPIData){0, CMPI_notFound, {0}};
}

#define RELEASE(name, type)                                                                                  \
    static CMPIStatus name(type *it) {                                                                       \
        destroy((struct object *)it->hdl);                                                                   \
        return ok;                                                                                           \
    }
RELEASE(release_string, CMPIString)
RELEASE(release_date, CMPIDateTime)
RELEASE(release_array, CMPIArray)
RELEASE(release_path, CMPIObjectPath)
RELEASE(release_instance, CMPIInstance)
RELEASE(release_args, CMPIArgs)

/* Strings and dates. */

const char *string_text(const CMPIString *string, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return ((const struct object *)string->hdl)->text;
}

static CMPIStringFT string_functions = {100, release_string, NULL, string_text};

static CMPIString *new_string(const CMPIBroker *of, const char *text, CMPIStatus *status) {
    (void)of;
    struct object *object = make();
    object->text = copy(text);
    object->as.string = (CMPIString){object, &string_functions};
    put_status(status, CMPI_RC_OK);
    return &object->as.string;
}

static CMPIString *date_text(const CMPIDateTime *date, CMPIStatus *status) {
    return new_string(&broker, ((const struct object *)date->hdl)->text, status);
}

static CMPIDateTimeFT date_functions = {
    .ftVersion = 100, .release = release_date, .getStringFormat = date_text};

static CMPIDateTime *new_date(const CMPIBroker *of, const char *text, CMPIStatus *status) {
    (void)of;
    if (strlen(text) != 25 || strchr(text, '*') != NULL) {
        put_status(status, CMPI_RC_ERR_INVALID_PARAMETER);
        return NULL;
    }
    struct object *object = make();
    object->text = copy(text);
    object->as.date = (CMPIDateTime){object, &date_functions};
    put_status(status, CMPI_RC_OK);
    return &object->as.date;
}

/* Arrays. */

static CMPICount array_size(const CMPIArray *array, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return (CMPICount)((const struct object *)array->hdl)->count;
}

static CMPIType array_type(const CMPIArray *array, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return ((const struct object *)array->hdl)->type;
}

static CMPIData array_element(const CMPIArray *array, CMPICount at, CMPIStatus *status) {
    return entry_at(array->hdl, at, NULL, status);
}

static CMPIStatus array_set(CMPIArray *array, CMPICount at, const CMPIValue *value, CMPIType type) {
    struct object *object = array->hdl;
    if (at >= object->count) {
        return (CMPIStatus){CMPI_RC_ERR_NO_SUCH_PROPERTY, NULL};
    }
    if (type != object->type) {
        return (CMPIStatus){CMPI_RC_ERR_TYPE_MISMATCH, NULL};
    }
    object->entries[at].data = make_data(value, type);
    return ok;
}

static CMPIArrayFT array_functions = {100,        release_array, NULL,     array_size,
                                      array_type, array_element, array_set};

static CMPIArray *new_array(const CMPIBroker *of, CMPICount count, CMPIType type, CMPIStatus *status) {
    (void)of;
    struct object *object = make();
    object->type = type;
    object->count = count;
    object->entries = calloc(count + 1, sizeof *object->entries);
    for (CMPICount i = 0; i < count; i++) {
        object->entries[i].data = (CMPIData){type, CMPI_nullValue, {0}};
    }
    object->as.array = (CMPIArray){object, &array_functions};
    put_status(status, CMPI_RC_OK);
    return &object->as.array;
}

/* Paths and instances. */

static CMPIString *path_namespace(const CMPIObjectPath *path, CMPIStatus *status) {
    return new_string(&broker, ((const struct object *)path->hdl)->namespace, status);
}

static CMPIString *path_class(const CMPIObjectPath *path, CMPIStatus *status) {
    return new_string(&broker, ((const struct object *)path->hdl)->text, status);
}

static CMPIStatus path_add(CMPIObjectPath *path, const char *name, const CMPIValue *value, CMPIType type) {
    set_entry(path->hdl, name, make_data(value, type));
    return ok;
}

static CMPIData path_key(const CMPIObjectPath *path, const char *name, CMPIStatus *status) {
    return entry_named(path->hdl, name, status);
}

static CMPIData path_key_at(const CMPIObjectPath *path, CMPICount at, CMPIString **name, CMPIStatus *status) {
    return entry_at(path->hdl, at, name, status);
}

static CMPICount path_count(const CMPIObjectPath *path, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return (CMPICount)((const struct object *)path->hdl)->count;
}

static CMPIObjectPathFT path_functions = {
    .ftVersion = 100,
    .release = release_path,
    .getNameSpace = path_namespace,
    .getClassName = path_class,
    .addKey = path_add,
    .getKey = path_key,
    .getKeyAt = path_key_at,
    .getKeyCount = path_count,
};

static CMPIObjectPath *new_path(const CMPIBroker *of, const char *namespace, const char *class_name,
                                CMPIStatus *status) {
    (void)of;
    struct object *object = make();
    object->namespace = copy(namespace);
    object->text = copy(class_name);
    object->as.path = (CMPIObjectPath){object, &path_functions};
    put_status(status, CMPI_RC_OK);
    return &object->as.path;
}

static bool is_wanted(const struct object *object, const char *name) {
    if (object->filter == NULL) {
        return true;
    }
    for (size_t i = 0; object->filter[i] != NULL; i++) {
        if (strcasecmp(object->filter[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static CMPIStatus instance_set(const CMPIInstance *instance, const char *name, const CMPIValue *value,
                               CMPIType type) {
    if (strcmp(name, string_only_property) == 0 && type != CMPI_chars && type != CMPI_string) {
        return (CMPIStatus){CMPI_RC_ERR_TYPE_MISMATCH, NULL};
    }
    if (is_wanted(instance->hdl, name)) {
        set_entry(instance->hdl, name, make_data(value, type));
    }
    return ok;
}

static CMPIStatus instance_filter(CMPIInstance *instance, const char **properties, const char **keys) {
    struct object *object = instance->hdl;
    size_t count = 0;
    for (const char **list = properties; *list != NULL; list++) {
        count++;
    }
    for (const char **list = keys; *list != NULL; list++) {
        count++;
    }
    object->filter = calloc(count + 1, sizeof *object->filter);
    size_t at = 0;
    for (const char **list = properties; *list != NULL; list++) {
        object->filter[at++] = copy(*list);
    }
    for (const char **list = keys; *list != NULL; list++) {
        object->filter[at++] = copy(*list);
    }
    return ok;
}

static CMPIData instance_property(const CMPIInstance *instance, const char *name, CMPIStatus *status) {
    return entry_named(instance->hdl, name, status);
}

static CMPIData instance_property_at(const CMPIInstance *instance, CMPICount at, CMPIString **name,
                                     CMPIStatus *status) {
    return entry_at(instance->hdl, at, name, status);
}

static CMPICount instance_count(const CMPIInstance *instance, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return (CMPICount)((const struct object *)instance->hdl)->count;
}

static CMPIObjectPath *instance_path(const CMPIInstance *instance, CMPIStatus *status) {
    const struct object *object = instance->hdl;
    return new_path(&broker, object->namespace, object->text, status);
}

static CMPIInstanceFT instance_functions = {
    .ftVersion = 100,
    .release = release_instance,
    .getProperty = instance_property,
    .getPropertyAt = instance_property_at,
    .getPropertyCount = instance_count,
    .setProperty = instance_set,
    .getObjectPath = instance_path,
    .setPropertyFilter = instance_filter,
};

static CMPIInstance *new_instance(const CMPIBroker *of, const CMPIObjectPath *path, CMPIStatus *status) {
    (void)of;
    const struct object *from = path->hdl;
    struct object *object = make();
    object->namespace = copy(from->namespace);
    object->text = copy(from->text);
    object->as.instance = (CMPIInstance){object, &instance_functions};
    put_status(status, CMPI_RC_OK);
    return &object->as.instance;
}

/* Arguments and the context. */

static CMPIStatus args_add(const CMPIArgs *args, const char *name, const CMPIValue *value, CMPIType type) {
    set_entry(args->hdl, name, make_data(value, type));
    return ok;
}

static CMPIData args_named(const CMPIArgs *args, const char *name, CMPIStatus *status) {
    return entry_named(args->hdl, name, status);
}

static CMPIData args_at(const CMPIArgs *args, CMPICount at, CMPIString **name, CMPIStatus *status) {
    return entry_at(args->hdl, at, name, status);
}

static CMPICount args_count(const CMPIArgs *args, CMPIStatus *status) {
    put_status(status, CMPI_RC_OK);
    return (CMPICount)((const struct object *)args->hdl)->count;
}

static CMPIArgsFT args_functions = {100, release_args, NULL, args_add, args_named, args_at, args_count};

CMPIArgs *make_args(void) {
    struct object *object = make();
    object->as.args = (CMPIArgs){object, &args_functions};
    return &object->as.args;
}

static CMPIData context_entry(const CMPIContext *context, const char *name, CMPIStatus *status) {
    return entry_named(context->hdl, name, status);
}

static CMPIStatus context_add(const CMPIContext *context, const char *name, const CMPIValue *value,
                              CMPIType type) {
    set_entry(context->hdl, name, make_data(value, type));
    return ok;
}

static CMPIContextFT context_functions = {
    .ftVersion = 100, .getEntry = context_entry, .addEntry = context_add};

CMPIContext *make_context(const char *principal, unsigned flags) {
    struct object *object = make();
    object->as.context = (CMPIContext){object, &context_functions};
    CMPIValue value = {.uint32 = flags};
    set_entry(object, CMPI_INVOCATION_FLAGS, make_data(&value, CMPI_uint32));
    set_entry(object, CMPI_ACCEPT_LANGUAGE, make_data((const CMPIValue *)"de, en;q=0.5", CMPI_chars));
    if (principal != NULL) {
        set_entry(object, CMPI_PRINCIPAL, make_data((const CMPIValue *)principal, CMPI_chars));
    }
    return &object->as.context;
}

CMPIContext *keep_context(CMPIContext *context) {
    disown(context->hdl);
    return context;
}

void drop_context(const CMPIContext *context) {
    destroy(context->hdl);
}

static CMPIBrokerFT broker_functions = {.brokerVersion = 100, .brokerName = "test broker"};

static CMPIBrokerEncFT factory = {
    .ftVersion = 100,
    .newInstance = new_instance,
    .newObjectPath = new_path,
    .newString = new_string,
    .newArray = new_array,
    .newDateTimeFromChars = new_date,
};

const CMPIBroker broker = {NULL, &broker_functions, &factory, NULL};
