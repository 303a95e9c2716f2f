/*
 * Calls the provider library through CMPI's function tables as a CIMOM does, and prints what comes.
 *
 * drive LIBRARY [-p PRINCIPAL] [-f FLAGS] [-m PROVIDER] [-t THREADS] [-n TIMES] [-s PROPERTY] [-o] [-l] [-F]
 * OPERATION NAMESPACE CLASS ARGUMENT… An ARGUMENT "-" is NULL. Keys and properties are NAME=TEXT. -o counts
 * the objects that a call has left, -l tells the answer's language, -F calls from a forked child as well. Exit status 3: threads had
 * different answers, 4: a descriptor was left open.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"

#define LIST_MAX 32

static struct {
    const char *principal, *provider, *operation, *namespace, *class_name;
    unsigned flags;
    int threads, times, count;
    bool objects, languages, forks;
    char **arguments;
} options = {.principal = "root", .provider = "xencim", .threads = 1, .times = 1};

static CMPIInstanceMI *instances;
static CMPIAssociationMI *associations;
static CMPIMethodMI *methods;

static const char *argument(int at) {
    return at >= options.count || strcmp(options.arguments[at], "-") == 0 ? NULL : options.arguments[at];
}

static const char **list(int at, const char *names[LIST_MAX], char *buffer) {
    const char *given = argument(at);
    if (given == NULL) {
        return NULL;
    }
    strcpy(buffer, given);
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(buffer, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        names[count++] = name;
    }
    names[count] = NULL;
    return names;
}

static CMPIObjectPath *path(int from) {
    CMPIObjectPath *made = broker.eft->newObjectPath(&broker, options.namespace, options.class_name, NULL);
    for (int i = from; i < options.count; i++) {
        char name[64];
        const char *equals = strchr(options.arguments[i], '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals - options.arguments[i]), options.arguments[i]);
        made->ft->addKey(made, name, (const CMPIValue *)(equals + 1), CMPI_chars);
    }
    return made;
}

static void add(const CMPIArgs *args, const char *name, CMPIType type, CMPIValue value) {
    args->ft->addArg(args, name, &value, type);
}

static CMPIArray *array(CMPIType type, CMPIValue value) {
    CMPIArray *made = broker.eft->newArray(&broker, 3, type, NULL);
    made->ft->setElementAt(made, 0, &value, type);
    made->ft->setElementAt(made, 2, &value, type);
    return made;
}

static CMPIInstance *embedded(void) {
    CMPIInstance *made = broker.eft->newInstance(&broker, path(options.count), NULL);
    CMPIValue size = {.sint32 = -7};
    made->ft->setProperty(made, "Size", &size, CMPI_sint32);
    made->ft->setProperty(made, "Name", (const CMPIValue *)"inner \"text\"", CMPI_chars);
    made->ft->setProperty(made, "Nothing", NULL, CMPI_uint16);
    return made;
}

/* Every type: its extremes, an array with a NULL in it, NULL itself. */
static void add_all_types(const CMPIArgs *args) {
    const struct {
        const char *name;
        CMPIType type;
        CMPIValue value;
    } values[] = {
        {"Boolean", CMPI_boolean, {.boolean = 1}},
        {"Char16", CMPI_char16, {.char16 = 0x20ac}},
        {"Uint8", CMPI_uint8, {.uint8 = UINT8_MAX}},
        {"Uint16", CMPI_uint16, {.uint16 = UINT16_MAX}},
        {"Uint32", CMPI_uint32, {.uint32 = UINT32_MAX}},
        {"Uint64", CMPI_uint64, {.uint64 = UINT64_MAX}},
        {"Sint8", CMPI_sint8, {.sint8 = INT8_MIN}},
        {"Sint16", CMPI_sint16, {.sint16 = INT16_MIN}},
        {"Sint32", CMPI_sint32, {.sint32 = INT32_MIN}},
        {"Sint64", CMPI_sint64, {.sint64 = INT64_MIN}},
        {"Real32", CMPI_real32, {.real32 = 1.1f}},
        {"Real64", CMPI_real64, {.real64 = -2.2e300}},
        {"String", CMPI_string, {.string = broker.eft->newString(&broker, "Grüße, 世界 🌍\n<&>", NULL)}},
        {"Date",
         CMPI_dateTime,
         {.dateTime = broker.eft->newDateTimeFromChars(&broker, "20240229123059.123456+120", NULL)}},
        {"Interval",
         CMPI_dateTime,
         {.dateTime = broker.eft->newDateTimeFromChars(&broker, "00000012030405.000006:000", NULL)}},
        {"Reference", CMPI_ref, {.ref = path(options.count)}},
        {"Instance", CMPI_instance, {.inst = embedded()}},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char name[64];
        add(args, values[i].name, values[i].type, values[i].value);
        snprintf(name, sizeof name, "%sList", values[i].name);
        add(args, name, values[i].type | CMPI_ARRAY,
            (CMPIValue){.array = array(values[i].type, values[i].value)});
        snprintf(name, sizeof name, "%sNull", values[i].name);
        args->ft->addArg(args, name, NULL, values[i].type);
    }
    add(args, "Empty", CMPI_string | CMPI_ARRAY,
        (CMPIValue){.array = broker.eft->newArray(&broker, 0, CMPI_string, NULL)});
}

static CMPIStatus invoke(const CMPIContext *context, const CMPIResult *result) {
    CMPIArgs *in = make_args();
    CMPIArgs *out = make_args();
    if (argument(1) != NULL) {
        add_all_types(in);
    }
    print_args(in);
    CMPIStatus status = methods->ft->invokeMethod(methods, context, result, path(2), argument(0), in, out);
    print_args(out);
    return status;
}

static CMPIStatus call(const CMPIContext *context) {
    const char *names[LIST_MAX];
    char buffer[1024];
    const CMPIResult *result = make_result();
    const char *operation = options.operation;
    if (strcmp(operation, "names") == 0) {
        return instances->ft->enumerateInstanceNames(instances, context, result, path(0));
    }
    if (strcmp(operation, "enumerate") == 0) {
        return instances->ft->enumerateInstances(instances, context, result, path(1), list(0, names, buffer));
    }
    if (strcmp(operation, "get") == 0) {
        return instances->ft->getInstance(instances, context, result, path(1), list(0, names, buffer));
    }
    if (strcmp(operation, "create") == 0) {
        return instances->ft->createInstance(instances, context, result, path(0), embedded());
    }
    if (strcmp(operation, "modify") == 0) {
        return instances->ft->modifyInstance(instances, context, result, path(1), embedded(),
                                             list(0, names, buffer));
    }
    if (strcmp(operation, "delete") == 0) {
        return instances->ft->deleteInstance(instances, context, result, path(0));
    }
    if (strcmp(operation, "query") == 0) {
        return instances->ft->execQuery(instances, context, result, path(2), argument(0), argument(1));
    }
    if (strcmp(operation, "associators") == 0) {
        return associations->ft->associators(associations, context, result, path(5), argument(0), argument(1),
                                             argument(2), argument(3), list(4, names, buffer));
    }
    if (strcmp(operation, "associator-names") == 0) {
        return associations->ft->associatorNames(associations, context, result, path(4), argument(0),
                                                 argument(1), argument(2), argument(3));
    }
    if (strcmp(operation, "references") == 0) {
        return associations->ft->references(associations, context, result, path(3), argument(0), argument(1),
                                            list(2, names, buffer));
    }
    if (strcmp(operation, "reference-names") == 0) {
        return associations->ft->referenceNames(associations, context, result, path(2), argument(0),
                                                argument(1));
    }
    return invoke(context, result);
}

/* Make the calls of one thread; return what they wrote, the same each time or NULL. */
static void *run(void *unused) {
    (void)unused;
    char *first = NULL;
    for (int i = 0; i < options.times; i++) {
        char *text = NULL;
        size_t size = 0;
        output = open_memstream(&text, &size);
        const CMPIContext *context = make_context(options.principal, options.flags);
        CMPIStatus status = call(context);
        size_t left = count_objects();
        fprintf(output, "rc %d %s\n", status.rc,
                status.msg ? status.msg->ft->getCharPtr(status.msg, NULL) : "");
        if (options.languages) {
            CMPIData language = context->ft->getEntry(context, CMPI_CONTENT_LANGUAGE, NULL);
            fprintf(output, "language %s\n",
                    language.state == CMPI_goodValue ? string_text(language.value.string, NULL) : "none");
        }
        if (options.objects) {
            fprintf(output, "objects %zu\n", left);
        }
        fclose(output);
        free_objects();
        bool same = first == NULL || strcmp(first, text) == 0;
        if (!same) {
            fprintf(stderr, "%s--- differs from ---\n%s", text, first);
        }
        free(first == NULL ? NULL : text);
        first = first == NULL ? text : first;
        if (!same) {
            free(first);
            return NULL;
        }
    }
    return first;
}

static int run_threads(void) {
    pthread_t threads[64];
    char *first = NULL;
    int differ = 0;
    for (int i = 0; i < options.threads; i++) {
        pthread_create(&threads[i], NULL, run, NULL);
    }
    for (int i = 0; i < options.threads; i++) {
        void *text = NULL;
        pthread_join(threads[i], &text);
        differ |= text == NULL || (first != NULL && strcmp(first, text) != 0);
        if (first == NULL) {
            first = text;
        } else {
            free(text);
        }
    }
    if (first != NULL) {
        fputs(first, stdout);
    }
    free(first);
    return differ ? 3 : 0;
}

static int open_descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static int run_forked(void) {
    int code = run_threads();
    fflush(stdout);
    pid_t child = fork();
    code |= run_threads();
    fflush(stdout);
    if (child == 0) {
        _exit(code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return code | (WIFEXITED(status) ? WEXITSTATUS(status) : 5);
}

static int use_library(const char *library_path) {
    void *library = dlopen(library_path, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    CMPIInstanceMI *(*make_instances)(const CMPIBroker *, const CMPIContext *, const char *, CMPIStatus *);
    CMPIAssociationMI *(*make_associations)(const CMPIBroker *, const CMPIContext *, const char *,
                                            CMPIStatus *);
    CMPIMethodMI *(*make_methods)(const CMPIBroker *, const CMPIContext *, const char *, CMPIStatus *);
    *(void **)&make_instances = dlsym(library, "_Generic_Create_InstanceMI");
    *(void **)&make_associations = dlsym(library, "_Generic_Create_AssociationMI");
    *(void **)&make_methods = dlsym(library, "_Generic_Create_MethodMI");
    const CMPIContext *context = make_context("", 0);
    CMPIStatus status = {CMPI_RC_ERROR_SYSTEM, NULL};
    instances = make_instances(&broker, context, options.provider, &status);
    associations = make_associations(&broker, context, options.provider, &status);
    methods = make_methods(&broker, context, options.provider, &status);
    int code = options.forks ? run_forked() : run_threads();
    instances->ft->cleanup(instances, context, 1);
    associations->ft->cleanup(associations, context, 1);
    methods->ft->cleanup(methods, context, 1);
    free_objects();
    dlclose(library);
    return code;
}

int main(int count, char **arguments) {
    const char *library = arguments[1];
    optind = 2;
    for (int option; (option = getopt(count, arguments, "+p:f:m:t:n:s:olF")) != -1;) {
        switch (option) {
        case 'p': options.principal = strcmp(optarg, "-") == 0 ? NULL : optarg; break;
        case 'f': options.flags = (unsigned)atoi(optarg); break;
        case 'm': options.provider = optarg; break;
        case 't': options.threads = atoi(optarg); break;
        case 'n': options.times = atoi(optarg); break;
        case 's': string_only_property = optarg; break;
        case 'o': options.objects = true; break;
        case 'l': options.languages = true; break;
        case 'F': options.forks = true; break;
        default: return 2;
        }
    }
    options.operation = arguments[optind];
    options.namespace = arguments[optind + 1];
    options.class_name = arguments[optind + 2];
    options.arguments = arguments + optind + 3;
    options.count = count - optind - 3;
    int before = open_descriptors();
    int code = use_library(library);
    if (code == 0 && open_descriptors() != before) {
        fputs("descriptors are left open\n", stderr);
        return 4;
    }
    return code;
}
