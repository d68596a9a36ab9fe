/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Confirmation
 */

#include "core/confirmation.h"

#include "core/outcome.h"

#include <inttypes.h>
#include <string.h>

int confirmation_check_key(State *state, const char *name, const char *key, char **reterr_text)
{
        const PendingChange *change = pending_changes_of_key(state_pending(state), name, key);

        if (!change)
                return 0;

        *reterr_text =
                g_strdup_printf("'%s' of '%s' waits for the confirmation of revision %" PRIu64, key,
                                name, change->revision);
        return CORE_E_BUSY;
}

int confirmation_check_namespace(State *state, const char *name, char **reterr_text)
{
        const PendingChange *change = pending_changes_of_namespace(state_pending(state), name);

        if (!change)
                return 0;

        *reterr_text =
                g_strdup_printf("Keys of '%s' wait for the confirmation of revision %" PRIu64, name,
                                change->revision);
        return CORE_E_BUSY;
}

int confirmation_check_all(State *state, char **reterr_text)
{
        const GPtrArray *all = pending_changes_all(state_pending(state));

        if (all->len == 0)
                return 0;

        /* Whose they are is not everybody's business. */
        *reterr_text = g_strdup_printf("%u changes wait for a confirmation", all->len);
        return CORE_E_BUSY;
}

/* What @changed takes the place of. NULL: its key was seen to already. */
static Entry *entry_before(const NamespaceChange *change, guint i, const Namespace *ns)
{
        const Entry *changed = change->entries->pdata[i];
        const Entry *last = i > 0 ? change->entries->pdata[i - 1] : NULL;
        Entry *present;

        /* A change of class is a tombstone, and the new entry right behind it. */
        if (last && strcmp(entry_key(last), entry_key(changed)) == 0)
                return NULL;

        present = namespace_lookup_at(ns, entry_key(changed), entry_release(changed));
        return present ? entry_ref(present) : entry_new_tombstone_of(changed);
}

static void add_way_back(PendingChange *pending, const NamespaceChange *change, const Namespace *ns)
{
        WayBack *way_back = pending_change_add_namespace(pending, change->name);

        for (guint i = 0; i < change->entries->len; i++) {
                Entry *before = entry_before(change, i, ns);

                if (before)
                        pending_change_add_entry(pending, way_back, before);
        }
}

G_GNUC_PRINTF(2, 3)
static int refuse(char **reterr_text, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        *reterr_text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return CORE_E_QUOTA_EXCEEDED;
}

static int check_limits(State *state,
                        const Limits *limits,
                        const PendingChange *pending,
                        char **reterr_text)
{
        const PendingChanges *others = state_pending(state);
        const Accounts *accounts = state_accounts(state);
        uint32_t uid = pending->writer_uid;

        if (pending->n_bytes > limits->commit_bytes) {
                *reterr_text = g_strdup_printf("The way back would take %" PRIu64 " bytes, it may "
                                               "take %" PRIu64,
                                               pending->n_bytes, limits->commit_bytes);
                return CORE_E_TOO_BIG;
        }
        if (!accounts_may_charge(accounts, uid, ACCOUNT_PENDING_CHANGES, 1,
                                 limits->uid_pending_changes))
                return refuse(reterr_text,
                              "%" PRIu64 " changes of uid %" PRIu32
                              " wait for a confirmation, %" PRIu64 " may",
                              accounts_get(accounts, uid, ACCOUNT_PENDING_CHANGES), uid,
                              limits->uid_pending_changes);
        if (!accounts_may_charge(accounts, uid, ACCOUNT_PENDING_BYTES, pending->n_bytes,
                                 limits->uid_pending_bytes))
                return refuse(reterr_text,
                              "The ways back of uid %" PRIu32 " would take more than %" PRIu64
                              " bytes",
                              uid, limits->uid_pending_bytes);
        if (uid != 0 && pending_changes_all(others)->len >= limits->pending_changes)
                return refuse(reterr_text, "%u changes wait for a confirmation, no more may",
                              pending_changes_all(others)->len);
        if (uid != 0 && pending_changes_bytes(others) + pending->n_bytes > limits->pending_bytes)
                return refuse(reterr_text, "All ways back would take more than %" PRIu64 " bytes",
                              limits->pending_bytes);
        return 0;
}

int confirmation_prepare(State *state,
                         const Limits *limits,
                         const ChangeSet *set,
                         Commit *commit,
                         char **reterr_text)
{
        const ConfirmationWish *wish = set->confirmation;
        g_autoptr(PendingChange) pending = NULL;
        int r;

        if (commit->changes->len == 0)
                return 0;

        pending = pending_change_new(commit->revision, commit->writer_uid);
        pending->deadline_usec = wish->deadline_usec;
        memcpy(pending->boot_id, wish->boot_id, sizeof pending->boot_id);
        memcpy(pending->digest, wish->digest, sizeof pending->digest);
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                add_way_back(pending, change, state_lookup(state, change->name));
        }

        r = check_limits(state, limits, pending, reterr_text);
        if (r != 0)
                return r;

        commit->pending = g_steal_pointer(&pending);
        return 0;
}

/* Whether @before would be there still if it had not been changed. */
static bool may_come_back(State *state, const Entry *before, bool is_other_boot)
{
        if (entry_is_tombstone(before) || (is_other_boot && !entry_is_persistent(before)))
                return false;
        return before->class != ENTRY_SESSION ||
               !sessions_is_gone(state_sessions(state), entry_session(before));
}

/* Makes the key of @before what it was. */
static void undo_entry(Commit *commit,
                       NamespaceChange *change,
                       const Namespace *ns,
                       const Entry *before,
                       bool was_set)
{
        const Entry *present = namespace_lookup_at(ns, entry_key(before), entry_release(before));

        if (present && was_set && entry_equal(present, before))
                return;
        if (present && (!was_set || present->class != before->class))
                commit_add_entry(commit, change, entry_new_tombstone_of(present));
        if (was_set)
                commit_add_entry(commit, change, entry_copy(before));
}

static void undo_namespace(Commit *commit,
                           State *state,
                           const WayBack *way_back,
                           bool is_other_boot)
{
        const Namespace *ns = state_lookup(state, way_back->name);
        NamespaceChange *change;

        if (!ns)
                return;

        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, way_back->name);
        for (guint i = 0; i < way_back->entries->len; i++) {
                const Entry *before = way_back->entries->pdata[i];

                undo_entry(commit, change, ns, before, may_come_back(state, before, is_other_boot));
        }
        if (change->entries->len == 0)
                g_ptr_array_remove_index(commit->changes, commit->changes->len - 1);
}

int confirmation_settle(State *state, const ChangeSet *set, Commit *commit, char **reterr_text)
{
        const PendingChange *change = pending_changes_lookup(state_pending(state), set->settles);

        if (!change) {
                *reterr_text = g_strdup(CONFIRMATION_UNKNOWN_TEXT);
                return CORE_E_NOT_CONFIRMED;
        }

        commit->settles = change->revision;
        commit->settlement = set->settlement;
        if (set->settlement == COMMIT_CONFIRMS)
                return 0;

        for (guint i = 0; i < change->ways_back->len; i++)
                undo_namespace(commit, state, change->ways_back->pdata[i], set->is_other_boot);
        return 0;
}
