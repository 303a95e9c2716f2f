/* One call of a CIMOM, carried to the daemon and its answer back. */
#ifndef XENCIM_CALL_H
#define XENCIM_CALL_H

#include "objects.h"

/*
 * Whom a call comes through. A class narrows the answer: sfcb asks the provider of each subclass for
 * the whole base class, and every association's provider for all associations.
 */
struct origin {
    const CMPIBroker *broker;
    const char *class_name; /* NULL: all */
};

struct call {
    struct writer request;
    struct delivery to;
    const CMPIContext *context;
    enum operation operation;
    size_t deadline_at; /* where the request tells how long it may take */
    bool away;          /* once it is finished: nobody listens */
};

/* Write whom a call is made for, or that it is nobody. */
void write_principal(struct writer *, const CMPIContext *);

/* Write what every call has; what the operation has follows, written by the caller. */
void begin_call(struct call *, const struct origin *, enum operation, const CMPIContext *, const CMPIResult *,
                const CMPIObjectPath *);

/* Send the call, deliver its answer and let go of the request. */
CMPIStatus finish_call(struct call *);

#endif
