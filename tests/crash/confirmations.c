/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Confirmations
 */

#include "confirmations.h"

#include "disk.h"

#include <inttypes.h>
#include <string.h>

static uint64_t digest_entry(const Entry *entry)
{
        const uint64_t parts[] = {
                disk_hash(entry_key(entry), entry->key_bytes, 7),
                disk_hash(entry_type(entry), entry->type_bytes, 8),
                disk_hash(entry_value_bytes(entry), entry->value_bytes, 9),
                entry->class,
        };

        return disk_hash(parts, sizeof parts, 10);
}

static uint64_t digest_change(const PendingChange *change)
{
        uint64_t parts[] = {
                change->revision,
                change->writer_uid,
                change->deadline_usec,
                disk_hash(change->boot_id, sizeof change->boot_id, 11),
                disk_hash(change->digest, sizeof change->digest, 12),
                0,
        };

        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                parts[5] += disk_hash(way_back->name, strlen(way_back->name), 13);
                for (guint j = 0; j < way_back->entries->len; j++)
                        parts[5] += digest_entry(way_back->entries->pdata[j]);
        }
        return disk_hash(parts, sizeof parts, 14);
}

uint64_t confirmations_digest(State *state)
{
        const GPtrArray *all = pending_changes_all(state_pending(state));
        uint64_t digest = 0;

        for (guint i = 0; i < all->len; i++)
                digest += digest_change(all->pdata[i]);
        return digest;
}

static const Entry *present_entry(State *state, const char *name, const char *key)
{
        const Namespace *ns = state_lookup(state, name);

        return ns ? namespace_lookup(ns, key) : NULL;
}

static bool is_same(const Entry *entry, const Entry *present)
{
        if (!present || entry_is_tombstone(entry))
                return !present && entry_is_tombstone(entry);
        return entry->class == present->class && entry_value_equal(entry, present);
}

static void check_way_back(const Written *written,
                           const PendingChange *change,
                           State *before,
                           GPtrArray *complaints)
{
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                for (guint j = 0; j < way_back->entries->len; j++) {
                        const Entry *entry = way_back->entries->pdata[j];

                        if (!is_same(entry,
                                     present_entry(before, way_back->name, entry_key(entry))))
                                complain(complaints,
                                         "revision %" PRIu64 ": the way back of %s in %s is not "
                                         "what was there",
                                         written->revision, entry_key(entry), way_back->name);
                }
        }
}

/* What @key becomes by @written. */
static const Entry *entry_after(const Written *written,
                                State *before,
                                const char *name,
                                const char *key)
{
        const Entry *after = present_entry(before, name, key);

        for (size_t part = 0; part < G_N_ELEMENTS(written->parts); part++) {
                const Commit *commit = written->parts[part];

                for (guint i = 0; commit && i < commit->changes->len; i++) {
                        const NamespaceChange *change = commit->changes->pdata[i];

                        for (guint j = 0; j < change->entries->len; j++) {
                                const Entry *entry = change->entries->pdata[j];

                                if (strcmp(change->name, name) != 0 ||
                                    strcmp(entry_key(entry), key) != 0)
                                        continue;
                                if (!entry_is_tombstone(entry))
                                        after = entry;
                                else if (after && after->class == entry->class)
                                        after = NULL;
                        }
                }
        }
        return after;
}

/* A reboot takes from memory what undoing would have brought back. */
static bool is_undone(const Entry *entry, const Entry *after)
{
        return is_same(entry, after) || (!entry_is_persistent(entry) && !after);
}

static void check_undoing(const Written *written, State *before, GPtrArray *complaints)
{
        uint64_t revision = written->parts[COMMIT_PERSISTENT]->settles;
        const PendingChange *change = pending_changes_lookup(state_pending(before), revision);

        if (!change) {
                complain(complaints,
                         "revision %" PRIu64 " undoes revision %" PRIu64
                         ", which waits for nothing",
                         written->revision, revision);
                return;
        }
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                for (guint j = 0; j < way_back->entries->len; j++) {
                        const Entry *entry = way_back->entries->pdata[j];

                        if (!is_undone(entry, entry_after(written, before, way_back->name,
                                                          entry_key(entry))))
                                complain(complaints, "revision %" PRIu64 " does not undo %s in %s",
                                         written->revision, entry_key(entry), way_back->name);
                }
        }
}

void confirmations_check(const Written *written, State *before, GPtrArray *complaints)
{
        const Commit *commit = written->parts[COMMIT_PERSISTENT];

        if (commit && commit->pending)
                check_way_back(written, commit->pending, before, complaints);
        if (written_settlement(written) == COMMIT_UNDOES)
                check_undoing(written, before, complaints);
}
