/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration is read as administrators expect, what is wrong is named with file and line, and
 * nothing that a file can hold stops the service.
 */

#include "config.h"

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fixture {
        char *directory;
        char *file;
        Config config;
} Fixture;

/* "path:line: text\n" for each complaint since the last assert_complaints(). */
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

static void assert_complaints(const char *expected)
{
        g_assert_cmpstr(complaints->str, ==, expected);
        g_string_truncate(complaints, 0);
}

/* There is a complaint of line @line of f->file. */
static void assert_complaint_of(const Fixture *f, unsigned line)
{
        g_autofree char *place = g_strdup_printf("%s:%u: ", f->file, line);

        g_assert_nonnull(strstr(complaints->str, place));
}

static unsigned count_complaints(void)
{
        unsigned n = 0;

        for (const char *p = complaints->str; *p; p++)
                n += *p == '\n';
        g_string_truncate(complaints, 0);
        return n;
}

static void write_file(const char *path, const char *text, size_t n_bytes)
{
        g_autofree char *directory = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, text, (gssize) n_bytes, NULL));
}

static void write_text(const Fixture *f, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(f->directory, name, NULL);

        write_file(path, text, strlen(text));
}

/* Loads @text as regentd.conf. */
static void load_bytes(Fixture *f, const char *text, size_t n_bytes)
{
        write_file(f->file, text, n_bytes);
        config_init(&f->config);
        g_assert_cmpint(config_load(&f->config, f->file), ==, 0);
}

static void load(Fixture *f, const char *text)
{
        load_bytes(f, text, strlen(text));
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

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->directory = g_dir_make_tmp("regent-config-XXXXXX", NULL);
        g_assert_nonnull(f->directory);
        f->file = g_build_filename(f->directory, "regentd.conf", NULL);
        config_init(&f->config);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_complaints("");
        remove_tree(f->directory);
        g_free(f->directory);
        g_free(f->file);
}

static void assert_defaults(const Fixture *f)
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

static void test_settings_are_read(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        load(f, "# a comment\n"
                "; another\n"
                "\n"
                "  [Service]  \n"
                "LogLevel=debug\n"
                "[Store]\n"
                "\tCheckpointJournalBytes = 2M \r\n"
                "[Limits]\n"
                "ValueBytesMax=512K\n"
                "UidCallsMax=7\n"
                "NamespaceBytesMax=1G");
        g_assert_cmpint(f->config.log_level, ==, LOG_DEBUG);
        g_assert_cmpuint(f->config.checkpoint_journal_bytes, ==, 2 * LIMIT_MIB);
        g_assert_cmpuint(f->config.limits.value_bytes, ==, 512 * LIMIT_KIB);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 7);
        g_assert_cmpuint(f->config.limits.namespace_bytes, ==, LIMIT_GIB);
}

static void test_nothing_is_the_default(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_defaults(f);
        load(f, "");
        assert_defaults(f);
        load(f, "\n\n#\n;\n[Service]\n[Store]\n[Limits]\n");
        assert_defaults(f);
        /* So that whoever reloads gets rid of what was set before. */
        load(f, "[Service]\nLogLevel=err\n");
        load(f, "");
        assert_defaults(f);
}

static void test_the_last_of_two_counts(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        load(f, "[Limits]\nUidCallsMax=7\n[Service]\nLogLevel=err\n[Limits]\nUidCallsMax=8\n"
                "UidCallsMax=wrong\n");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 8);
        assert_complaint_of(f, 7);
        g_assert_cmpuint(count_complaints(), ==, 1);
}

static void test_what_is_wrong_is_named(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *expected = NULL;

        load(f, "LogLevel=debug\n"
                "[Servise]\n"
                "LogLevel=debug\n"
                "[Service]\n"
                "Loglevel=debug\n"
                "LogLevel=loud\n"
                "just words\n"
                "=7\n"
                "[Store]\n"
                "CheckpointJournalBytes=1\n"
                "LogLevel=debug\n"
                "[Limits]\n"
                "UidCallsMax=0\n"
                "UidKallsMax=lots\n"
                "[Service\n"
                "LogLevel=err\n");
        assert_defaults(f);
        expected = g_strdup_printf("%1$s:1: 'LogLevel' is set outside of every known section\n"
                                   "%1$s:2: there is no section '[Servise]'\n"
                                   "%1$s:3: 'LogLevel' is set outside of every known section\n"
                                   "%1$s:5: there is no setting 'Loglevel' in this section\n"
                                   "%1$s:6: LogLevel cannot be 'loud'\n"
                                   "%1$s:7: 'just words' is not a section, a setting or a comment\n"
                                   "%1$s:8: '=7' is not a section, a setting or a comment\n"
                                   "%1$s:10: CheckpointJournalBytes cannot be '1'\n"
                                   "%1$s:11: there is no setting 'LogLevel' in this section\n"
                                   "%1$s:13: UidCallsMax cannot be '0'\n"
                                   "%1$s:14: there is no setting 'UidKallsMax' in this section\n"
                                   "%1$s:15: there is no section '[Service'\n"
                                   "%1$s:16: 'LogLevel' is set outside of every known section\n",
                                   f->file);
        assert_complaints(expected);
}

static void test_sizes_are_numbers_with_units(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const bad[] = {
                "",
                "K",
                "-1",
                "+1",
                "0x10",
                "1.5M",
                "1KB",
                "1k",
                "1 K",
                "1KK",
                "1T",
                "ten",
                "1,0",
                "\xd9\xa1",
                "18446744073709551616",
                "18446744073709551615K",
                "18014398509481985K",
                "99999999999999999999G",
        };
        static const struct {
                const char *text;
                uint64_t size;
        } good[] = { { "65536", 65536 },
                     { "64K", 65536 },
                     { "007M", 7 * LIMIT_MIB },
                     { "1G", LIMIT_GIB },
                     { "1024M", LIMIT_GIB } };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("[Limits]\nNamespaceBytesMax=%s\n", bad[i]);

                load(f, text);
                assert_defaults(f);
                assert_complaint_of(f, 2);
                g_assert_cmpuint(count_complaints(), ==, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text =
                        g_strdup_printf("[Store]\nCheckpointJournalBytes=%s\n", good[i].text);

                load(f, text);
                g_assert_cmpuint(f->config.checkpoint_journal_bytes, ==, good[i].size);
        }
}

static void test_intervals_are_numbers_with_units(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const bad[] = {
                "",
                "s",
                "-1",
                "+1",
                "0x10",
                "1e3",
                ".5",
                "1.2.3",
                "inf",
                "5 x",
                "5 S",
                "5ms!s",
                "9ms",
                "25h",
                "1 d 1",
                "5,5",
                "99999999999999999999999d",
        };
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = {
                { "0", 0 },
                { "0h", 0 },
                { "5", 5000000 },
                { "0.5", 500000 },
                { "10ms", 10000 },
                { "10000us", 10000 },
                { "30 s", 30000000 },
                { "1min 30s", 90000000 },
                { "1.5m", 90000000 },
                { "24h", UINT64_C(86400000000) },
                { "1d", UINT64_C(86400000000) },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("[Store]\nSyncIntervalSec=%s\n", bad[i]);

                load(f, text);
                assert_defaults(f);
                assert_complaint_of(f, 2);
                g_assert_cmpuint(count_complaints(), ==, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text =
                        g_strdup_printf("[Store]\nSyncIntervalSec=%s\n", good[i].text);

                load(f, text);
                g_assert_cmpuint(f->config.sync_interval_usec, ==, good[i].usec);
        }
}

static void test_each_limit_has_its_setting(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
#define SET_TO_MINIMUM(field, setting, standard, minimum, maximum)                              \
        {                                                                                       \
                g_autofree char *text = g_strdup_printf("[Limits]\n%s=%" G_GUINT64_FORMAT "\n", \
                                                        setting, (uint64_t) (minimum));         \
                                                                                                \
                load(f, text);                                                                  \
                g_assert_cmpuint(f->config.limits.field, ==, minimum);                          \
        }
        LIMITS_TABLE(SET_TO_MINIMUM)
}

static void test_odd_bytes_are_named_and_harmless(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char zero[] = "[Service]\nLog\0Level=debug\nLogLevel=err\n";
        static const char control[] = "[Service]\n\x1b[2J\xff\x01=\x7f\nLogLevel=err\n";
        g_autofree char *long_line = g_strnfill(10000, 'x');
        g_autofree char *with_long = g_strdup_printf("[Service]\n%s\nLogLevel=err\n", long_line);
        g_autofree char *long_comment = g_strdup_printf("#%s\n[Service]\nLogLevel=err", long_line);

        load_bytes(f, zero, sizeof zero - 1);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        assert_complaint_of(f, 2);
        g_assert_cmpuint(count_complaints(), ==, 1);

        load_bytes(f, control, sizeof control - 1);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        g_assert_null(strchr(complaints->str, '\x1b'));
        assert_complaint_of(f, 2);
        g_assert_cmpuint(count_complaints(), ==, 1);

        load(f, with_long);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        assert_complaint_of(f, 2);
        g_assert_cmpuint(complaints->len, <, 1000);
        g_assert_cmpuint(count_complaints(), ==, 1);

        load(f, long_comment);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        g_assert_cmpuint(count_complaints(), ==, 1);
}

static void test_garbage_is_survived(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(6);
        g_autofree char *garbage = g_malloc(200000);

        for (int i = 0; i < 20; i++) {
                for (size_t j = 0; j < 200000; j++)
                        garbage[j] = (char) g_rand_int(random);
                load_bytes(f, garbage, (size_t) g_rand_int_range(random, 0, 200000));
                assert_defaults(f);
                /* Named, but not each of a thousand lines. */
                g_assert_cmpuint(count_complaints(), <, 100);
        }
}

static void test_only_regular_files_of_some_size_are_read(Fixture *f,
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

        write_file(f->file, large, LIMIT_MIB + 1);
        g_assert_cmpint(config_load(&f->config, f->file), ==, -EFBIG);
        write_file(f->file, large, LIMIT_MIB);
        g_assert_cmpint(config_load(&f->config, f->file), ==, 0);
        assert_defaults(f);
}

static void test_drop_ins_follow_a_named_file(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *bad = g_build_filename(f->directory, "regentd.conf.d/30-dir.conf", NULL);

        write_text(f, "regentd.conf.d/20-b.conf", "[Limits]\nUidCallsMax=20\n");
        write_text(f, "regentd.conf.d/10-a.conf",
                   "[Limits]\nUidCallsMax=10\nConnectionCallsMax=10");
        write_text(f, "regentd.conf.d/99.conf.bak", "[Limits]\nUidCallsMax=99\n");
        write_text(f, "regentd.conf.d/README", "not for the parser");
        load(f, "[Limits]\nUidCallsMax=5\nConnectionCallsMax=5\nUidNamespacesMax=5\n");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 20);
        g_assert_cmpuint(f->config.limits.connection_calls, ==, 10);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 5);

        /* One that cannot be read is left out, and the next still counts. */
        g_assert_cmpint(g_mkdir(bad, 0755), ==, 0);
        write_text(f, "regentd.conf.d/40-d.conf", "[Limits]\nUidCallsMax=40\n");
        load(f, "");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 40);
        g_assert_nonnull(strstr(complaints->str, bad));
        g_assert_cmpuint(count_complaints(), ==, 1);
}

static void load_three(Fixture *f)
{
        g_autofree char *usr = g_build_filename(f->directory, "usr", NULL);
        g_autofree char *etc = g_build_filename(f->directory, "etc", NULL);
        g_autofree char *run = g_build_filename(f->directory, "run", NULL);
        const char *const directories[] = { usr, etc, run, NULL };

        config_init(&f->config);
        config_load_directories(&f->config, directories);
}

static void test_later_directories_win(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        load_three(f);
        assert_defaults(f);

        write_text(f, "usr/regentd.conf", "[Limits]\nUidCallsMax=1\nUidNamespacesMax=1\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 1);

        /* One main file, not the sum of them. */
        write_text(f, "etc/regentd.conf", "[Limits]\nUidCallsMax=2\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 2);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 256);
        write_text(f, "run/regentd.conf", "[Limits]\nUidCallsMax=3\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 3);

        /* Drop-ins of all, by name; the later of one name. */
        write_text(f, "usr/regentd.conf.d/50-x.conf", "[Limits]\nUidCallsMax=4\n");
        write_text(f, "run/regentd.conf.d/40-x.conf", "[Limits]\nUidCallsMax=5\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 4);
        write_text(f, "etc/regentd.conf.d/50-x.conf", "[Limits]\nUidNamespacesMax=6\n");
        load_three(f);
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 5);
        g_assert_cmpuint(f->config.limits.uid_namespaces, ==, 6);
}

static void test_a_link_to_dev_null_masks(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *mask = g_build_filename(f->directory, "etc/regentd.conf.d/x.conf", NULL);

        write_text(f, "usr/regentd.conf.d/x.conf", "[Limits]\nUidCallsMax=4\n");
        write_text(f, "etc/regentd.conf.d/y.conf", "");
        g_assert_cmpint(symlink("/dev/null", mask), ==, 0);
        load_three(f);
        assert_defaults(f);
}

int main(int argc, char *argv[])
{
        int r;

        g_test_init(&argc, &argv, NULL);
        complaints = g_string_new(NULL);
        g_log_set_writer_func(on_log, NULL, NULL);

#define ADD(test) g_test_add("/config/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(settings_are_read);
        ADD(nothing_is_the_default);
        ADD(the_last_of_two_counts);
        ADD(what_is_wrong_is_named);
        ADD(sizes_are_numbers_with_units);
        ADD(intervals_are_numbers_with_units);
        ADD(each_limit_has_its_setting);
        ADD(odd_bytes_are_named_and_harmless);
        ADD(garbage_is_survived);
        ADD(only_regular_files_of_some_size_are_read);
        ADD(drop_ins_follow_a_named_file);
        ADD(later_directories_win);
        ADD(a_link_to_dev_null_masks);
        r = g_test_run();
        g_string_free(complaints, TRUE);
        return r;
}
