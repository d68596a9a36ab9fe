/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files configuration is read from, and which of them win.
 */

#include "config-rig.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_only_regular_files_of_some_size_are_read(ConfigRig *f,
                                                          gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *fifo = g_build_filename(f->directory, "fifo", NULL);
        g_autofree char *absent = g_build_filename(f->directory, "absent", NULL);
        g_autofree char *large = g_strnfill(LIMIT_MIB + 1, '\n');

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(config_load(&f->config, fifo), ==, -EINVAL);
        g_assert_cmpint(config_load(&f->config, f->directory), ==, -EISDIR);
        g_assert_cmpint(config_load(&f->config, absent), ==, -ENOENT);
        g_assert_cmpint(config_load(&f->config, "/dev/zero"), ==, -EINVAL);
        g_assert_cmpint(config_load(&f->config, "/dev/null"), ==, 0);

        config_rig_write_bytes(f->file, large, LIMIT_MIB + 1);
        g_assert_cmpint(config_load(&f->config, f->file), ==, -EFBIG);
        config_rig_write_bytes(f->file, large, LIMIT_MIB);
        g_assert_cmpint(config_load(&f->config, f->file), ==, 0);
        config_rig_assert_defaults(f);
}

static void test_drop_ins_follow_a_named_file(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *bad = g_build_filename(f->directory, "regentd.conf.d/30-dir.conf", NULL);

        config_rig_write(f, "regentd.conf.d/20-b.conf", "[Limits]\nUidCallsMax=20\n");
        config_rig_write(f, "regentd.conf.d/10-a.conf",
                         "[Limits]\nUidCallsMax=10\nConnectionCallsMax=10");
        config_rig_write(f, "regentd.conf.d/99.conf.bak", "[Limits]\nUidCallsMax=99\n");
        config_rig_write(f, "regentd.conf.d/README", "not for the parser");
        config_rig_load(f, "[Limits]\nUidCallsMax=5\nConnectionCallsMax=5\nUidNamespacesMax=5\n");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 20);
        g_assert_cmpuint(f->config.limits.connection_calls, ==, 10);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 5);

        /* One that cannot be read is left out, and the next still counts. */
        g_assert_cmpint(g_mkdir(bad, 0755), ==, 0);
        config_rig_write(f, "regentd.conf.d/40-d.conf", "[Limits]\nUidCallsMax=40\n");
        config_rig_load(f, "");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 40);
        g_assert_nonnull(strstr(config_rig_complaints(), bad));
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);
}

static void load_three(ConfigRig *f)
{
        g_autofree char *usr = g_build_filename(f->directory, "usr", NULL);
        g_autofree char *etc = g_build_filename(f->directory, "etc", NULL);
        g_autofree char *run = g_build_filename(f->directory, "run", NULL);
        const char *const directories[] = { usr, etc, run, NULL };

        config_init(&f->config);
        config_load_directories(&f->config, directories);
}

static void test_later_directories_win(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        load_three(f);
        config_rig_assert_defaults(f);

        config_rig_write(f, "usr/regentd.conf", "[Limits]\nUidCallsMax=1\nUidNamespacesMax=1\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 1);

        /* One main file, not the sum of them. */
        config_rig_write(f, "etc/regentd.conf", "[Limits]\nUidCallsMax=2\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 2);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 256);
        config_rig_write(f, "run/regentd.conf", "[Limits]\nUidCallsMax=3\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 3);

        /* Drop-ins of all, by name; the later of one name. */
        config_rig_write(f, "usr/regentd.conf.d/50-x.conf", "[Limits]\nUidCallsMax=4\n");
        config_rig_write(f, "run/regentd.conf.d/40-x.conf", "[Limits]\nUidCallsMax=5\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 4);
        config_rig_write(f, "etc/regentd.conf.d/50-x.conf", "[Limits]\nUidNamespacesMax=6\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 5);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 6);
}

static void test_a_link_to_dev_null_masks(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *mask = g_build_filename(f->directory, "etc/regentd.conf.d/x.conf", NULL);

        config_rig_write(f, "usr/regentd.conf.d/x.conf", "[Limits]\nUidCallsMax=4\n");
        config_rig_write(f, "etc/regentd.conf.d/y.conf", "");
        g_assert_cmpint(symlink("/dev/null", mask), ==, 0);
        load_three(f);
        config_rig_assert_defaults(f);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test)                                                                           \
        g_test_add("/config-files/" #test, ConfigRig, NULL, config_rig_set_up, test_##test, \
                   config_rig_tear_down)
        ADD(only_regular_files_of_some_size_are_read);
        ADD(drop_ins_follow_a_named_file);
        ADD(later_directories_win);
        ADD(a_link_to_dev_null_masks);
        return g_test_run();
}
