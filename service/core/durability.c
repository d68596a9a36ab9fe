/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durability
 */

#include "core/durability.h"

#include "core/change-set.h"

#include <errno.h>
#include <string.h>

int durability_from_name(const char *name)
{
        if (strcmp(name, "sync") == 0)
                return DURABILITY_SYNC;
        if (strcmp(name, "lazy") == 0)
                return DURABILITY_LAZY;
        return -EINVAL;
}

/* What is wished of no class in particular is, for all that is known here, about a persistent entry. */
static bool has_persistent(const GPtrArray *entries)
{
        for (guint i = 0; i < entries->len; i++) {
                const Entry *entry = entries->pdata[i];

                if (entry->class == ENTRY_AS_SEEN || entry_is_persistent(entry))
                        return true;
        }

        return false;
}

static bool commit_is_on_disk(const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (change->kind != NAMESPACE_CHANGE_ENTRIES || has_persistent(change->entries))
                        return true;
        }

        return false;
}

static bool is_of_disk(const ChangeSet *set, const Commit *commit)
{
        if (commit)
                return commit_is_on_disk(commit);

        for (guint i = 0; i < set->namespaces->len; i++) {
                const NamespaceWish *wish = set->namespaces->pdata[i];

                if (wish->entries->len == 0 || has_persistent(wish->entries))
                        return true;
        }
        return set->namespaces->len == 0;
}

bool durability_is_awaited(const ChangeSet *set, const Commit *commit, bool is_lazy_service)
{
        if (set->kind == CHANGE_SET_END_SESSION)
                return false;
        if (set->kind != CHANGE_SET_ENTRIES || set->confirmation)
                return true;
        if (set->durability == DURABILITY_LAZY || (set->flags & CHANGE_SET_DRY_RUN))
                return false;
        if (set->durability == DURABILITY_STANDARD && is_lazy_service)
                return false;
        return is_of_disk(set, commit);
}
