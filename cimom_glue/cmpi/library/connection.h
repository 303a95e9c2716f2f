/*
 * Connections to the daemon: a bounded pool for the whole library, safe across fork.
 *
 * One call at a time is on a connection; idle ones are kept for the next call.
 */
#ifndef XENCIM_CONNECTION_H
#define XENCIM_CONNECTION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define REASON_BYTES 512

enum outcome {
    OUTCOME_DONE,
    OUTCOME_AWAY,  /* nobody listens: nothing was sent */
    OUTCOME_LOST,  /* the connection ended before its time */
    OUTCOME_LATE,  /* the deadline has passed */
    OUTCOME_BROKEN /* what came is no frame */
};

/* A place in the pool, with what has been received and not been read yet. */
struct connection {
    int fd;
    bool busy;
    bool reused; /* it has carried a call before, so the daemon may have restarted since */
    unsigned char *data;
    size_t start;
    size_t end;
    size_t capacity;
};

int64_t now_ms(void);

/* A condition whose waits are measured as now_ms measures; tell whether it came before the deadline. */
void make_condition(pthread_cond_t *);
bool wait_until_ms(pthread_cond_t *, pthread_mutex_t *, int64_t deadline_ms);

/* A connection outside the pool. */
enum outcome connection_open(struct connection *, int64_t deadline_ms, char reason[REASON_BYTES]);
void connection_close(struct connection *);

/* Providers come and go; the last one to go closes the pool. */
void pool_enter(void);
void pool_leave(void);

enum outcome pool_take(struct connection **, int64_t deadline_ms, char reason[REASON_BYTES]);
void pool_give(struct connection *);
void pool_drop(struct connection *);

enum outcome send_frame(struct connection *, const struct writer *, int64_t deadline_ms);

/* The frame's content stays valid until the next call on the connection. */
enum outcome receive_frame(struct connection *, struct header *, struct reader *, int64_t deadline_ms);

#endif
