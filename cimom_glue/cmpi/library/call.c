#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

#define TIMEOUT_S 50 /* below a minute, after which clients of CIMOMs give up */
#define TIMEOUT_MAX_S 3600
#define NAME_BYTES 256

static int64_t timeout_ms(void) {
    const char *given = secure_getenv("XENCIM_CMPI_TIMEOUT_S");
    long seconds = given == NULL ? TIMEOUT_S : strtol(given, NULL, 10);
    if (seconds < 1 || seconds > TIMEOUT_MAX_S) {
        seconds = TIMEOUT_S;
    }
    return seconds * INT64_C(1000);
}

static const char *context_text(const CMPIContext *context, const char *name) {
    CMPIStatus status = {CMPI_RC_OK, NULL};
    CMPIData entry = context->ft->getEntry(context, name, &status);
    if (status.rc != CMPI_RC_OK || entry.state & (CMPI_nullValue | CMPI_notFound | CMPI_badValue)) {
        return NULL;
    }
    if (entry.type == CMPI_chars) {
        return entry.value.chars;
    }
    return entry.type == CMPI_string ? text_of(entry.value.string) : NULL;
}

/* Some CIMOMs hand on credentials where a name is due: what follows the name is cut and kept nowhere. */
void write_principal(struct writer *writer, const CMPIContext *context) {
    char name[NAME_BYTES];
    const char *principal = context_text(context, CMPI_PRINCIPAL);
    size_t length = principal == NULL ? 0 : strcspn(principal, ":");
    if (length == 0 || length >= sizeof name) {
        write_text(writer, NULL);
        return;
    }
    memcpy(name, principal, length);
    name[length] = '\0';
    write_text(writer, name);
}

static uint32_t invocation_flags(const CMPIContext *context) {
    CMPIStatus status = {CMPI_RC_OK, NULL};
    CMPIData entry = context->ft->getEntry(context, CMPI_INVOCATION_FLAGS, &status);
    return status.rc == CMPI_RC_OK && entry.type == CMPI_uint32 ? entry.value.uint32 : 0;
}

void begin_call(struct call *call, const struct origin *origin, enum operation operation,
                const CMPIContext *context, const CMPIResult *result, const CMPIObjectPath *path) {
    *call = (struct call){.context = context, .operation = operation};
    call->to.broker = origin->broker;
    call->to.result = result;
    call->to.namespace = text_of(path->ft->getNameSpace(path, NULL));
    struct writer *request = &call->request;
    begin_frame(request, FRAME_REQUEST);
    call->deadline_at = request->size;
    write_number(request, 0, 4);
    write_principal(request, context);
    write_text(request, context_text(context, CMPI_ACCEPT_LANGUAGE));
    write_number(request, operation, 1);
    write_number(request, invocation_flags(context), 4);
    write_text(request, origin->class_name);
    write_path(request, path, 0);
}

struct answer {
    CMPIStatus status;
    bool delivered; /* something has reached the broker, so the call cannot be made again */
};

/* The message's language becomes that of the CIMOM's answer. */
static CMPIStatus read_error(const struct call *call, struct reader *content) {
    const CMPIBroker *broker = call->to.broker;
    CMPIrc rc = (CMPIrc)read_number(content, 4);
    const char *message = read_text(content);
    const char *language = read_text(content);
    if (content->failed || message == NULL || rc == CMPI_RC_OK) {
        return failure(broker, CMPI_RC_ERR_FAILED, "the answer of xencim's daemon is malformed");
    }
    if (language != NULL) {
        call->context->ft->addEntry(call->context, CMPI_CONTENT_LANGUAGE,
                                    (const CMPIValue *)(const void *)language, CMPI_chars);
    }
    return failure(broker, rc, message);
}

static enum outcome receive_answer(const struct call *call, struct connection *connection,
                                   int64_t deadline_ms, struct answer *answer) {
    const struct delivery *to = &call->to;
    for (;;) {
        struct header header;
        struct reader content;
        enum outcome outcome = receive_frame(connection, &header, &content, deadline_ms);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (header.version != PROTOCOL_VERSION) {
            answer->status = failure(to->broker, CMPI_RC_ERR_FAILED,
                                     "xencim's daemon and its provider library are of different versions: "
                                     "install both from one release");
            return OUTCOME_BROKEN;
        }
        if (header.kind == FRAME_DONE) {
            return OUTCOME_DONE;
        }
        if (header.kind == FRAME_ERROR) {
            answer->status = read_error(call, &content);
            return OUTCOME_DONE;
        }
        if (header.kind != FRAME_ITEMS) {
            return OUTCOME_BROKEN;
        }
        answer->delivered = true;
        if (to->result == NULL) {
            return OUTCOME_BROKEN;
        }
        answer->status = deliver_items(to, &content);
        if (answer->status.rc != CMPI_RC_OK) {
            return OUTCOME_BROKEN; /* the rest of the answer is not wanted */
        }
    }
}

static bool is_read(enum operation operation) {
    return operation != OP_CREATE && operation != OP_MODIFY && operation != OP_DELETE &&
           operation != OP_INVOKE;
}

static CMPIStatus describe(const struct call *call, enum outcome outcome, const char *reason) {
    const CMPIBroker *broker = call->to.broker;
    switch (outcome) {
    case OUTCOME_AWAY: return failure(broker, CMPI_RC_ERR_FAILED, reason);
    case OUTCOME_LATE: return failure(broker, CMPI_RC_ERR_FAILED, "xencim's daemon has not answered in time");
    case OUTCOME_LOST:
        if (is_read(call->operation)) {
            return failure(broker, CMPI_RC_ERR_FAILED, "xencim's daemon ended before it had answered");
        }
        return failure(
            broker, CMPI_RC_ERR_FAILED,
            "xencim's daemon ended before it had answered: whether the change was made is not known");
    default: return failure(broker, CMPI_RC_ERR_FAILED, "the answer of xencim's daemon is malformed");
    }
}

/* Make the call once; tell in `again` whether it can be made again without harm. */
static enum outcome attempt(struct call *call, int64_t deadline_ms, struct answer *answer, bool *again,
                            char reason[REASON_BYTES]) {
    struct connection *connection = NULL;
    *again = false;
    enum outcome outcome = pool_take(&connection, deadline_ms, reason);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    bool reused = connection->reused;
    int64_t left_ms = deadline_ms - now_ms();
    patch_number(&call->request, call->deadline_at, left_ms > 0 ? (uint64_t)left_ms : 0, 4);
    outcome = send_frame(connection, &call->request, deadline_ms);
    bool sent = outcome == OUTCOME_DONE;
    if (sent) {
        outcome = receive_answer(call, connection, deadline_ms, answer);
    }
    *again = reused && outcome == OUTCOME_LOST && !answer->delivered && (!sent || is_read(call->operation));
    if (outcome == OUTCOME_DONE) {
        pool_give(connection);
    } else {
        pool_drop(connection);
    }
    return outcome;
}

CMPIStatus finish_call(struct call *call) {
    if (call->request.failed) {
        drop_frame(&call->request);
        return failure(call->to.broker, CMPI_RC_ERR_INVALID_PARAMETER,
                       "the request is too large, nested too deeply or has a value of an unknown type");
    }
    end_frame(&call->request);
    int64_t deadline_ms = now_ms() + timeout_ms();
    struct answer answer = {{CMPI_RC_OK, NULL}, false};
    char reason[REASON_BYTES] = "";
    bool again = false;
    enum outcome outcome = attempt(call, deadline_ms, &answer, &again, reason);
    if (again) {
        outcome = attempt(call, deadline_ms, &answer, &again, reason);
    }
    call->away = outcome == OUTCOME_AWAY;
    if (outcome != OUTCOME_DONE && answer.status.rc == CMPI_RC_OK) {
        answer.status = describe(call, outcome, reason);
    }
    drop_frame(&call->request);
    if (answer.status.rc == CMPI_RC_OK && call->to.result != NULL) {
        call->to.result->ft->returnDone(call->to.result);
    }
    return answer.status;
}
