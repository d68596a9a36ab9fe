/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batch
 */

#include "core/batch.h"

#include <string.h>

/* A batch is held in memory twice, and everyone in it waits for all of it. */
#define BATCH_SETS_MAX    1024u
#define BATCH_BYTES_MAX   (8 * LIMIT_MIB)
#define BATCH_CHANGES_MAX 32768u

void batch_init(Batch *batch)
{
        *batch = (Batch){ .sets = g_ptr_array_new() };
}

void batch_clear(Batch *batch)
{
        g_clear_pointer(&batch->sets, g_ptr_array_unref);
        g_clear_pointer(&batch->passed, g_hash_table_unref);
}

void batch_reset(Batch *batch)
{
        g_clear_pointer(&batch->passed, g_hash_table_unref);
        g_ptr_array_set_size(batch->sets, 0);
        *batch = (Batch){ .sets = batch->sets };
}

/* Whether it is about a change that waits for a confirmation, of which the overlay knows nothing. */
static bool is_of_confirmation(const ChangeSet *set)
{
        return set->kind == CHANGE_SET_SETTLE || set->confirmation;
}

static bool is_of_namespace(const ChangeSet *set)
{
        return is_of_confirmation(set) || set->kind == CHANGE_SET_RESTORE ||
               set->kind == CHANGE_SET_END_SESSION || set->kind == CHANGE_SET_CREATE_NAMESPACE ||
               set->kind == CHANGE_SET_REMOVE_NAMESPACE || set->kind == CHANGE_SET_ACCESS;
}

/* Whether it changes what an owner owns, which the overlay's sums would have to know. */
static bool is_alone(const ChangeSet *set)
{
        return is_of_confirmation(set) || set->kind == CHANGE_SET_END_SESSION ||
               set->kind == CHANGE_SET_REMOVE_NAMESPACE || set->kind == CHANGE_SET_RESTORE ||
               (set->kind == CHANGE_SET_ACCESS && (set->access_fields & ACCESS_OWNER));
}

static const char *name_of(const ChangeSet *set, guint i)
{
        return ((const NamespaceWish *) set->namespaces->pdata[i])->name;
}

static bool touches(const ChangeSet *set, const char *name)
{
        for (guint i = 0; i < set->namespaces->len; i++)
                if (strcmp(name_of(set, i), name) == 0)
                        return true;

        return false;
}

/*
 * Ends of changes that wait for a confirmation go together, as do those of sessions: no two of these
 * have a key in common.
 */
static bool ends_another(const Batch *batch, const ChangeSet *set)
{
        if (set->kind != CHANGE_SET_SETTLE && set->kind != CHANGE_SET_END_SESSION)
                return false;

        for (guint i = 0; i < batch->sets->len; i++) {
                const ChangeSet *other = batch->sets->pdata[i];

                if (other->kind != set->kind)
                        return false;
                if (set->kind == CHANGE_SET_SETTLE ? other->settles == set->settles
                                                   : strcmp(other->session, set->session) == 0)
                        return false;
        }

        return true;
}

bool batch_is_full(const Batch *batch, const ChangeSet *set)
{
        if (batch->is_closed)
                return true;
        if (batch->sets->len == 0 ||
            (ends_another(batch, set) && batch->sets->len < BATCH_SETS_MAX &&
             batch->n_changes + set->n_changes <= BATCH_CHANGES_MAX))
                return false;

        return (batch->of_namespace && is_alone(batch->of_namespace)) ||
               batch->sets->len >= BATCH_SETS_MAX ||
               batch->n_bytes + set->n_bytes > BATCH_BYTES_MAX ||
               batch->n_changes + set->n_changes > BATCH_CHANGES_MAX;
}

static bool is_behind_passed(const Batch *batch, const ChangeSet *set)
{
        if (!batch->passed)
                return false;
        if (set->kind == CHANGE_SET_RESTORE)
                return true;
        for (guint i = 0; i < set->namespaces->len; i++)
                if (g_hash_table_contains(batch->passed, name_of(set, i)))
                        return true;

        return false;
}

static bool fits(const Batch *batch, const ChangeSet *set)
{
        if (!is_of_namespace(set))
                return !batch->of_namespace || !touches(set, name_of(batch->of_namespace, 0));
        if (ends_another(batch, set))
                return true;
        if (batch->of_namespace || (is_alone(set) && batch->sets->len > 0))
                return false;

        for (guint i = 0; i < batch->sets->len; i++)
                if (touches(batch->sets->pdata[i], name_of(set, 0)))
                        return false;

        return true;
}

bool batch_meets(const Batch *batch, const ChangeSet *set)
{
        if (is_behind_passed(batch, set))
                return true;
        for (guint i = 0; i < batch->sets->len; i++)
                for (guint j = 0; j < set->namespaces->len; j++)
                        if (touches(batch->sets->pdata[i], name_of(set, j)))
                                return true;

        return false;
}

void batch_pass_over(Batch *batch, const ChangeSet *set)
{
        if (!batch->passed)
                batch->passed = g_hash_table_new(g_str_hash, g_str_equal);
        batch->is_closed |= set->kind == CHANGE_SET_RESTORE || set->kind == CHANGE_SET_SETTLE ||
                            set->kind == CHANGE_SET_END_SESSION;
        for (guint i = 0; i < set->namespaces->len; i++)
                g_hash_table_add(batch->passed, (gpointer) (uintptr_t) name_of(set, i));
}

bool batch_join(Batch *batch, const ChangeSet *set)
{
        bool is_behind = is_behind_passed(batch, set);

        if (is_behind || !fits(batch, set)) {
                batch_pass_over(batch, set);
                /* What waits for an empty batch must not wait for ever while others come and go. */
                batch->is_closed |= !is_behind && is_alone(set);
                return false;
        }

        g_ptr_array_add(batch->sets, (gpointer) (uintptr_t) set);
        batch->n_bytes += set->n_bytes;
        batch->n_changes += set->n_changes;
        if (is_of_namespace(set))
                batch->of_namespace = set;
        return true;
}
