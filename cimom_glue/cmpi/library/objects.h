/*
 * CMPI's objects into frames, and out of them.
 *
 * Source: docs/reference/cmpi-protocol.md, "Values".
 */
#ifndef XENCIM_OBJECTS_H
#define XENCIM_OBJECTS_H

#include "cmpi.h"
#include "frame.h"

/* CMPI's types by their tags, and the bytes of those that are numbers. */
extern const struct kind {
    CMPIType type;
    uint8_t bytes;
} kinds[TAG_TYPES];

/* Text of a broker's string, NULL where there is none. */
const char *text_of(const CMPIString *);

void write_data(struct writer *, CMPIData, int depth);
void write_path(struct writer *, const CMPIObjectPath *, int depth);
void write_instance(struct writer *, const CMPIInstance *, int depth);
void write_args(struct writer *, const CMPIArgs *);
void write_names(struct writer *, const char **);

/* What an answer is delivered to. */
struct delivery {
    const CMPIBroker *broker;
    const CMPIResult *result;
    CMPIArgs *out;           /* of a method call, else NULL */
    const char *namespace;   /* of objects that name none */
    const char **properties; /* the caller's property list, NULL for all */
};

/* Hand every item of a frame to the broker; a malformed frame is a failure that says so. */
CMPIStatus deliver_items(const struct delivery *, struct reader *);

/* Make the indication of an event, and name its namespace; NULL where the broker cannot hold it. */
CMPIInstance *read_event(const CMPIBroker *, struct reader *, const char **namespace);

CMPIStatus failure(const CMPIBroker *, CMPIrc, const char *);

#endif
