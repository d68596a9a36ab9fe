/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session keys
 */

#include "core/session-keys.h"

#include "core/outcome.h"
#include "core/session.h"

#include <inttypes.h>
#include <string.h>

static bool is_of(const Entry *entry, const char *session)
{
        return strcmp(entry_session(entry), session) == 0;
}

/* How many keys more @session has with @change, modulo 2^64. */
static uint64_t n_more_of_change(const Overlay *overlay,
                                 const Namespace *ns,
                                 const NamespaceChange *change,
                                 const char *session)
{
        uint64_t n_more = 0;

        for (guint i = 0; i < change->entries->len; i++) {
                const Entry *entry = change->entries->pdata[i];
                const Entry *present;

                if (entry->class != ENTRY_SESSION)
                        continue;
                present = overlay_lookup_at(overlay, ns, entry_key(entry), "");
                n_more += (uint64_t) is_of(entry, session) -
                          (uint64_t) (present && is_of(present, session));
        }

        return n_more;
}

int session_keys_check(const State *state,
                       const Overlay *overlay,
                       const Limits *limits,
                       const char *session,
                       const Commit *commit,
                       char **reterr_text)
{
        uint64_t n_keys, n_more = 0;

        if (!session)
                return 0;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                n_more += n_more_of_change(overlay, state_lookup(state, change->name), change,
                                           session);
        }

        n_keys = overlay_session_keys(overlay, session) + n_more;
        if ((int64_t) n_more <= 0 || n_keys <= limits->connection_session_keys)
                return 0;

        *reterr_text = g_strdup_printf("%s would have %" PRIu64 " keys of class session, a "
                                       "connection may have %" PRIu64,
                                       session_connection(session), n_keys,
                                       limits->connection_session_keys);
        return CORE_E_QUOTA_EXCEEDED;
}

typedef struct Ending {
        Commit *commit;
        NamespaceChange *change; /* the last one; or NULL */
} Ending;

static void end_entry(void *userdata, const char *name, Entry *entry)
{
        Ending *ending = userdata;

        if (!ending->change)
                ending->commit->writer_uid = entry->writer_uid;
        if (!ending->change || strcmp(ending->change->name, name) != 0)
                ending->change = commit_add(ending->commit, NAMESPACE_CHANGE_ENTRIES, name);
        commit_add_entry(ending->commit, ending->change, entry_new_tombstone_of(entry));
}

void session_keys_end(Commit *commit, State *state, const char *session)
{
        Ending ending = { .commit = commit };

        sessions_walk(state_sessions(state), session, end_entry, &ending);
}
