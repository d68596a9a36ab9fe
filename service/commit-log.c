/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit log
 */

#include "commit-log.h"

#include "core/commit.h"
#include "util/log.h"

#include <inttypes.h>

/* A change was undone because nobody confirmed it, or because it was cancelled. */
#define MESSAGE_UNDONE "aefb10df717a4f3b819aa46004ea51bb"

/* What was done to the namespace itself. */
static const char *describe_kind(NamespaceChangeKind kind)
{
        switch (kind) {
        case NAMESPACE_CHANGE_CREATE:
                return "made";
        case NAMESPACE_CHANGE_REMOVE:
                return "removed";
        case NAMESPACE_CHANGE_ACCESS:
                return "changed the access of";
        case NAMESPACE_CHANGE_ENTRIES:
                break;
        }

        g_assert_not_reached();
}

static void log_entries(const Commit *commit, const NamespaceChange *change)
{
        const char *key = entry_key(change->entries->pdata[0]);
        guint n_more = change->entries->len - 1;
        const LogField fields[] = {
                LOG_NAMESPACE(change->name),
                LOG_REVISION(commit->revision),
                LOG_UID(commit->writer_uid),
                n_more == 0 ? LOG_KEY(key) : (LogField){},
                {},
        };

        log_record(commit->reason ? LOG_INFO : LOG_DEBUG, fields,
                   "%s: uid %" PRIu32 " changed '%s' and %u more at revision %" PRIu64 "%s%s",
                   change->name, commit->writer_uid, key, n_more, commit->revision,
                   commit->reason ? ": " : "", commit->reason ? commit->reason : "");
}

static void log_change(const Commit *commit, const NamespaceChange *change)
{
        if (change->kind == NAMESPACE_CHANGE_ENTRIES)
                log_entries(commit, change);
        else
                log_record(LOG_INFO,
                           LOG_FIELDS(LOG_NAMESPACE(change->name), LOG_REVISION(commit->revision),
                                      LOG_UID(commit->writer_uid)),
                           "%s: uid %" PRIu32 " %s it at revision %" PRIu64, change->name,
                           commit->writer_uid, describe_kind(change->kind), commit->revision);
}

static void log_confirmation(const Commit *commit)
{
        const LogField fields[] = {
                LOG_MESSAGE_ID(MESSAGE_UNDONE),
                LOG_REVISION(commit->revision),
                LOG_UID(commit->writer_uid),
                {},
        };

        if (commit->pending)
                log_record(LOG_INFO, LOG_FIELDS(LOG_REVISION(commit->revision)),
                           "Revision %" PRIu64 " is undone unless it is confirmed",
                           commit->revision);
        else if (commit->settlement == COMMIT_CONFIRMS)
                log_record(LOG_INFO,
                           LOG_FIELDS(LOG_REVISION(commit->revision), LOG_UID(commit->writer_uid)),
                           "uid %" PRIu32 " confirmed revision %" PRIu64 " at revision %" PRIu64,
                           commit->writer_uid, commit->settles, commit->revision);
        else if (commit->settlement == COMMIT_UNDOES)
                log_record(LOG_NOTICE, fields,
                           "Revision %" PRIu64 " was undone at revision %" PRIu64 ": %s",
                           commit->settles, commit->revision, commit->reason);
}

void commit_log(const GPtrArray *commits)
{
        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                if (commit->source.revision > 0)
                        log_record(LOG_NOTICE,
                                   LOG_FIELDS(LOG_REVISION(commit->revision),
                                              LOG_UID(commit->writer_uid)),
                                   "uid %" PRIu32 " restored the state of revision %" PRIu64
                                   " at revision %" PRIu64,
                                   commit->writer_uid, commit->source.revision, commit->revision);
                log_confirmation(commit);
                for (guint j = 0; j < commit->changes->len; j++)
                        log_change(commit, commit->changes->pdata[j]);
        }
}
