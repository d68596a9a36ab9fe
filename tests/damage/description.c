/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Description
 */

#include "description.h"

#include "core/namespace-places.h"
#include "core/pending-changes.h"

static gboolean describe_namespace(gpointer name, gpointer value, gpointer userdata)
{
        const Namespace *ns = value;
        GString *text = userdata;

        g_string_append_printf(text, "%s %u:%u:%o since %" G_GUINT64_FORMAT "\n",
                               (const char *) name, ns->access.owner, ns->access.group,
                               ns->access.mode, ns->created_revision);
        return FALSE;
}

static void describe_entry(GString *text, const char *name, Entry *entry)
{
        g_autoptr(GVariant) variant = NULL;
        g_autofree char *printed = NULL;

        if (!entry_is_tombstone(entry)) {
                variant = entry_value(entry);
                printed = g_variant_print(variant, TRUE);
        }
        g_string_append_printf(text, "%s %s@%s=%s class %u\n", name, entry_key(entry),
                               entry_scope(entry), printed ? printed : "deleted", entry->class);
}

typedef struct Description {
        GString *text;
        bool is_persistent;
} Description;

static gboolean describe_entries(gpointer name, gpointer value, gpointer userdata)
{
        const Description *description = userdata;
        NamespacePlaces places;
        Entry *entry;

        namespace_places_begin_by_release(&places, value);
        while ((entry = namespace_places_next(&places)))
                if (entry_is_persistent(entry) == description->is_persistent) {
                        describe_entry(description->text, name, entry);
                        g_string_append_printf(description->text,
                                               "  revision %" G_GUINT64_FORMAT
                                               " time %" G_GUINT64_FORMAT " uid %u\n",
                                               entry->revision, entry->time_usec,
                                               entry->writer_uid);
                }
        return FALSE;
}

/* Of what was before, the way back has the value alone. */
static void describe_waiting(GString *text, const PendingChange *change)
{
        g_string_append_printf(text,
                               "revision %" G_GUINT64_FORMAT
                               " of uid %u waits until %" G_GUINT64_FORMAT
                               " of boot %02x for %02x\n",
                               change->revision, change->writer_uid, change->deadline_usec,
                               change->boot_id[0], change->digest[0]);
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                for (guint j = 0; j < way_back->entries->len; j++)
                        describe_entry(text, way_back->name, way_back->entries->pdata[j]);
        }
}

char *description_of(State *state, bool is_persistent)
{
        Description description = { g_string_new(NULL), is_persistent };
        const GPtrArray *waiting = pending_changes_all(state_pending(state));

        if (is_persistent)
                g_tree_foreach(state_namespaces(state), describe_namespace, description.text);
        g_tree_foreach(state_namespaces(state), describe_entries, &description);
        for (guint i = 0; is_persistent && i < waiting->len; i++)
                describe_waiting(description.text, waiting->pdata[i]);
        return g_string_free(description.text, FALSE);
}
