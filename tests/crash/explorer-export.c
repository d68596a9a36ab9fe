/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explorer: disks for a real regentd
 *
 *     PATH/N/state, PATH/N/runtime   what is on the disk
 *     PATH/N/boot                    the boot to be started in
 *     PATH/N/expected                a line an entry: namespace, key, class, type, value in hex
 */

#include "explorer.h"

#include <glib/gstdio.h>
#include <string.h>

static void write_file(const DiskNode *file, const char *path)
{
        g_autofree char *bytes = g_malloc(file->n_bytes + 1);
        g_autoptr(GError) error = NULL;

        (void) disk_read(file, bytes, file->n_bytes, 0);
        if (!g_file_set_contents(path, bytes, (gssize) file->n_bytes, &error))
                g_error("%s", error->message);
}

static void write_directory(const DiskNode *directory, const char *path)
{
        GHashTableIter iter;
        gpointer name, value;

        g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
        g_hash_table_iter_init(&iter, directory->names);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                g_autofree char *inner = g_build_filename(path, name, NULL);
                const DiskNode *node = value;

                if (node->is_directory)
                        write_directory(node, inner);
                else
                        write_file(node, inner);
        }
}

void explorer_write_disk(const Disk *disk, const char *path)
{
        write_directory(disk->root, path);
}

static void print_entry(GString *text, const char *ns, const Entry *entry)
{
        const uint8_t *value = entry_value_bytes(entry);

        g_string_append_printf(text, "%s %s %s %s ", ns, entry_key(entry),
                               entry_class_name(entry->class), entry_type(entry));
        for (uint32_t i = 0; i < entry->value_bytes; i++)
                g_string_append_printf(text, "%02x", value[i]);
        g_string_append_c(text, '\n');
}

static gboolean print_namespace(gpointer name, gpointer value, gpointer text)
{
        for (EntryNode *node = namespace_first(value, "", ""); node;
             node = namespace_next(node, ""))
                print_entry(text, name, namespace_node_entry(node));
        return FALSE;
}

static char *expected_of(Explorer *explorer, CrashKind kind, const Disk *disk)
{
        g_autoptr(Disk) own = cut_process(disk, false);
        GString *text = g_string_new(NULL);

        (void) trial_begin(&explorer->trial, own, explorer_boot_id(explorer, kind));
        g_tree_foreach(state_namespaces(explorer->trial.state), print_namespace, text);
        trial_end(&explorer->trial);
        return g_string_free(text, FALSE);
}

static void write_text(const char *directory, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autoptr(GError) error = NULL;

        if (!g_file_set_contents(path, text, -1, &error))
                g_error("%s", error->message);
}

/* Evenly spread over all states. */
static bool is_wanted(const Explorer *explorer)
{
        guint stride = MAX(1, explorer->n_states_wanted / MAX(1, explorer->n_exported_wanted));

        return explorer->n_exported < explorer->n_exported_wanted &&
               explorer->counters.n_states % stride == stride / 2;
}

void explorer_export(Explorer *explorer, CrashKind kind, const Disk *disk)
{
        g_autofree char *number = g_strdup_printf("%u", explorer->n_exported);
        g_autofree char *path = NULL, *expected = NULL;
        char boot[SD_ID128_STRING_MAX];

        if (!is_wanted(explorer))
                return;
        explorer->n_exported++;
        path = g_build_filename(explorer->export_path, number, NULL);
        explorer_write_disk(disk, path);
        sd_id128_to_string(explorer_boot_id(explorer, kind), boot);
        write_text(path, "boot", boot);
        expected = expected_of(explorer, kind, disk);
        write_text(path, "expected", expected);
}
