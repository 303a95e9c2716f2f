/*
 * A CIMOM's side of CMPI, for tests: objects that keep what they are given, and a result that writes
 * what it is given as text.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stdio.h>

#include "cmpi.h"

static const CMPIStatus ok = {CMPI_RC_OK, NULL};

/* Objects: every kind has a name (a class's, a text's) and entries (keys, properties, elements). ---- */

struct entry {
    char *name;
    CMPIData data;
};

struct object {
    union {
        CMPIString string;
        CMPIDateTime date;
        CMPIArray array;
        CMPIObjectPath path;
        CMPIInstance instance;
        CMPIArgs args;
        CMPIContext context;
        CMPIResult result;
    } as;
    struct object *previous;
    struct object *next;
    char *text;
    char *namespace;
    struct entry *entries;
    size_t count;
    CMPIType type;
    char **filter;
};

struct object *make(void);
const char *string_text(const CMPIString *, CMPIStatus *);

/* Where a thread's results are written. */
extern _Thread_local FILE *output;

/* What the calls of a thread have made is freed at once, as a CIMOM does when a call ends. */
void free_objects(void);
size_t count_objects(void);

/* A class whose property of this name takes strings only. */
extern const char *string_only_property;

extern const CMPIBroker broker;

CMPIContext *make_context(const char *principal, unsigned flags);
/* A context that outlives the call it was made in, and its end. */
CMPIContext *keep_context(CMPIContext *context);
void drop_context(const CMPIContext *context);
CMPIResult *make_result(void);
CMPIArgs *make_args(void);

void print_data(CMPIData data);
void print_args(const CMPIArgs *args);

#endif
