/*
 * The provider that a CIMOM loads: instance, association and method interfaces, each call of which
 * goes to the daemon. Indications have a file of their own.
 *
 * Only the generic entry points are exported: OpenPegasus refuses a library that has both kinds.
 * Each interface keeps the broker it was made with: OpenPegasus gives every provider its own.
 *
 * Source: CMPI 1.0, chapter 6.
 */
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

/* Instances ----------------------------------------------------------------------------------- */

static CMPIStatus clean_up_instances(CMPIInstanceMI *mi, const CMPIContext *context,
                                     CMPIBoolean terminating) {
    (void)context;
    (void)terminating;
    return end_provider(mi);
}

static CMPIStatus enumerate_names(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                                  const CMPIObjectPath *path) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_ENUMERATE_NAMES, context, result, path);
    return finish_call(&call);
}

static CMPIStatus enumerate(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                            const CMPIObjectPath *path, const char **properties) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_ENUMERATE, context, result, path);
    call.to.properties = properties;
    write_names(&call.request, properties);
    return finish_call(&call);
}

static CMPIStatus get(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                      const CMPIObjectPath *path, const char **properties) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_GET, context, result, path);
    call.to.properties = properties;
    write_names(&call.request, properties);
    return finish_call(&call);
}

static CMPIStatus create(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const CMPIInstance *instance) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_CREATE, context, result, path);
    write_instance(&call.request, instance, 0);
    return finish_call(&call);
}

static CMPIStatus modify(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const CMPIInstance *instance, const char **properties) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_MODIFY, context, result, path);
    write_instance(&call.request, instance, 0);
    write_names(&call.request, properties);
    return finish_call(&call);
}

static CMPIStatus delete(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_DELETE, context, result, path);
    return finish_call(&call);
}

static CMPIStatus query(CMPIInstanceMI *mi, const CMPIContext *context, const CMPIResult *result,
                        const CMPIObjectPath *path, const char *text, const char *language) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_QUERY, context, result, path);
    write_text(&call.request, text);
    write_text(&call.request, language);
    return finish_call(&call);
}

static const CMPIInstanceMIFT instance_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME,  clean_up_instances, enumerate_names, enumerate, get, create,
    modify,           delete,           query,
};

EXPORT CMPIInstanceMI *_Generic_Create_InstanceMI(const CMPIBroker *, const CMPIContext *, const char *,
                                                  CMPIStatus *);

EXPORT CMPIInstanceMI *_Generic_Create_InstanceMI(const CMPIBroker *broker, const CMPIContext *context,
                                                  const char *name, CMPIStatus *status) {
    (void)context;
    struct provider *provider = make_provider(broker, name, status);
    if (provider == NULL) {
        return NULL;
    }
    provider->interface.instance = (CMPIInstanceMI){provider, &instance_functions};
    return &provider->interface.instance;
}

/* Associations -------------------------------------------------------------------------------- */

static CMPIStatus clean_up_associations(CMPIAssociationMI *mi, const CMPIContext *context,
                                        CMPIBoolean terminating) {
    (void)context;
    (void)terminating;
    return end_provider(mi);
}

static void write_ends(struct writer *request, const char *association, const char *result, const char *role,
                       const char *result_role) {
    write_text(request, association);
    write_text(request, result);
    write_text(request, role);
    write_text(request, result_role);
}

static CMPIStatus associators(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                              const CMPIObjectPath *path, const char *association, const char *result_class,
                              const char *role, const char *result_role, const char **properties) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_ASSOCIATORS, context, result, path);
    call.to.properties = properties;
    write_ends(&call.request, association, result_class, role, result_role);
    write_names(&call.request, properties);
    return finish_call(&call);
}

static CMPIStatus associator_names(CMPIAssociationMI *mi, const CMPIContext *context,
                                   const CMPIResult *result, const CMPIObjectPath *path,
                                   const char *association, const char *result_class, const char *role,
                                   const char *result_role) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_ASSOCIATOR_NAMES, context, result, path);
    write_ends(&call.request, association, result_class, role, result_role);
    return finish_call(&call);
}

static CMPIStatus references(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                             const CMPIObjectPath *path, const char *result_class, const char *role,
                             const char **properties) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_REFERENCES, context, result, path);
    call.to.properties = properties;
    write_text(&call.request, result_class);
    write_text(&call.request, role);
    write_names(&call.request, properties);
    return finish_call(&call);
}

static CMPIStatus reference_names(CMPIAssociationMI *mi, const CMPIContext *context, const CMPIResult *result,
                                  const CMPIObjectPath *path, const char *result_class, const char *role) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_REFERENCE_NAMES, context, result, path);
    write_text(&call.request, result_class);
    write_text(&call.request, role);
    return finish_call(&call);
}

static const CMPIAssociationMIFT association_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME,       clean_up_associations,
    associators,      associator_names, references, reference_names,
};

EXPORT CMPIAssociationMI *_Generic_Create_AssociationMI(const CMPIBroker *, const CMPIContext *, const char *,
                                                        CMPIStatus *);

EXPORT CMPIAssociationMI *_Generic_Create_AssociationMI(const CMPIBroker *broker, const CMPIContext *context,
                                                        const char *name, CMPIStatus *status) {
    (void)context;
    struct provider *provider = make_provider(broker, name, status);
    if (provider == NULL) {
        return NULL;
    }
    provider->interface.association = (CMPIAssociationMI){provider, &association_functions};
    return &provider->interface.association;
}

/* Methods ------------------------------------------------------------------------------------- */

static CMPIStatus clean_up_methods(CMPIMethodMI *mi, const CMPIContext *context, CMPIBoolean terminating) {
    (void)context;
    (void)terminating;
    return end_provider(mi);
}

static CMPIStatus invoke(CMPIMethodMI *mi, const CMPIContext *context, const CMPIResult *result,
                         const CMPIObjectPath *path, const char *method, const CMPIArgs *in, CMPIArgs *out) {
    struct call call;
    begin_call(&call, origin_of(mi), OP_INVOKE, context, result, path);
    call.to.out = out;
    write_text(&call.request, method);
    write_args(&call.request, in);
    return finish_call(&call);
}

static const CMPIMethodMIFT method_functions = {CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME, clean_up_methods,
                                                invoke};

EXPORT CMPIMethodMI *_Generic_Create_MethodMI(const CMPIBroker *, const CMPIContext *, const char *,
                                              CMPIStatus *);

EXPORT CMPIMethodMI *_Generic_Create_MethodMI(const CMPIBroker *broker, const CMPIContext *context,
                                              const char *name, CMPIStatus *status) {
    (void)context;
    struct provider *provider = make_provider(broker, name, status);
    if (provider == NULL) {
        return NULL;
    }
    provider->interface.method = (CMPIMethodMI){provider, &method_functions};
    return &provider->interface.method;
}
