/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Daemon configuration
 */

#include "daemon-config.h"

#include "util/log.h"

#include <systemd/sd-daemon.h>

int daemon_config_load(const Daemon *daemon, Config *config)
{
        int r;

        config_init(config);
        r = config_load(config, daemon->options->configuration);
        if (r < 0)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r)),
                           "Cannot read the configuration %s: %s",
                           daemon->options->configuration ? daemon->options->configuration : "",
                           g_strerror(-r));
        return r;
}

void daemon_config_use(Daemon *daemon, const Config *config)
{
        daemon->config = *config;
        log_set_level(daemon->options->log_level >= 0 ? daemon->options->log_level
                                                      : config->log_level);
}

void daemon_config_bound_history(Daemon *daemon)
{
        const Limits *limits = &daemon->config.limits;

        state_set_tombstone_limits(daemon->state, limits->namespace_tombstones,
                                   limits->uid_tombstone_bytes);
}

void daemon_config_hand_out(Daemon *daemon)
{
        const Config *config = &daemon->config;

        daemon_config_bound_history(daemon);
        store_set_checkpoint_journal_bytes(daemon->store, config->checkpoint_journal_bytes);
        store_set_sync_interval(daemon->store, config->sync_interval_usec);
        pipeline_set_lazy(daemon->pipeline, config->sync_interval_usec > 0);
}

int daemon_config_reload(Daemon *daemon)
{
        Config config;
        int r;

        r = daemon_config_load(daemon, &config);
        if (r < 0)
                return r;

        daemon_config_use(daemon, &config);
        daemon_config_hand_out(daemon);
        declarer_load(daemon->declarer);
        log_info("The configuration has been read anew");
        return 0;
}

static void on_reloaded(void *userdata, int r)
{
        const Daemon *daemon = userdata;

        if (r == 0 && daemon->is_ready)
                (void) sd_notify(false, "READY=1");
}

int daemon_config_on_signal(sd_event_source *source G_GNUC_UNUSED,
                            const struct signalfd_siginfo *info G_GNUC_UNUSED,
                            void *userdata)
{
        Daemon *daemon = userdata;

        if (daemon->is_ready)
                (void) sd_notify(false, "RELOADING=1");
        (void) daemon_config_reload(daemon);
        declarer_when_done(daemon->declarer, on_reloaded, daemon);
        return 0;
}
