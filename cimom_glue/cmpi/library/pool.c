/*
 * The pool. No thread-local storage: its destructors would run after a CIMOM has unloaded the
 * library.
 *
 * Source: unix(7), pthread_atfork(3).
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"

#ifndef XENCIM_CMPI_SOCKET
#define XENCIM_CMPI_SOCKET "/run/xencim/cmpi.sock"
#endif

#define CONNECTIONS_MAX 16 /* calls beyond wait: the daemon answers them one by one anyway */
#define CONNECT_MS 900     /* a daemon that takes no connection is away; within a second it is told */
#define CONNECT_PAUSE_MS 20
#define KEPT_BYTES (256 * 1024) /* of an idle connection's buffer */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed;
static struct connection pool[CONNECTIONS_MAX];
static unsigned providers;

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The lock is held, or nobody else has the connection. */
void connection_close(struct connection *connection) {
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    free(connection->data);
    *connection = (struct connection){.fd = -1};
}

void make_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool wait_until_ms(pthread_cond_t *condition, pthread_mutex_t *held, int64_t deadline_ms) {
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(condition, held, &until) != ETIMEDOUT;
}

static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void in_parent(void) {
    pthread_mutex_unlock(&lock);
}

/* The parent's connections carry the parent's calls: a child begins with none. */
static void in_child(void) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection_close(&pool[i]);
    }
    make_condition(&freed);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void set_up(void) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        pool[i].fd = -1;
    }
    make_condition(&freed);
    pthread_atfork(before_fork, in_parent, in_child);
}

void pool_enter(void) {
    pthread_mutex_lock(&lock);
    providers++;
    pthread_mutex_unlock(&lock);
}

void pool_leave(void) {
    pthread_mutex_lock(&lock);
    if (--providers == 0) {
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (!pool[i].busy) {
                connection_close(&pool[i]);
            }
        }
    }
    pthread_mutex_unlock(&lock);
}

/* Nothing may come on an idle connection: what can be read is the daemon's end. */
static bool is_fresh(const struct connection *connection) {
    struct pollfd look = {.fd = connection->fd, .events = POLLIN};
    return poll(&look, 1, 0) == 0;
}

/* A free place, one with an open connection if there is any; the lock is held. */
static struct connection *find_place(void) {
    struct connection *empty = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *place = &pool[i];
        if (place->busy) {
            continue;
        }
        if (place->fd >= 0 && is_fresh(place)) {
            return place;
        }
        connection_close(place);
        if (empty == NULL) {
            empty = place;
        }
    }
    return empty;
}

static struct connection *wait_for_place(int64_t deadline_ms) {
    pthread_mutex_lock(&lock);
    struct connection *place = find_place();
    while (place == NULL && wait_until_ms(&freed, &lock, deadline_ms)) {
        place = find_place();
    }
    if (place != NULL) {
        place->busy = true;
    }
    pthread_mutex_unlock(&lock);
    return place;
}

static void explain(char reason[REASON_BYTES], const char *path, int error) {
    if (error == EACCES || error == EPERM) {
        snprintf(reason, REASON_BYTES, "xencim's daemon may not be reached at %s: %s", path, strerror(error));
        return;
    }
    snprintf(reason, REASON_BYTES,
             "xencim's daemon does not answer at %s (%s): start it, for example with"
             " `systemctl start xencim`, with cmpi.socket set to this path",
             path, strerror(error));
}

static int connect_once(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* A full queue (EAGAIN) may be short-lived; whatever else is wrong is so at once. */
enum outcome connection_open(struct connection *place, int64_t deadline_ms, char reason[REASON_BYTES]) {
    const char *path = secure_getenv("XENCIM_CMPI_SOCKET");
    if (path == NULL) {
        path = XENCIM_CMPI_SOCKET;
    }
    int64_t until_ms = now_ms() + CONNECT_MS;
    if (until_ms > deadline_ms) {
        until_ms = deadline_ms;
    }
    for (;;) {
        int fd = connect_once(path);
        if (fd >= 0) {
            place->fd = fd;
            place->reused = false;
            return OUTCOME_DONE;
        }
        int error = errno;
        if ((error != EAGAIN && error != EINTR) || now_ms() >= until_ms) {
            explain(reason, path, error);
            return OUTCOME_AWAY;
        }
        poll(NULL, 0, CONNECT_PAUSE_MS);
    }
}

enum outcome pool_take(struct connection **taken, int64_t deadline_ms, char reason[REASON_BYTES]) {
    struct connection *place = wait_for_place(deadline_ms);
    if (place == NULL) {
        return OUTCOME_LATE;
    }
    enum outcome outcome = place->fd >= 0 ? OUTCOME_DONE : connection_open(place, deadline_ms, reason);
    if (outcome != OUTCOME_DONE) {
        pool_drop(place);
        return outcome;
    }
    *taken = place;
    return OUTCOME_DONE;
}

static void leave(struct connection *place, bool keep) {
    pthread_mutex_lock(&lock);
    if (!keep || providers == 0) {
        connection_close(place);
    } else if (place->capacity > KEPT_BYTES) {
        free(place->data);
        place->data = NULL;
        place->capacity = 0;
    }
    place->busy = false;
    place->reused = true;
    place->start = place->end = 0;
    pthread_cond_signal(&freed);
    pthread_mutex_unlock(&lock);
}

void pool_give(struct connection *place) {
    /* Bytes after an answer's end belong to nothing. */
    leave(place, place->start == place->end);
}

void pool_drop(struct connection *place) {
    leave(place, false);
}
