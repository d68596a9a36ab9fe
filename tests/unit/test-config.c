/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration is read as administrators expect, what is wrong is named with file and line, and
 * nothing that a file can hold stops the service.
 */

#include "config-rig.h"
#include "util/log.h"

#include <string.h>

static void test_settings_are_read(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        config_rig_load(f, "# a comment\n"
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

static void test_nothing_is_the_default(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        config_rig_assert_defaults(f);
        config_rig_load(f, "");
        config_rig_assert_defaults(f);
        config_rig_load(f, "\n\n#\n;\n[Service]\n[Store]\n[Limits]\n");
        config_rig_assert_defaults(f);
        /* So that whoever reloads gets rid of what was set before. */
        config_rig_load(f, "[Service]\nLogLevel=err\n");
        config_rig_load(f, "");
        config_rig_assert_defaults(f);
}

static void test_the_last_of_two_counts(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        config_rig_load(
                f, "[Limits]\nUidCallsMax=7\n[Service]\nLogLevel=err\n[Limits]\nUidCallsMax=8\n"
                   "UidCallsMax=wrong\n");
        g_assert_cmpuint(f->config.limits.uid_calls, ==, 8);
        config_rig_assert_complaint_of(f, 7);
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);
}

static void test_what_is_wrong_is_named(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *expected = NULL;

        config_rig_load(f, "LogLevel=debug\n"
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
        config_rig_assert_defaults(f);
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
        config_rig_assert_complaints(expected);
}

static void test_sizes_are_numbers_with_units(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
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

                config_rig_load(f, text);
                config_rig_assert_defaults(f);
                config_rig_assert_complaint_of(f, 2);
                g_assert_cmpuint(config_rig_count_complaints(), ==, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text =
                        g_strdup_printf("[Store]\nCheckpointJournalBytes=%s\n", good[i].text);

                config_rig_load(f, text);
                g_assert_cmpuint(f->config.checkpoint_journal_bytes, ==, good[i].size);
        }
}

static void test_intervals_are_numbers_with_units(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
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

                config_rig_load(f, text);
                config_rig_assert_defaults(f);
                config_rig_assert_complaint_of(f, 2);
                g_assert_cmpuint(config_rig_count_complaints(), ==, 1);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text =
                        g_strdup_printf("[Store]\nSyncIntervalSec=%s\n", good[i].text);

                config_rig_load(f, text);
                g_assert_cmpuint(f->config.sync_interval_usec, ==, good[i].usec);
        }
}

static void test_each_limit_has_its_setting(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
#define SET_TO_MINIMUM(field, setting, standard, minimum, maximum)                              \
        {                                                                                       \
                g_autofree char *text = g_strdup_printf("[Limits]\n%s=%" G_GUINT64_FORMAT "\n", \
                                                        setting, (uint64_t) (minimum));         \
                                                                                                \
                config_rig_load(f, text);                                                       \
                g_assert_cmpuint(f->config.limits.field, ==, minimum);                          \
        }
        LIMITS_TABLE(SET_TO_MINIMUM)
}

static void test_odd_bytes_are_named_and_harmless(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char zero[] = "[Service]\nLog\0Level=debug\nLogLevel=err\n";
        static const char control[] = "[Service]\n\x1b[2J\xff\x01=\x7f\nLogLevel=err\n";
        g_autofree char *long_line = g_strnfill(10000, 'x');
        g_autofree char *with_long = g_strdup_printf("[Service]\n%s\nLogLevel=err\n", long_line);
        g_autofree char *long_comment = g_strdup_printf("#%s\n[Service]\nLogLevel=err", long_line);

        config_rig_load_bytes(f, zero, sizeof zero - 1);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        config_rig_assert_complaint_of(f, 2);
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);

        config_rig_load_bytes(f, control, sizeof control - 1);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        g_assert_null(strchr(config_rig_complaints(), '\x1b'));
        config_rig_assert_complaint_of(f, 2);
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);

        config_rig_load(f, with_long);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        config_rig_assert_complaint_of(f, 2);
        g_assert_cmpuint(strlen(config_rig_complaints()), <, 1000);
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);

        config_rig_load(f, long_comment);
        g_assert_cmpint(f->config.log_level, ==, LOG_ERR);
        g_assert_cmpuint(config_rig_count_complaints(), ==, 1);
}

static void test_garbage_is_survived(ConfigRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(6);
        g_autofree char *garbage = g_malloc(200000);

        for (int i = 0; i < 20; i++) {
                for (size_t j = 0; j < 200000; j++)
                        garbage[j] = (char) g_rand_int(random);
                config_rig_load_bytes(f, garbage, (size_t) g_rand_int_range(random, 0, 200000));
                config_rig_assert_defaults(f);
                /* Named, but not each of a thousand lines. */
                g_assert_cmpuint(config_rig_count_complaints(), <, 100);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test)                                                                     \
        g_test_add("/config/" #test, ConfigRig, NULL, config_rig_set_up, test_##test, \
                   config_rig_tear_down)
        ADD(settings_are_read);
        ADD(nothing_is_the_default);
        ADD(the_last_of_two_counts);
        ADD(what_is_wrong_is_named);
        ADD(sizes_are_numbers_with_units);
        ADD(intervals_are_numbers_with_units);
        ADD(each_limit_has_its_setting);
        ADD(odd_bytes_are_named_and_harmless);
        ADD(garbage_is_survived);
        return g_test_run();
}
