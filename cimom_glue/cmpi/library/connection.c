/* Frames over a connection, each wait bounded by the call's deadline. */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES (64 * 1024) /* what one receive may bring; also the buffer's first size */

static enum outcome wait_until(int fd, short events, int64_t deadline_ms) {
    for (;;) {
        int64_t left_ms = deadline_ms - now_ms();
        if (left_ms <= 0) {
            return OUTCOME_LATE;
        }
        struct pollfd look = {.fd = fd, .events = events};
        int ready = poll(&look, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (ready > 0) {
            return OUTCOME_DONE;
        }
        if (ready < 0 && errno != EINTR) {
            return OUTCOME_LOST;
        }
    }
}

enum outcome send_frame(struct connection *connection, const struct writer *frame, int64_t deadline_ms) {
    size_t sent = 0;
    while (sent < frame->size) {
        ssize_t count = send(connection->fd, frame->data + sent, frame->size - sent, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += (size_t)count;
        } else if (errno == EAGAIN) {
            enum outcome waited = wait_until(connection->fd, POLLOUT, deadline_ms);
            if (waited != OUTCOME_DONE) {
                return waited;
            }
        } else if (errno != EINTR) {
            return OUTCOME_LOST;
        }
    }
    return OUTCOME_DONE;
}

/* Make room for `bytes` from `start` on, and for more where that costs nothing. */
static bool make_room(struct connection *connection, size_t bytes) {
    size_t held = connection->end - connection->start;
    if (connection->start > 0) {
        memmove(connection->data, connection->data + connection->start, held);
        connection->start = 0;
        connection->end = held;
    }
    if (bytes <= connection->capacity) {
        return true;
    }
    size_t capacity = bytes > READ_BYTES ? bytes : READ_BYTES;
    unsigned char *data = realloc(connection->data, capacity);
    if (data == NULL) {
        return false;
    }
    connection->data = data;
    connection->capacity = capacity;
    return true;
}

static enum outcome fill(struct connection *connection, size_t bytes, int64_t deadline_ms) {
    if (connection->end - connection->start >= bytes) {
        return OUTCOME_DONE;
    }
    if (!make_room(connection, bytes)) {
        return OUTCOME_BROKEN;
    }
    while (connection->end - connection->start < bytes) {
        ssize_t count = recv(connection->fd, connection->data + connection->end,
                             connection->capacity - connection->end, 0);
        if (count > 0) {
            connection->end += (size_t)count;
        } else if (count < 0 && errno == EAGAIN) {
            enum outcome waited = wait_until(connection->fd, POLLIN, deadline_ms);
            if (waited != OUTCOME_DONE) {
                return waited;
            }
        } else if (count == 0 || errno != EINTR) {
            return OUTCOME_LOST;
        }
    }
    return OUTCOME_DONE;
}

enum outcome receive_frame(struct connection *connection, struct header *header, struct reader *content,
                           int64_t deadline_ms) {
    enum outcome outcome = fill(connection, HEADER_BYTES, deadline_ms);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *header = read_header(connection->data + connection->start);
    if (header->length > FRAME_MAX_BYTES) {
        return OUTCOME_BROKEN;
    }
    outcome = fill(connection, HEADER_BYTES + header->length, deadline_ms);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    const unsigned char *begin = connection->data + connection->start + HEADER_BYTES;
    *content = (struct reader){begin, begin + header->length, false};
    connection->start += HEADER_BYTES + header->length;
    return OUTCOME_DONE;
}
