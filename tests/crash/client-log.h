/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Client log
 *
 * What clients asked of a recorded regentd and what it told them: the messages of a trace, read.
 */

#include "core/commit.h"
#include "trace.h"

typedef enum RequestOutcome {
        REQUEST_PENDING, /* never answered */
        REQUEST_DONE,
        REQUEST_REFUSED,
        REQUEST_UNKNOWN, /* OutcomeUnknown */
} RequestOutcome;

typedef struct Request {
        char *text;                   /* for people: who called what */
        Commit *asked;                /* NULL: it only reads */
        bool is_restoration, is_mark; /* Restore and MarkGood */
        CommitSettlement settlement;  /* ConfirmChange and CancelChange */
        bool must_change;             /* done, it has changed something */
        bool is_promise;              /* done, all up to its revision is on disk */
        guint received_at;            /* an event; as all below */
        guint replied_at;             /* G_MAXUINT: never */
        RequestOutcome outcome;
        uint64_t revision; /* from the reply; 0: none in it */
        bool is_matched;   /* the oracle's: there is a commit of it */
} Request;

/* A value in a signal: visible to everyone from there on. */
typedef struct Announcement {
        guint sent_at;
        char *ns;
        Entry *entry;
} Announcement;

typedef struct ClientLog {
        GPtrArray *requests;      /* Request, as they came */
        GPtrArray *announcements; /* Announcement */
        GHashTable *by_serial;    /* "SENDER SERIAL" -> Request */
        bool is_lazy;
} ClientLog;

/* @is_lazy: what does not say how durable it is to be is lazy. */
ClientLog *client_log_new(const Trace *trace, bool is_lazy);
ClientLog *client_log_free(ClientLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClientLog, client_log_free)

/* Whether @commit is what came of the request: all that it sets, and nothing it does not ask for. */
bool request_asks_for(const Request *request, const Commit *commit);
