/*
 * From an answer's content to the broker's objects. What is made here and not the broker's to keep is
 * released at once: a broker frees the rest only when the whole call ends, and an enumeration may be
 * of 30,000 instances.
 */

#include "objects.h"

#define KEYS_MAX 32 /* no class has a tenth of it */

/* A value on its way to the broker. A string goes as CMPI_chars, whose text stands in for the value. */
struct slot {
    CMPIType type;
    bool absent;
    const char *chars;
    const char *text; /* what an embedded instance is as CIM-XML, for properties that are strings */
    CMPIValue value;
};

static CMPIInstance *read_instance(const struct delivery *, struct reader *, const char **, int depth);

CMPIStatus failure(const CMPIBroker *broker, CMPIrc rc, const char *text) {
    return (CMPIStatus){rc, broker->eft->newString(broker, text, NULL)};
}

static const CMPIValue *pointer(const struct slot *slot) {
    if (slot->absent) {
        return NULL;
    }
    return slot->type == CMPI_chars ? (const CMPIValue *)(const void *)slot->chars : &slot->value;
}

static void release(struct slot *slot) {
    if (slot->absent) {
        return;
    }
    if (slot->type & CMPI_ARRAY) {
        slot->value.array->ft->release(slot->value.array);
    } else if (slot->type == CMPI_dateTime) {
        slot->value.dateTime->ft->release(slot->value.dateTime);
    } else if (slot->type == CMPI_ref) {
        slot->value.ref->ft->release(slot->value.ref);
    } else if (slot->type == CMPI_instance) {
        slot->value.inst->ft->release(slot->value.inst);
    }
}

static void read_slot(const struct delivery *, struct reader *, struct slot *, int depth);

static CMPIObjectPath *read_path(const struct delivery *to, struct reader *reader, const char **keys,
                                 int depth) {
    const char *namespace = read_text(reader);
    const char *class_name = read_text(reader);
    unsigned count = (unsigned)read_number(reader, 2);
    if (reader->failed || class_name == NULL || count > KEYS_MAX || depth > NESTING_MAX) {
        reader->failed = true;
        return NULL;
    }
    const CMPIBroker *broker = to->broker;
    CMPIObjectPath *path =
        broker->eft->newObjectPath(broker, namespace ? namespace : to->namespace, class_name, NULL);
    for (unsigned i = 0; i < count && path != NULL && !reader->failed; i++) {
        struct slot slot;
        const char *name = read_text(reader);
        read_slot(to, reader, &slot, depth + 1);
        if (name == NULL) {
            reader->failed = true;
        } else if (!reader->failed) {
            path->ft->addKey(path, name, pointer(&slot), slot.type);
            if (keys != NULL) {
                keys[i] = name;
            }
        }
        release(&slot);
    }
    if (keys != NULL) {
        keys[count] = NULL;
    }
    if (path == NULL) {
        reader->failed = true;
    } else if (reader->failed) {
        path->ft->release(path);
        path = NULL;
    }
    return path;
}

static void read_embedded(const struct delivery *to, struct reader *reader, struct slot *slot, int depth) {
    slot->text = read_text(reader);
    slot->value.inst = read_instance(to, reader, NULL, depth + 1);
    slot->absent = slot->value.inst == NULL;
}

static void read_date(const struct delivery *to, struct reader *reader, struct slot *slot) {
    const char *text = read_text(reader);
    slot->value.dateTime =
        text == NULL ? NULL : to->broker->eft->newDateTimeFromChars(to->broker, text, NULL);
    /* What a broker cannot hold (asterisks, say) is NULL to its clients. */
    slot->absent = slot->value.dateTime == NULL;
    reader->failed |= text == NULL;
}

/* A value whose type has `bytes`, 0 for one that is no number. */
static void read_scalar(const struct delivery *to, struct reader *reader, struct slot *slot, unsigned bytes,
                        int depth) {
    uint64_t number = bytes > 0 ? read_number(reader, bytes) : 0;
    switch (bytes) {
    case 1: slot->value.uint8 = slot->type == CMPI_boolean ? number != 0 : (uint8_t)number; return;
    case 2: slot->value.uint16 = (uint16_t)number; return;
    case 4: slot->value.uint32 = (uint32_t)number; return;
    case 8: slot->value.uint64 = number; return;
    default: break;
    }
    if (slot->type == CMPI_string) {
        slot->chars = read_text(reader);
        slot->type = CMPI_chars;
        reader->failed |= slot->chars == NULL;
    } else if (slot->type == CMPI_dateTime) {
        read_date(to, reader, slot);
    } else if (slot->type == CMPI_ref) {
        slot->value.ref = read_path(to, reader, NULL, depth + 1);
    } else {
        read_embedded(to, reader, slot, depth);
    }
}

static void read_element(const struct delivery *to, struct reader *reader, CMPIArray *array, CMPICount at,
                         struct slot *slot, unsigned bytes, int depth) {
    if (read_number(reader, 1) == 0) {
        return; /* an array's elements are NULL until they are set */
    }
    read_scalar(to, reader, slot, bytes, depth);
    if (reader->failed || slot->absent) {
        return;
    }
    if (slot->type == CMPI_chars) {
        slot->type = CMPI_string;
        slot->value.string = to->broker->eft->newString(to->broker, slot->chars, NULL);
    }
    /* The array's release frees its elements where they are its own, the call's end where not. */
    array->ft->setElementAt(array, at, &slot->value, slot->type);
}

static void read_array(const struct delivery *to, struct reader *reader, struct slot *slot, unsigned bytes,
                       int depth) {
    CMPICount count = (CMPICount)read_number(reader, 4);
    /* Each element is a byte at least, so a frame bounds what an array may take. */
    if (reader->failed || count > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        return;
    }
    CMPIType type = slot->type;
    CMPIArray *array = to->broker->eft->newArray(to->broker, count, type, NULL);
    if (array == NULL) {
        reader->failed = true;
        return;
    }
    for (CMPICount i = 0; i < count && !reader->failed; i++) {
        struct slot element = {.type = type};
        read_element(to, reader, array, i, &element, bytes, depth);
    }
    slot->type = type | CMPI_ARRAY;
    slot->value.array = array;
    slot->absent = false;
}

static void read_slot(const struct delivery *to, struct reader *reader, struct slot *slot, int depth) {
    unsigned tag = (unsigned)read_number(reader, 1);
    unsigned plain = tag & ~(unsigned)(TAG_NULL | TAG_ARRAY);
    const struct kind *kind = &kinds[plain < TAG_TYPES ? plain : 0];
    *slot = (struct slot){.type = kind->type};
    if (slot->type == CMPI_null || depth > NESTING_MAX) {
        reader->failed = true;
    }
    if (reader->failed || tag & TAG_NULL) {
        slot->type |= tag & TAG_ARRAY ? CMPI_ARRAY : 0;
        slot->absent = true;
    } else if (tag & TAG_ARRAY) {
        slot->absent = true;
        read_array(to, reader, slot, kind->bytes, depth);
    } else {
        read_scalar(to, reader, slot, kind->bytes, depth);
    }
    if (reader->failed && !(slot->type & CMPI_ARRAY)) {
        slot->absent = true;
    }
}

static void set_property(CMPIInstance *instance, const char *name, const struct slot *slot) {
    CMPIStatus status = instance->ft->setProperty(instance, name, pointer(slot), slot->type);
    if (status.rc != CMPI_RC_OK && slot->type == CMPI_instance && slot->text != NULL) {
        /* The broker's class says string: the same instance goes as text. */
        instance->ft->setProperty(instance, name, (const CMPIValue *)(const void *)slot->text, CMPI_chars);
    }
    /* Whatever else a broker's class cannot hold is not sent. */
}

static CMPIInstance *read_instance(const struct delivery *to, struct reader *reader, const char **properties,
                                   int depth) {
    const char *keys[KEYS_MAX + 1];
    CMPIObjectPath *path = read_path(to, reader, keys, depth);
    unsigned count = (unsigned)read_number(reader, 2);
    if (path == NULL) {
        return NULL;
    }
    CMPIInstance *instance = reader->failed ? NULL : to->broker->eft->newInstance(to->broker, path, NULL);
    path->ft->release(path);
    if (instance == NULL) {
        reader->failed = true;
        return NULL;
    }
    if (properties != NULL) {
        instance->ft->setPropertyFilter(instance, properties, keys);
    }
    for (unsigned i = 0; i < count && !reader->failed; i++) {
        struct slot slot;
        const char *name = read_text(reader);
        read_slot(to, reader, &slot, depth + 1);
        if (name == NULL) {
            reader->failed = true;
        } else if (!reader->failed) {
            set_property(instance, name, &slot);
        }
        release(&slot);
    }
    if (reader->failed) {
        instance->ft->release(instance);
        return NULL;
    }
    return instance;
}

static CMPIStatus deliver_data(const struct delivery *to, struct reader *reader, unsigned kind) {
    CMPIStatus status = {CMPI_RC_OK, NULL};
    const char *name = kind == ITEM_OUT ? read_text(reader) : NULL;
    struct slot slot;
    read_slot(to, reader, &slot, 0);
    if (kind == ITEM_OUT && (name == NULL || to->out == NULL)) {
        reader->failed = true;
    }
    /* The call's end frees these: brokers differ in whether they keep what they are given here. */
    if (!reader->failed && kind == ITEM_VALUE) {
        status = to->result->ft->returnData(to->result, pointer(&slot), slot.type);
    } else if (!reader->failed) {
        status = to->out->ft->addArg(to->out, name, pointer(&slot), slot.type);
    }
    return status;
}

static CMPIStatus deliver_item(const struct delivery *to, struct reader *reader) {
    CMPIStatus status = {CMPI_RC_OK, NULL};
    unsigned kind = (unsigned)read_number(reader, 1);
    if (kind == ITEM_INSTANCE) {
        CMPIInstance *instance = read_instance(to, reader, to->properties, 0);
        if (instance != NULL) {
            status = to->result->ft->returnInstance(to->result, instance);
            instance->ft->release(instance);
        }
    } else if (kind == ITEM_PATH) {
        CMPIObjectPath *path = read_path(to, reader, NULL, 0);
        if (path != NULL) {
            status = to->result->ft->returnObjectPath(to->result, path);
            path->ft->release(path);
        }
    } else if (kind == ITEM_VALUE || kind == ITEM_OUT) {
        return deliver_data(to, reader, kind);
    } else {
        reader->failed = true;
    }
    return status;
}

CMPIStatus deliver_items(const struct delivery *to, struct reader *reader) {
    CMPIStatus status = {CMPI_RC_OK, NULL};
    while (reader->at < reader->end && status.rc == CMPI_RC_OK && !reader->failed) {
        status = deliver_item(to, reader);
    }
    if (reader->failed) {
        return failure(to->broker, CMPI_RC_ERR_FAILED, "the answer of xencim's daemon is malformed");
    }
    return status;
}

CMPIInstance *read_event(const CMPIBroker *broker, struct reader *reader, const char **namespace) {
    const struct delivery to = {.broker = broker, .namespace = ""};
    if (read_number(reader, 1) != ITEM_INSTANCE) {
        reader->failed = true;
    }
    struct reader path = *reader;
    *namespace = read_text(&path);
    return reader->failed || *namespace == NULL ? NULL : read_instance(&to, reader, NULL, 0);
}
