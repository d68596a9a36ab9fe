/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Config rig
 */

#include "config-rig.h"

#include "util/log.h"

#include <glib/gstdio.h>
#include <string.h>

static GString *complaints;

static GLogWriterOutput on_log(GLogLevelFlags level G_GNUC_UNUSED,
                               const GLogField *fields,
                               gsize n_fields,
                               gpointer userdata G_GNUC_UNUSED)
{
        const char *message = NULL, *priority = NULL;

        for (gsize i = 0; i < n_fields; i++) {
                if (strcmp(fields[i].key, "MESSAGE") == 0)
                        message = fields[i].value;
                if (strcmp(fields[i].key, "PRIORITY") == 0)
                        priority = fields[i].value;
        }
        g_assert_cmpstr(priority, ==, "4");
        g_string_append_printf(complaints, "%s\n", message);
        return G_LOG_WRITER_HANDLED;
}

const char *config_rig_complaints(void)
{
        return complaints->str;
}

void config_rig_assert_complaints(const char *expected)
{
        g_assert_cmpstr(complaints->str, ==, expected);
        g_string_truncate(complaints, 0);
}

void config_rig_assert_complaint_of(const ConfigRig *f, unsigned line)
{
        g_autofree char *place = g_strdup_printf("%s:%u: ", f->file, line);

        g_assert_nonnull(strstr(complaints->str, place));
}

unsigned config_rig_count_complaints(void)
{
        unsigned n = 0;

        for (const char *p = complaints->str; *p; p++)
                n += *p == '\n';
        g_string_truncate(complaints, 0);
        return n;
}

void config_rig_write_bytes(const char *path, const char *text, size_t n_bytes)
{
        g_autofree char *directory = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, text, (gssize) n_bytes, NULL));
}

void config_rig_write(const ConfigRig *f, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(f->directory, name, NULL);

        config_rig_write_bytes(path, text, strlen(text));
}

void config_rig_load_bytes(ConfigRig *f, const char *text, size_t n_bytes)
{
        config_rig_write_bytes(f->file, text, n_bytes);
        config_init(&f->config);
        g_assert_cmpint(config_load(&f->config, f->file), ==, 0);
}

void config_rig_load(ConfigRig *f, const char *text)
{
        config_rig_load_bytes(f, text, strlen(text));
}

static void remove_tree(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);

                if (g_file_test(child, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
                        remove_tree(child);
                else
                        g_assert_cmpint(g_unlink(child), ==, 0);
        }
        g_assert_cmpint(g_rmdir(path), ==, 0);
}

void config_rig_set_up(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        /* GLib takes one writer a process. */
        if (!complaints) {
                complaints = g_string_new(NULL);
                g_log_set_writer_func(on_log, NULL, NULL);
        }
        f->directory = g_dir_make_tmp("regent-config-XXXXXX", NULL);
        g_assert_nonnull(f->directory);
        f->file = g_build_filename(f->directory, "regentd.conf", NULL);
        config_init(&f->config);
}

void config_rig_tear_down(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        config_rig_assert_complaints("");
        remove_tree(f->directory);
        g_free(f->directory);
        g_free(f->file);
}

void config_rig_assert_defaults(const ConfigRig *f)
{
        Config standard;

        config_init(&standard);
        g_assert_cmpint(f->config.log_level, ==, LOG_INFO);
        g_assert_cmpuint(f->config.checkpoint_journal_bytes, ==, LIMIT_MIB);
        g_assert_cmpuint(f->config.sync_interval_usec, ==, 0);
        g_assert_cmpint(f->config.log_level, ==, standard.log_level);
        g_assert_cmpmem(&f->config.limits, sizeof f->config.limits, &standard.limits,
                        sizeof standard.limits);
}
