/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding
 */

#include "finding.h"

#include "confirmations.h"
#include "core/namespace-places.h"
#include "disk.h"

#include <string.h>

static uint64_t digest_namespace(const Namespace *ns)
{
        const uint64_t parts[] = {
                disk_hash(ns->name, strlen(ns->name), 2),
                ns->created_revision,
                ns->access.owner,
                ns->access.group,
                ns->access.mode,
                ns->access.quota_keys,
                ns->access.quota_bytes,
        };

        return disk_hash(parts, sizeof parts, 3);
}

static uint64_t digest_entry(const Entry *entry, uint64_t seed)
{
        const uint64_t parts[] = {
                disk_hash(entry_key(entry), entry->key_bytes, seed),
                disk_hash(entry_type(entry), entry->type_bytes, 4),
                disk_hash(entry_value_bytes(entry), entry->value_bytes, 5),
                entry->revision,
                entry->writer_uid,
                entry->class,
                disk_hash(entry_scope(entry), entry->scope_bytes, 7),
        };

        return disk_hash(parts, sizeof parts, 6);
}

static gboolean add_namespace(gpointer unused G_GNUC_UNUSED, gpointer value, gpointer userdata)
{
        const Namespace *ns = value;
        Finding *finding = userdata;
        uint64_t digest = digest_namespace(ns);
        NamespacePlaces places;
        const Entry *entry;

        finding->digest += digest;
        finding->persistent_digest += digest;
        namespace_places_begin(&places, ns, NULL);
        while ((entry = namespace_places_next(&places))) {
                uint64_t of_entry = digest_entry(entry, digest);

                finding->digest += of_entry;
                if (entry_is_persistent(entry))
                        finding->persistent_digest += of_entry;
        }
        return FALSE;
}

void finding_read_state(Finding *finding, State *state)
{
        finding->digest = finding->persistent_digest = confirmations_digest(state);
        finding->revision = state_revision(state);
        g_tree_foreach(state_namespaces(state), add_namespace, finding);
}
