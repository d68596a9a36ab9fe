/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Loading
 *
 * The store and the pipeline of regentd on a state directory, without a bus: one change set after
 * the other, each waited for.
 */

#include "core/pipeline.h"
#include "core/status.h"
#include "core/value-check.h"
#include "offline/reading.h"
#include "store/store.h"

#include <stdbool.h>

typedef struct Loading {
        sd_event *event;
        State *state;
        Store *store;
        Pipeline *pipeline;
        Origin *origin;
        ServiceStatus status;
        Limits limits;
        ChangeSet *set;     /* that is being filled; NULL: nothing is in it */
        GPtrArray *created; /* owned names of namespaces */
        char *scratch; /* a runtime directory of its own, when none is at hand; removed at the end */
        uint64_t n_commits;

        bool is_awake;
        bool is_settled;
        Settlement settlement; /* its text is @text */
        char *text;
} Loading;

/* Locks the directories and recovers them, as a start does. 0 or -EPROTO. */
int loading_open(Loading *ret_loading, const ReadingOptions *options);

/* Takes @set, and waits until it is durable or refused. 0 or an errno. */
int loading_submit(Loading *loading, ChangeSet *set, Settlement *ret_settlement, char **ret_text);

/* A clean stop. 0 or an errno. */
int loading_close(Loading *loading);

/* After a failure, too. */
void loading_clear(Loading *loading);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Loading, loading_clear)
