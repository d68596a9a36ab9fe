/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: configuration
 *
 * The input is a file. Whatever it holds, every setting is afterwards what a setting may be.
 */

#include "config.h"
#include "fuzz.h"
#include "util/log.h"

#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

static GLogWriterOutput on_log(GLogLevelFlags level G_GNUC_UNUSED,
                               const GLogField *fields G_GNUC_UNUSED,
                               gsize n_fields G_GNUC_UNUSED,
                               gpointer userdata G_GNUC_UNUSED)
{
        return G_LOG_WRITER_HANDLED;
}

static void assert_in_range(const Config *config)
{
        Limits limits = config->limits;

        g_assert(config->log_level >= LOG_EMERG && config->log_level <= LOG_DEBUG);
        g_assert(config->checkpoint_journal_bytes > 0);
#define ASSERT_IN_RANGE(field, setting, standard, minimum, maximum) \
        g_assert(limits_set(&limits, setting, config->limits.field) == 0);
        LIMITS_TABLE(ASSERT_IN_RANGE)
#undef ASSERT_IN_RANGE
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        static bool is_silenced;
        g_autofree char *path = NULL;
        Config config;
        int fd;

        if (!is_silenced)
                g_log_set_writer_func(on_log, NULL, NULL);
        is_silenced = true;

        fd = memfd_create("regentd.conf", MFD_CLOEXEC);
        g_assert(fd >= 0 && write(fd, input, n_bytes) == (ssize_t) n_bytes);
        path = g_strdup_printf("/proc/self/fd/%d", fd);

        config_init(&config);
        if (config_load(&config, path) == 0)
                assert_in_range(&config);
        close(fd);
        return 0;
}
