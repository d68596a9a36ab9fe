/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Upgrade
 */

#include "store/upgrade.h"

#include "store/checkpoint.h"
#include "util/log.h"

#define MESSAGE_UPGRADED "b168bb36c02b43bca5ba7ccbf6d12def"

bool upgrade_is_due(const RecoveryFindings *findings)
{
        return !findings->is_nothing && findings->tail.version < FORMAT_VERSION;
}

int upgrade_side(Side *side, State *state, const RecoveryFindings *findings, uint64_t now_usec)
{
        const char *path = side->directory->path;
        int r;

        if (!upgrade_is_due(findings))
                return 0;

        r = checkpoint_take(side, state, now_usec);
        if (r < 0)
                return r;

        /* One line is enough for both sides. */
        log_record(
                side->part == COMMIT_PERSISTENT ? LOG_NOTICE : LOG_DEBUG,
                LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_UPGRADED), LOG_FILE(path),
                           LOG_REVISION(state_revision(state))),
                "%s: was in format %u, and is in format %u from now on, which earlier versions of "
                "regentd do not read",
                path, findings->tail.version, FORMAT_VERSION);
        return 0;
}
