/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Daemon
 *
 * Start: signals, configuration, recovery, declared namespaces, objects, and last the name on the bus,
 * so whoever sees the name gets answers. Recovery does not wait for the bus, and the bus need not be there yet.
 * Stop: the store closes once the batch under way is written and answered, then the bus.
 */

#include "daemon.h"

#include "bus/bus-connection.h"
#include "bus/bus-service.h"
#include "bus/manager-object.h"
#include "client/regent-names.h"
#include "commit-log.h"
#include "config.h"
#include "core/pipeline.h"
#include "core/state.h"
#include "core/status.h"
#include "declarer.h"
#include "event-loop.h"
#include "expirer.h"
#include "kernel-release.h"
#include "store/store.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* After everything else that waits, so that the socket is read empty into the batch. */
#define BATCH_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

typedef struct Daemon {
        const DaemonOptions *options;
        const Io *io;
        Config config;
        ServiceStatus status;
        sd_event *event;
        sd_event_source *batch;
        sd_event_source *redeclare; /* enabled after the state went back to an earlier one */
        sd_event_source *exit;
        State *state;
        Pipeline *pipeline;
        Store *store;
        Declarer *declarer;
        Expirer *expirer;
        int close_status;
        bool is_ready; /* the name is ours */
        sd_bus *bus;
        BusService *service;
} Daemon;

static uint64_t now_realtime_usec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* configuration */

static int load_config(const Daemon *daemon, Config *config)
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

static void use_config(Daemon *daemon, const Config *config)
{
        daemon->config = *config;
        log_set_level(daemon->options->log_level >= 0 ? daemon->options->log_level
                                                      : config->log_level);
}

/* What is not up to the parts that read the configuration themselves. */
static void hand_out_config(Daemon *daemon)
{
        const Config *config = &daemon->config;

        store_set_checkpoint_journal_bytes(daemon->store, config->checkpoint_journal_bytes);
        store_set_sync_interval(daemon->store, config->sync_interval_usec);
        pipeline_set_lazy(daemon->pipeline, config->sync_interval_usec > 0);
}

static int reload(Daemon *daemon)
{
        Config config;
        int r;

        r = load_config(daemon, &config);
        if (r < 0)
                return r;

        use_config(daemon, &config);
        hand_out_config(daemon);
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

static int on_reload_signal(sd_event_source *source G_GNUC_UNUSED,
                            const struct signalfd_siginfo *info G_GNUC_UNUSED,
                            void *userdata)
{
        Daemon *daemon = userdata;

        if (daemon->is_ready)
                (void) sd_notify(false, "RELOADING=1");
        (void) reload(daemon);
        declarer_when_done(daemon->declarer, on_reloaded, daemon);
        return 0;
}

/* the pipeline's ports */

static void on_wake(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = sd_event_source_set_enabled(daemon->batch, SD_EVENT_ONESHOT);
        g_assert(r >= 0);
}

static int on_batch(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        Daemon *daemon = userdata;

        pipeline_run(daemon->pipeline, now_realtime_usec());
        return 0;
}

static void tell_of_room(Daemon *daemon)
{
        pipeline_set_full(daemon->pipeline, daemon->status.is_full, daemon->status.full_path);
}

static int on_journal(void *userdata, const GPtrArray *commits)
{
        Daemon *daemon = userdata;
        int r;

        r = store_write(daemon->store, commits);
        tell_of_room(daemon);
        return r == STORE_E_WRITTEN ? PIPELINE_E_WRITTEN : r;
}

static int on_sync(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = store_flush(daemon->store);
        return r == STORE_E_WRITTEN ? PIPELINE_E_WRITTEN : r;
}

static void on_publish(void *userdata, const GPtrArray *commits)
{
        Daemon *daemon = userdata;

        commit_log(commits);
        if (daemon->service)
                bus_service_publish(daemon->service, commits);
        store_applied(daemon->store);
        expirer_note(daemon->expirer, commits);

        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                if (commit->source.revision > 0)
                        (void) sd_event_source_set_enabled(daemon->redeclare, SD_EVENT_ONESHOT);
        }
}

/* A restored state knows nothing of declarations. */
static int on_redeclare(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        const Daemon *daemon = userdata;

        declarer_load(daemon->declarer);
        return 0;
}

static void on_reconsider(void *userdata, void *submitter, Request *request)
{
        Daemon *daemon = userdata;

        if (submitter == daemon->declarer)
                declarer_reconsider(daemon->declarer, request);
        else
                bus_service_reconsider(submitter, request);
}

/* the declarer's port */

static void on_declared(void *userdata, Namespace *ns)
{
        Daemon *daemon = userdata;

        if (daemon->service)
                bus_service_declared(daemon->service, ns);
}

/* the store's ports */

static void on_written(void *userdata, int r)
{
        Daemon *daemon = userdata;

        tell_of_room(daemon);
        pipeline_settle(daemon->pipeline, r);
}

static void on_revision_limit(void *userdata)
{
        Daemon *daemon = userdata;

        pipeline_set_revision_limit(daemon->pipeline, store_revision_limit(daemon->store));
}

static void on_status(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        if (!daemon->service)
                return; /* still at the start */

        (void) sd_notifyf(false, "STATUS=%s", service_state_name(daemon->status.state));
        tell_of_room(daemon);
        expirer_retry(daemon->expirer);

        r = manager_object_announce_status(daemon->service);
        if (r < 0)
                log_warning("Cannot announce the state of the service: %s", g_strerror(-r));
}

/* the bus's ports */

static int on_reload_call(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = reload(daemon);
        return r == 0 && declarer_is_under_way(daemon->declarer) ? BUS_PORT_E_UNDER_WAY : r;
}

static void on_wait_for_reload(void *userdata, BusReloaded on_done, void *call)
{
        Daemon *daemon = userdata;

        declarer_when_done(daemon->declarer, on_done, call);
}

static int on_mark_good(void *userdata, BusMarked on_marked, void *job)
{
        Daemon *daemon = userdata;
        int r;

        r = store_mark_good(daemon->store, on_marked, job);
        return r == STORE_E_MARKED ? BUS_PORT_E_MARKED : r;
}

static void on_load_good(void *userdata, BusLoaded on_loaded, void *job)
{
        Daemon *daemon = userdata;

        store_load_good(daemon->store, on_loaded, job);
}

static int on_back_up(void *userdata, BusBackedUp on_backed_up, void *job)
{
        Daemon *daemon = userdata;

        return store_back_up(daemon->store, on_backed_up, job);
}

static void on_statistics(void *userdata, uint32_t uid, GVariantDict *statistics)
{
        Daemon *daemon = userdata;
        g_autoptr(GVariant) of_store = g_variant_ref_sink(store_statistics(daemon->store));
        GVariantIter iter;
        const char *name;
        GVariant *value;

        g_variant_iter_init(&iter, of_store);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value))
                g_variant_dict_insert_value(statistics, name, value);

        /* They name namespaces, which not everyone may know of. */
        if (uid == 0)
                g_variant_dict_insert_value(statistics, "declaration-errors",
                                            declarer_errors(daemon->declarer));
}

static int on_name_answer(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Daemon *daemon = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        uint32_t answer = 0;

        if (!error)
                (void) sd_bus_message_read(m, "u", &answer);

        /* 1: the name is ours now; anything else: DBUS_REQUEST_NAME_REPLY_EXISTS and its like */
        if (error || answer != 1) {
                log_error("Cannot have the name " REGENT_BUS_NAME ": %s",
                          error ? error->message : "somebody else has it");
                return sd_event_exit(daemon->event, DAEMON_E_REFUSED);
        }

        daemon->is_ready = true;
        log_info("Ready at revision %" G_GUINT64_FORMAT, state_revision(daemon->state));
        (void) sd_notifyf(false, "READY=1\nSTATUS=%s", service_state_name(daemon->status.state));
        return 0;
}

static int on_disconnected(sd_bus_message *m G_GNUC_UNUSED,
                           void *userdata,
                           sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Daemon *daemon = userdata;

        log_notice("The bus has gone: stopping");
        return sd_event_exit(daemon->event, DAEMON_E_DISCONNECTED);
}

/* stop */

/*
 * The batch under way is settled and answered; what waits behind it was promised to nobody. As an
 * exit handler it runs before the bus's own, which closes the connection.
 */
static int on_loop_exit(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        Daemon *daemon = userdata;

        (void) sd_notify(false, "STOPPING=1");
        daemon->close_status = store_close(daemon->store);
        return 0;
}

/* start */

static int start_pipeline(Daemon *daemon)
{
        const PipelineCallbacks callbacks = {
                .wake = on_wake,
                .journal = on_journal,
                .sync = on_sync,
                .publish = on_publish,
                .reconsider = on_reconsider,
                .userdata = daemon,
        };
        int r;

        r = sd_event_add_defer(daemon->event, &daemon->batch, on_batch, daemon);
        if (r < 0)
                return r;

        r = sd_event_add_defer(daemon->event, &daemon->redeclare, on_redeclare, daemon);
        if (r < 0)
                return r;

        r = sd_event_source_set_enabled(daemon->redeclare, SD_EVENT_OFF);
        if (r < 0)
                return r;

        r = sd_event_source_set_enabled(daemon->batch, SD_EVENT_OFF);
        if (r < 0)
                return r;

        r = sd_event_source_set_priority(daemon->batch, BATCH_PRIORITY);
        if (r < 0)
                return r;

        daemon->pipeline = pipeline_new(daemon->state, &daemon->config.limits, &callbacks);
        pipeline_set_revision_limit(daemon->pipeline, store_revision_limit(daemon->store));
        hand_out_config(daemon);
        return 0;
}

static int start_store(Daemon *daemon)
{
        const StoreOptions options = {
                .state_directory = daemon->options->state_directory,
                .runtime_directory = daemon->options->runtime_directory,
                .checkpoint_journal_bytes = daemon->config.checkpoint_journal_bytes,
        };
        const StoreCallbacks callbacks = {
                .on_written = on_written,
                .on_revision_limit = on_revision_limit,
                .on_status = on_status,
                .userdata = daemon,
        };
        int r;

        r = store_open(&daemon->store, daemon->io, &options, daemon->event, daemon->state,
                       &daemon->status, &callbacks);
        if (r == STORE_E_LOCKED || r == STORE_E_NEWER_FORMAT)
                return DAEMON_E_REFUSED; /* logged where the file is known */
        if (r < 0)
                return r;

        r = sd_event_add_exit(daemon->event, &daemon->exit, on_loop_exit, daemon);
        if (r < 0)
                return r;

        r = sd_event_source_set_priority(daemon->exit, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? r : 0;
}

static int start_bus(Daemon *daemon)
{
        const BusPorts ports = {
                .reload = on_reload_call,
                .when_reloaded = on_wait_for_reload,
                .mark_good = on_mark_good,
                .load_good = on_load_good,
                .back_up = on_back_up,
                .add_statistics = on_statistics,
                .userdata = daemon,
        };
        int r;

        r = bus_connection_open(&daemon->bus, daemon->event);
        if (r < 0)
                return r;

        r = sd_bus_match_signal_async(daemon->bus, NULL, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, daemon);
        if (r < 0)
                return r;

        r = bus_service_new(&daemon->service, daemon->bus, daemon->state, daemon->pipeline,
                            &daemon->config.limits, &daemon->status, &ports);
        if (r < 0)
                return r;

        (void) sd_notify(false, "STATUS=waiting for the bus");
        r = sd_bus_request_name_async(daemon->bus, NULL, REGENT_BUS_NAME, 0, on_name_answer,
                                      daemon);
        return r < 0 ? r : 0;
}

static void on_first_declared(void *userdata, int r)
{
        Daemon *daemon = userdata;

        if (r == 0)
                r = start_bus(daemon);
        if (r < 0 && r != -ECANCELED)
                (void) sd_event_exit(daemon->event, r);
}

/* The bus comes when all that is declared is there. */
static void start_declarations(void *userdata)
{
        Daemon *daemon = userdata;
        const DeclarerOptions options = {
                .state = daemon->state,
                .pipeline = daemon->pipeline,
                .limits = &daemon->config.limits,
                .directories = daemon->options->namespaces_directories,
                .on_declared = on_declared,
                .userdata = daemon,
        };

        daemon->declarer = declarer_new(&options);
        declarer_load(daemon->declarer);
        declarer_when_done(daemon->declarer, on_first_declared, daemon);
}

static int start(Daemon *daemon)
{
        g_autofree char *release = NULL;
        Config config;
        int r;

        r = event_loop_new(&daemon->event, on_reload_signal, daemon);
        if (r < 0)
                return r;

        r = load_config(daemon, &config);
        if (r < 0)
                return DAEMON_E_REFUSED;
        use_config(daemon, &config);

        daemon->state = state_new();
        release = kernel_release_running();
        state_set_release(daemon->state, release);
        r = start_store(daemon);
        if (r != 0)
                return r;

        r = start_pipeline(daemon);
        if (r < 0)
                return r;

        r = expirer_new(&daemon->expirer, daemon->event, daemon->state, daemon->pipeline);
        if (r < 0)
                return r;

        /* Nobody is to see what was not confirmed before a reboot. */
        expirer_start(daemon->expirer, start_declarations, daemon);
        return 0;
}

static void clear(Daemon *daemon)
{
        daemon->declarer = declarer_free(daemon->declarer);
        daemon->expirer = expirer_free(daemon->expirer);
        daemon->service = bus_service_free(daemon->service);
        daemon->pipeline = pipeline_free(daemon->pipeline);
        daemon->store = store_free(daemon->store);
        daemon->state = state_free(daemon->state);
        sd_event_source_disable_unref(daemon->batch);
        sd_event_source_disable_unref(daemon->redeclare);
        sd_event_source_disable_unref(daemon->exit);
        sd_bus_close_unref(daemon->bus);
        sd_event_unref(daemon->event);
}

int daemon_run(const DaemonOptions *options, const Io *io)
{
        Daemon daemon = { .options = options, .io = io };
        int r;

        r = start(&daemon);
        if (r == 0)
                r = sd_event_loop(daemon.event);
        if (r < 0)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r)), "regentd cannot go on: %s",
                           g_strerror(-r));

        if (daemon.close_status < 0)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(daemon.close_status)),
                           "regentd did not stop cleanly: %s", g_strerror(-daemon.close_status));

        clear(&daemon);
        return r != 0 ? r : daemon.close_status;
}
