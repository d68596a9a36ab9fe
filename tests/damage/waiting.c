/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting
 */

#include "waiting.h"

#include "core/confirmation.h"

#include <string.h>

#define SESSION "0123456789abcdef0123456789abcdef:1.42"

Commit *waiting_begin(StoreFixture *fixture, const char *ns, const char *other_ns, const char *key)
{
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_ENTRIES);
        Commit *commit = store_fixture_commit(fixture);
        uint8_t byte = (uint8_t) commit->revision;
        g_autofree char *value = g_strdup_printf("waits %" G_GUINT64_FORMAT, commit->revision);
        g_autofree char *text = NULL;
        Limits limits;

        store_fixture_put(commit, ns, key, value, ENTRY_PERSISTENT);
        store_fixture_put(commit, other_ns, key, value, ENTRY_RUNTIME);

        limits_init(&limits);
        set->confirmation = g_new0(ConfirmationWish, 1);
        set->confirmation->deadline_usec = commit->revision << 40;
        memset(set->confirmation->digest, byte, PENDING_DIGEST_BYTES);
        memset(set->confirmation->boot_id, byte + 1, sizeof set->confirmation->boot_id);
        g_assert_cmpint(confirmation_prepare(fixture->state, &limits, set, commit, &text), ==, 0);
        return commit;
}

Commit *waiting_settle(StoreFixture *fixture, CommitSettlement settlement)
{
        const GPtrArray *all = pending_changes_all(state_pending(fixture->state));
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_SETTLE);
        Commit *commit = store_fixture_commit(fixture);
        g_autofree char *text = NULL;

        set->settlement = settlement;
        set->settles = ((PendingChange *) all->pdata[0])->revision;
        g_assert_cmpint(confirmation_settle(fixture->state, set, commit, &text), ==, 0);
        return commit;
}

void waiting_put_session(Commit *commit, const char *ns, const char *key, const char *value)
{
        g_autoptr(GVariant) variant = g_variant_ref_sink(g_variant_new_string(value));
        g_autoptr(Entry) entry = entry_new(key, variant, ENTRY_SESSION);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, ns);

        commit_add_entry(commit, change, entry_new_of_session(entry, SESSION));
}
