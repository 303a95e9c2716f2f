/*
 * The provider that a CIMOM loads: instance, association and method interfaces, each call of which
 * goes to the daemon. Indications have a file of their own.
 *
 * Only the generic entry points are exported: OpenPegasus refuses a library that has both kinds.
 * Each interface keeps the broker it was made with: OpenPegasus gives every provider its own.
 *
 * Source: CMPI 1.0, chapter 6.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

/* A provider registered as xencim_CLASS answers for that class alone (see call.h). */
#define NAME_BEFORE_CLASS "xencim_"

static const struct origin *origin_of(const void *interface) {
    return &((const struct provider *)interface)->origin;
}

struct provider *make_provider(const CMPIBroker *broker, const char *name, CMPIStatus *status) {
    size_t before = strlen(NAME_BEFORE_CLASS);
    const char *class_name =
        name != NULL && strncmp(name, NAME_BEFORE_CLASS, before) == 0 ? name + before : "";
    size_t bytes = strlen(class_name) + 1;
    struct provider *provider = calloc(1, sizeof *provider + bytes);
    CMPIrc rc = provider == NULL ? CMPI_RC_ERROR_SYSTEM : CMPI_RC_OK;
    if (provider != NULL) {
        memcpy(provider->class_name, class_name, bytes);
        provider->origin = (struct origin){broker, bytes > 1 ? provider->class_name : NULL};
        pool_enter();
    }
    if (status != NULL) {
        *status = (CMPIStatus){rc, NULL};
    }
    return provider;
}

CMPIStatus end_provider(void *interface) {
    free(interface);
    pool_leave();
    return (CMPIStatus){CMPI_RC_OK, NULL};
}

/*
 * Make a call of what all operations have and of an operation's own parts, in the order of `parts`: t is a
 * text, n a list of names, p the same as the caller's property list, i an instance.
 */
static CMPIStatus ask(const void *mi, enum operation operation, const CMPIContext *context,
                      const CMPIResult *result, const CMPIObjectPath *path, const char *parts, ...) {
    struct call call;
    begin_call(&call, origin_of(mi), operation, context, result, path);
    va_list given;
    va_start(given, parts);
    for (; *parts != '\0'; parts++) {
        if (*parts == 't') {
            write_text(&call.request, va_arg(given, const char *));
        } else if (*parts == 'i') {
            write_instance(&call.request, va_arg(given, const CMPIInstance *), 0);
        } else {
            const char **names = va_arg(given, const char **);
            call.to.properties = *parts == 'p' ? names : NULL;
            write_names(&call.request, names);
        }
    }
    va_end(given);
    return finish_call(&call);
}

/* How an interface is made and let go of is the same for all but that of indications. */
#define INTERFACE(Kind, member)                                                                              \
    static const CMPI##Kind##FT member##_functions;                                                          \
                                                                                                             \
    static CMPIStatus clean_up_##member(CMPI##Kind *mi, const CMPIContext *context,                          \
                                        CMPIBoolean terminating) {                                           \
        (void)context;                                                                                       \
        (void)terminating;                                                                                   \
        return end_provider(mi);                                                                             \
    }                                                                                                        \
                                                                                                             \
    EXPORT CMPI##Kind *_Generic_Create_##Kind(const CMPIBroker *, const CMPIContext *, const char *,         \
                                              CMPIStatus *);                                                 \
                                                                                                             \
    EXPORT CMPI##Kind *_Generic_Create_##Kind(const CMPIBroker *broker, const CMPIContext *context,          \
                                              const char *name, CMPIStatus *status) {                        \
        (void)context;                                                                                       \
        struct provider *provider = make_provider(broker, name, status);                                     \
        if (provider == NULL) {                                                                              \
            return NULL;                                                                                     \
        }                                                                                                    \
        provider->interface.member = (CMPI##Kind){provider, &member##_functions};                            \
        return &provider->interface.member;                                                                  \
    }

INTERFACE(InstanceMI, instance)
INTERFACE(AssociationMI, association)
INTERFACE(MethodMI, method)

static CMPIStatus enumerate_names(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                                  const CMPIObjectPath *path) {
    return ask(mi, OP_ENUMERATE_NAMES, context, result, path, "");
}

static CMPIStatus enumerate(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                            const CMPIObjectPath *path, const char **properties) {
    return ask(mi, OP_ENUMERATE, context, result, path, "p", properties);
}

static CMPIStatus get(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                      const CMPIObjectPath *path, const char **properties) {
    return ask(mi, OP_GET, context, result, path, "p", properties);
}

static CMPIStatus create(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const CMPIInstance *instance) {
    return ask(mi, OP_CREATE, context, result, path, "i", instance);
}

static CMPIStatus modify(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const CMPIInstance *instance, const char **properties) {
    return ask(mi, OP_MODIFY, context, result, path, "in", instance, properties);
}

static CMPIStatus delete(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path) {
    return ask(mi, OP_DELETE, context, result, path, "");
}

static CMPIStatus query(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                        const CMPIObjectPath *path, const char *text, const char *language) {
    return ask(mi, OP_QUERY, context, result, path, "tt", text, language);
}

static const CMPIInstanceMIFT instance_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME, clean_up_instance, enumerate_names, enumerate, get,
    create,           modify,           delete,        query,
};

static CMPIStatus associators(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                              const CMPIObjectPath *path, const char *association, const char *result_class,
                              const char *role, const char *result_role, const char **properties) {
    return ask(mi, OP_ASSOCIATORS, context, result, path, "ttttp", association, result_class, role,
               result_role, properties);
}

static CMPIStatus associator_names(CMPIAssociationMI *mi, const CMPIContext *context,
                                   const CMPIResult *result, const CMPIObjectPath *path,
                                   const char *association, const char *result_class, const char *role,
                                   const char *result_role) {
    return ask(mi, OP_ASSOCIATOR_NAMES, context, result, path, "tttt", association, result_class, role,
               result_role);
}

static CMPIStatus references(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                             const CMPIObjectPath *path, const char *result_class, const char *role,
                             const char **properties) {
    return ask(mi, OP_REFERENCES, context, result, path, "ttp", result_class, role, properties);
}

static CMPIStatus reference_names(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                                  const CMPIObjectPath *path, const char *result_class, const char *role) {
    return ask(mi, OP_REFERENCE_NAMES, context, result, path, "tt", result_class, role);
}

static const CMPIAssociationMIFT association_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME, clean_up_association,
    associators,      associator_names, references,    reference_names,
};

static CMPIStatus invoke(CMPIMethodMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const char *method, const CMPIArgs *in, CMPIArgs *out) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_INVOKE, context, result, path);
    call.to.out = out;
    write_text(&call.request, method);
    write_args(&call.request, in);
    return finish_call(&call);
}

static const CMPIMethodMIFT method_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME, clean_up_method, invoke,
};
