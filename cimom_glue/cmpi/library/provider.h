/* What the interfaces of a provider have in common. */
#ifndef XENCIM_PROVIDER_H
#define XENCIM_PROVIDER_H

#include "call.h"
#include "connection.h"

#define EXPORT __attribute__((visibility("default")))

#define PROVIDER_NAME "xencim"

/* One interface: what the broker holds comes first, so that its pointer is the provider's. */
struct provider {
    union {
        CMPIInstanceMI instance;
        CMPIAssociationMI association;
        CMPIMethodMI method;
        CMPIIndicationMI indication;
    } interface;
    struct origin origin;
    char class_name[]; /* what the origin's points to, where there is one */
};

struct provider *make_provider(const CMPIBroker *, const char *name, CMPIStatus *);

/* Let go of an interface, which the broker has cleaned up. */
CMPIStatus end_provider(void *interface);

#endif
