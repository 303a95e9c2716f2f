/*
 * Has the provider library follow events as a CIMOM does, and prints each indication as it is delivered.
 *
 * watch LIBRARY PROVIDER PRINCIPAL NAMESPACE CLASS. A line on standard input is a command: activate,
 * deactivate, enable, disable, clean (asks whether the library may go); its status is printed. At the end
 * of the input the interface is cleaned up.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"

typedef CMPIStatus (*MustPoll)(CMPIIndicationMI *, const CMPIContext *, const CMPISelectExp *, const char *,
                               const CMPIObjectPath *);

static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
static int attached;

static CMPIContext *prepare(const CMPIBroker *of, const CMPIContext *context) {
    (void)of;
    (void)context;
    return keep_context(make_context("root", 0));
}

static CMPIStatus attach(const CMPIBroker *of, const CMPIContext *context) {
    (void)of;
    (void)context;
    output = stdout;
    attached++;
    return ok;
}

static CMPIStatus detach(const CMPIBroker *of, const CMPIContext *context) {
    (void)of;
    attached--;
    free_objects();
    drop_context(context);
    return ok;
}

static CMPIStatus deliver(const CMPIBroker *of, const CMPIContext *context, const char *namespace,
                          const CMPIInstance *instance) {
    (void)of;
    (void)context;
    CMPIValue value = {.inst = (CMPIInstance *)instance};
    pthread_mutex_lock(&printing);
    fprintf(stdout, "%s ", namespace);
    print_data((CMPIData){CMPI_instance, CMPI_goodValue, value});
    fputs("\n", stdout);
    fflush(stdout);
    pthread_mutex_unlock(&printing);
    return ok;
}

static void tell(const char *what, CMPIStatus status) {
    pthread_mutex_lock(&printing);
    printf("%s: rc %d %s\n", what, status.rc, status.msg ? string_text(status.msg, NULL) : "");
    fflush(stdout);
    pthread_mutex_unlock(&printing);
}

int main(int count, char **arguments) {
    if (count != 6) {
        return 2;
    }
    CMPIBrokerFT functions = *broker.bft;
    functions.prepareAttachThread = prepare;
    functions.attachThread = attach;
    functions.detachThread = detach;
    functions.deliverIndication = deliver;
    const CMPIBroker own = {NULL, &functions, broker.eft, NULL};
    void *library = dlopen(arguments[1], RTLD_NOW);
    CMPIIndicationMI *(*make_indications)(const CMPIBroker *, const CMPIContext *, const char *,
                                          CMPIStatus *);
    *(void **)&make_indications = dlsym(library, "_Generic_Create_IndicationMI");
    const CMPIContext *context = make_context(arguments[3], 0);
    const CMPIObjectPath *path = broker.eft->newObjectPath(&broker, arguments[4], arguments[5], NULL);
    const CMPISelectExp *filter = (const CMPISelectExp *)arguments;
    CMPIIndicationMI *mi = make_indications(&own, context, arguments[2], NULL);
    char line[64];
    while (mi != NULL && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "authorize") == 0) {
            tell(line, mi->ft->authorizeFilter(mi, context, filter, arguments[5], path, "owner"));
        } else if (strcmp(line, "activate") == 0) {
            tell(line, mi->ft->activateFilter(mi, context, filter, arguments[5], path, 1));
        } else if (strcmp(line, "deactivate") == 0) {
            tell(line, mi->ft->deActivateFilter(mi, context, filter, "", path, 1));
        } else if (strcmp(line, "enable") == 0) {
            tell(line, mi->ft->enableIndications(mi, context));
        } else if (strcmp(line, "disable") == 0) {
            tell(line, mi->ft->disableIndications(mi, context));
        } else if (strcmp(line, "poll") == 0) {
            tell(line, ((MustPoll)(CMPISlot)mi->ft->mustPoll)(mi, context, filter, arguments[5], path));
        } else if (strcmp(line, "clean") == 0) {
            CMPIStatus status = mi->ft->cleanup(mi, context, 0);
            mi = status.rc == CMPI_RC_OK ? NULL : mi;
            tell(line, status);
        }
    }
    if (mi != NULL) {
        tell("cleanup", mi->ft->cleanup(mi, context, 1));
    }
    free_objects();
    dlclose(library);
    return attached == 0 ? 0 : 3;
}
