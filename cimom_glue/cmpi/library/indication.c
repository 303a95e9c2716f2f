/*
 * Indications: while filters are active, a thread of each interface follows the daemon's events and hands
 * them to the CIMOM, in order and each once. Where the daemon ends, the thread asks its successor for what
 * follows the last event that was delivered.
 *
 * Source: CMPI 1.0, chapter 6; docs/reference/cmpi-protocol.md, "Feeds of events".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "provider.h"

#define AGAIN_MS 500      /* between two tries to reach the daemon */
#define SILENCE_MS 30000  /* the daemon says something every 10 s */
#define SEND_MS 5000      /* for a frame of a few bytes */
#define NAME_BYTES 33     /* 16 random bytes in hexadecimal */
#define EVENTS_A_TURN 64  /* then what the broker keeps for the thread is let go */

/* A filter that is active; one expression may be activated for several classes. */
struct filter {
    struct filter *next;
    const CMPISelectExp *expression;
    unsigned uses;
    struct writer wish; /* principal, namespace and class, as the daemon is told them */
};

struct feed {
    const struct origin *origin;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool running;  /* the thread has been made */
    bool enabled;  /* by the CIMOM */
    bool ending;   /* the interface goes */
    bool outdated; /* the daemon was told other filters */
    bool known;    /* the daemon keeps a place for the feed */
    struct filter *filters;
    struct connection connection; /* the thread's; its descriptor may be shut by others */
    CMPIContext *context;         /* the thread's */
    unsigned delivered;           /* with this context */
    char name[NAME_BYTES];
    char log[NAME_BYTES]; /* which log of events the number belongs to, "" for none */
    uint64_t seen;
};

static const CMPIStatus done = {CMPI_RC_OK, NULL};

/* The thread ---------------------------------------------------------------------------------- */

/* What the broker keeps for a thread goes when the thread lets go of it: do so now and then. */
static void renew_attachment(struct feed *feed) {
    const CMPIBroker *broker = feed->origin->broker;
    if (++feed->delivered < EVENTS_A_TURN) {
        return;
    }
    CMPIContext *next = broker->bft->prepareAttachThread(broker, feed->context);
    if (next == NULL) {
        return;
    }
    broker->bft->detachThread(broker, feed->context);
    broker->bft->attachThread(broker, next);
    feed->context = next;
    feed->delivered = 0;
}

static enum outcome deliver(struct feed *feed, struct reader *content) {
    const CMPIBroker *broker = feed->origin->broker;
    uint64_t number = read_number(content, 8);
    if (content->failed) {
        return OUTCOME_BROKEN;
    }
    feed->seen = number;
    const char *namespace = NULL;
    CMPIInstance *event = read_event(broker, content, &namespace);
    if (event != NULL) {
        /* What becomes of it is the CIMOM's own, as is an event that it cannot hold. */
        broker->bft->deliverIndication(broker, feed->context, namespace, event);
        event->ft->release(event);
    }
    renew_attachment(feed);
    return OUTCOME_DONE;
}

static enum outcome take_position(struct feed *feed, struct reader *content) {
    const char *log = read_text(content);
    uint64_t number = read_number(content, 8);
    if (content->failed || log == NULL || strlen(log) >= sizeof feed->log) {
        return OUTCOME_BROKEN;
    }
    strcpy(feed->log, log);
    feed->seen = number;
    return OUTCOME_DONE;
}

static enum outcome tell_seen(struct feed *feed) {
    struct writer frame = {0};
    begin_frame(&frame, FRAME_SEEN);
    write_number(&frame, feed->seen, 8);
    end_frame(&frame);
    enum outcome outcome =
        frame.failed ? OUTCOME_BROKEN : send_frame(&feed->connection, &frame, now_ms() + SEND_MS);
    drop_frame(&frame);
    return outcome;
}

static enum outcome take_frame(struct feed *feed) {
    struct header header;
    struct reader content;
    enum outcome outcome = receive_frame(&feed->connection, &header, &content, now_ms() + SILENCE_MS);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (header.version != PROTOCOL_VERSION) {
        return OUTCOME_BROKEN;
    }
    switch (header.kind) {
    case FRAME_ALIVE: return OUTCOME_DONE;
    case FRAME_POSITION: return take_position(feed, &content);
    case FRAME_EVENT: outcome = deliver(feed, &content); break;
    default: return OUTCOME_BROKEN;
    }
    bool more = feed->connection.start < feed->connection.end;
    return outcome == OUTCOME_DONE && !more ? tell_seen(feed) : outcome;
}

/* Begin a frame that asks for events, for the filters of now; the lock is held. */
static void write_wish(struct feed *feed, struct writer *frame) {
    begin_frame(frame, FRAME_SUBSCRIBE);
    write_text(frame, feed->name);
    write_text(frame, feed->log[0] == '\0' ? NULL : feed->log);
    write_number(frame, feed->seen, 8);
    size_t at = frame->size;
    uint16_t count = 0;
    write_number(frame, 0, 2);
    for (const struct filter *filter = feed->filters; filter != NULL; filter = filter->next, count++) {
        write_bytes(frame, filter->wish.data, filter->wish.size);
    }
    patch_number(frame, at, count, 2);
    end_frame(frame);
    feed->outdated = false;
}

/* Say that no events are wanted any more; the daemon ends the connection once it has forgotten the feed. */
static void say_farewell(struct feed *feed, struct writer *wish) {
    char reason[REASON_BYTES];
    struct connection connection = {.fd = -1};
    int64_t deadline_ms = now_ms() + SEND_MS;
    struct writer end = {0};
    begin_frame(&end, FRAME_END);
    end_frame(&end);
    write_bytes(wish, end.data, end.size);
    enum outcome outcome = connection_open(&connection, deadline_ms, reason);
    if (outcome == OUTCOME_DONE && !end.failed && !wish->failed) {
        outcome = send_frame(&connection, wish, deadline_ms);
    }
    while (outcome == OUTCOME_DONE) {
        struct header header;
        struct reader content;
        outcome = receive_frame(&connection, &header, &content, deadline_ms);
        feed->known = outcome != OUTCOME_LOST;
    }
    drop_frame(&end);
    connection_close(&connection);
}

/* Follow events until the connection is over, or others are wanted. */
static void follow(struct feed *feed, const struct writer *wish) {
    char reason[REASON_BYTES];
    struct connection opened = {.fd = -1};
    if (wish->failed || connection_open(&opened, now_ms() + SEND_MS, reason) != OUTCOME_DONE) {
        return;
    }
    pthread_mutex_lock(&feed->lock);
    feed->connection = opened;
    pthread_mutex_unlock(&feed->lock);
    enum outcome outcome = send_frame(&feed->connection, wish, now_ms() + SEND_MS);
    feed->known |= outcome == OUTCOME_DONE;
    for (bool current = true; current && outcome == OUTCOME_DONE;) {
        outcome = take_frame(feed);
        pthread_mutex_lock(&feed->lock);
        current = !feed->outdated;
        pthread_mutex_unlock(&feed->lock);
    }
    pthread_mutex_lock(&feed->lock);
    connection_close(&feed->connection);
    pthread_mutex_unlock(&feed->lock);
}

static void *run(void *argument) {
    struct feed *feed = argument;
    const CMPIBroker *broker = feed->origin->broker;
    broker->bft->attachThread(broker, feed->context);
    pthread_mutex_lock(&feed->lock);
    for (bool last = false; !last;) {
        bool wanted = feed->enabled && !feed->ending && feed->filters != NULL;
        bool farewell = feed->known && (feed->ending || feed->filters == NULL);
        last = feed->ending;
        if (wanted || farewell) {
            struct writer wish = {0};
            write_wish(feed, &wish);
            pthread_mutex_unlock(&feed->lock);
            if (farewell) {
                say_farewell(feed, &wish);
            } else {
                follow(feed, &wish);
            }
            drop_frame(&wish);
            pthread_mutex_lock(&feed->lock);
            if (!feed->outdated && !last) {
                wait_until_ms(&feed->changed, &feed->lock, now_ms() + AGAIN_MS);
            }
        } else if (!last) {
            pthread_cond_wait(&feed->changed, &feed->lock);
        }
    }
    pthread_mutex_unlock(&feed->lock);
    broker->bft->detachThread(broker, feed->context);
    return NULL;
}

/* Tell the thread that what it is to do has changed; the lock is held. */
static void wake(struct feed *feed) {
    feed->outdated = true;
    if (feed->connection.fd >= 0) {
        shutdown(feed->connection.fd, SHUT_RD);
    }
    pthread_cond_broadcast(&feed->changed);
}

/* The interface ------------------------------------------------------------------------------- */

/* Ask the daemon whether a filter is allowed, and to begin a feed where one is named. */
static CMPIStatus ask(const struct feed *feed, const CMPIContext *context, const CMPIObjectPath *path,
                      const char *name, bool *away) {
    struct call call;
    begin_call(&call, feed->origin, OP_WATCH, context, NULL, path);
    write_text(&call.request, name);
    CMPIStatus status = finish_call(&call);
    *away = call.away;
    return status;
}

static CMPIStatus authorize(CMPIIndicationMI *mi, const CMPIContext *context, const CMPISelectExp *expression,
                            const char *class_name, const CMPIObjectPath *path, const char *owner) {
    (void)expression;
    (void)class_name;
    (void)owner;
    bool away = false;
    CMPIStatus status = ask(mi->hdl, context, path, NULL, &away);
    return away ? done : status;
}

/* No argument is looked at: their number differs between CIMOMs. */
static CMPIStatus must_poll(void) {
    return (CMPIStatus){CMPI_RC_ERR_NOT_SUPPORTED, NULL};
}

static struct filter **find(struct feed *feed, const CMPISelectExp *expression) {
    struct filter **at = &feed->filters;
    while (*at != NULL && (*at)->expression != expression) {
        at = &(*at)->next;
    }
    return at;
}

static void remove_filter(struct filter **at) {
    struct filter *filter = *at;
    *at = filter->next;
    drop_frame(&filter->wish);
    free(filter);
}

/* Add a filter and see that there is a thread; the lock is held. */
static bool add_filter(struct feed *feed, const CMPIContext *context, const CMPISelectExp *expression,
                       const char *class_name, const CMPIObjectPath *path) {
    struct filter **at = find(feed, expression);
    if (*at == NULL) {
        struct filter *filter = calloc(1, sizeof *filter);
        if (filter == NULL) {
            return false;
        }
        filter->expression = expression;
        write_principal(&filter->wish, context);
        write_text(&filter->wish, text_of(path->ft->getNameSpace(path, NULL)));
        write_text(&filter->wish, feed->origin->class_name ? feed->origin->class_name : class_name);
        *at = filter;
        if (filter->wish.failed) {
            remove_filter(at);
            return false;
        }
        wake(feed);
    }
    (*at)->uses++;
    if (!feed->running) {
        const CMPIBroker *broker = feed->origin->broker;
        feed->context = broker->bft->prepareAttachThread(broker, context);
        feed->running = feed->context != NULL && pthread_create(&feed->thread, NULL, run, feed) == 0;
    }
    return feed->running;
}

/* While the daemon is away a filter is taken all the same: the feed begins when the daemon is there. */
static CMPIStatus activate(CMPIIndicationMI *mi, const CMPIContext *context, const CMPISelectExp *expression,
                           const char *class_name, const CMPIObjectPath *path, CMPIBoolean first) {
    (void)first;
    struct feed *feed = mi->hdl;
    bool away = false;
    CMPIStatus status = ask(feed, context, path, feed->name, &away);
    if (status.rc != CMPI_RC_OK && !away) {
        return status;
    }
    pthread_mutex_lock(&feed->lock);
    feed->known |= !away;
    bool added = add_filter(feed, context, expression, class_name, path);
    pthread_mutex_unlock(&feed->lock);
    return added ? done
                 : failure(feed->origin->broker, CMPI_RC_ERR_FAILED, "there is no memory for another filter");
}

static CMPIStatus deactivate(CMPIIndicationMI *mi, const CMPIContext *context,
                             const CMPISelectExp *expression, const char *class_name,
                             const CMPIObjectPath *path, CMPIBoolean last) {
    (void)context;
    (void)class_name;
    (void)path;
    (void)last;
    struct feed *feed = mi->hdl;
    pthread_mutex_lock(&feed->lock);
    struct filter **at = find(feed, expression);
    if (*at != NULL && --(*at)->uses == 0) {
        remove_filter(at);
        wake(feed);
    }
    pthread_mutex_unlock(&feed->lock);
    return done;
}

static CMPIStatus set_enabled(CMPIIndicationMI *mi, bool enabled) {
    struct feed *feed = mi->hdl;
    pthread_mutex_lock(&feed->lock);
    feed->enabled = enabled;
    wake(feed);
    pthread_mutex_unlock(&feed->lock);
    return done;
}

static CMPIStatus enable(CMPIIndicationMI *mi, const CMPIContext *context) {
    (void)context;
    return set_enabled(mi, true);
}

static CMPIStatus disable(CMPIIndicationMI *mi, const CMPIContext *context) {
    (void)context;
    return set_enabled(mi, false);
}

static CMPIStatus clean_up(CMPIIndicationMI *mi, const CMPIContext *context, CMPIBoolean terminating) {
    (void)context;
    struct feed *feed = mi->hdl;
    pthread_mutex_lock(&feed->lock);
    bool stays = feed->filters != NULL && !terminating;
    feed->ending = !stays;
    if (feed->ending) {
        wake(feed);
    }
    pthread_mutex_unlock(&feed->lock);
    if (stays) {
        return (CMPIStatus){CMPI_RC_DO_NOT_UNLOAD, NULL};
    }
    if (feed->running) {
        pthread_join(feed->thread, NULL);
    }
    while (feed->filters != NULL) {
        remove_filter(&feed->filters);
    }
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
    return end_provider(mi);
}

static const CMPIIndicationMIFT indication_functions = {
    CMPI_VERSION_100, CMPI_VERSION_100, PROVIDER_NAME, clean_up, authorize,
    must_poll,        activate,         deactivate,    enable,   disable,
};

static bool name_feed(struct feed *feed) {
    unsigned char random[(NAME_BYTES - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(feed->name + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

EXPORT CMPIIndicationMI *_Generic_Create_IndicationMI(const CMPIBroker *, const CMPIContext *, const char *,
                                                      CMPIStatus *);

EXPORT CMPIIndicationMI *_Generic_Create_IndicationMI(const CMPIBroker *broker, const CMPIContext *context,
                                                      const char *name, CMPIStatus *status) {
    (void)context;
    struct provider *provider = make_provider(broker, name, status);
    struct feed *feed = calloc(1, sizeof *feed);
    if (provider == NULL || feed == NULL || !name_feed(feed)) {
        free(feed);
        if (provider != NULL) {
            end_provider(provider);
        }
        return NULL;
    }
    feed->origin = &provider->origin;
    feed->connection.fd = -1;
    pthread_mutex_init(&feed->lock, NULL);
    make_condition(&feed->changed);
    provider->interface.indication = (CMPIIndicationMI){feed, &indication_functions};
    return &provider->interface.indication;
}
