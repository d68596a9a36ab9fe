/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Replay of entries
 *
 * A journal is for the most part commits that do nothing but set and delete entries of few namespaces.
 * Such a one goes into the state without a Commit being made of it: that alone takes longer than all the
 * rest.
 */

#include "core/limits.h"
#include "store/entries-loader.h"
#include "store/record.h"

typedef struct EntriesReplay {
        State *state;
        EntriesLoader *loader;
        uint64_t revision;    /* of the last commit; 0: none since the state was looked at */
        const Record *record; /* that is being read */
        uint32_t writer_uid;
        bool has_name;
        char name[LIMIT_NAMESPACE_NAME_BYTES + 1]; /* that was looked up last */
        size_t name_bytes;
        Namespace *ns; /* what was found; NULL: nothing */
} EntriesReplay;

void entries_replay_init(EntriesReplay *replay, State *state);
void entries_replay_clear(EntriesReplay *replay);

enum {
        ENTRIES_REPLAY_E_OTHER = 100, /* it does something else, too */
};

/*
 * Takes the commit of @record, of kind RECORD_COMMIT, which is in the state after entries_replay_flush()
 * at the latest. 0, or, with nothing done, -EBADMSG, COMMIT_CODEC_E_NEWER or ENTRIES_REPLAY_E_OTHER.
 */
int entries_replay_take(EntriesReplay *replay, const Record *record);

/* Call before the state is looked at or changed. */
void entries_replay_flush(EntriesReplay *replay);
