/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Daemon
 *
 * Start: signals, configuration, recovery, declared namespaces, a revision for their defaults if need
 * be, objects, the end of what connections have left behind, and last the name on the bus, so whoever
 * sees the name gets answers. Recovery does not wait for the bus, and the bus need not be there yet.
 * Stop: the store closes once the batch under way is written and answered, then what participants are
 * asked about ends, then the bus.
 */

#include "daemon.h"

#include "bus/bus-connection.h"
#include "client/regent-names.h"
#include "daemon-config.h"
#include "daemon-parts.h"
#include "daemon-ports.h"
#include "event-loop.h"
#include "kernel-release.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

/* After everything else that waits, so that the socket is read empty into the batch. */
#define BATCH_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* the bus */

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
 * The batch under way is settled and answered; what waits behind it was promised to nobody, but who
 * has been asked about a change hears that it comes to nothing. As an exit handler it runs before the bus's own, which closes the connection.
 */
static int on_loop_exit(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        Daemon *daemon = userdata;

        (void) sd_notify(false, "STOPPING=1");
        daemon->close_status = store_close(daemon->store);
        if (daemon->service)
                bus_service_stop(daemon->service);
        pipeline_stop_preparing(daemon->pipeline);
        return 0;
}

/* start */

/* A restored state knows nothing of declarations. */
static int on_redeclare(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        const Daemon *daemon = userdata;

        declarer_load(daemon->declarer);
        return 0;
}

static int start_pipeline(Daemon *daemon)
{
        const PipelineCallbacks callbacks = daemon_ports_of_pipeline(daemon);
        int r;

        r = sd_event_add_defer(daemon->event, &daemon->batch, daemon_ports_on_batch, daemon);
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
        daemon_config_hand_out(daemon);
        return 0;
}

static int start_store(Daemon *daemon)
{
        const StoreOptions options = {
                .state_directory = daemon->options->state_directory,
                .runtime_directory = daemon->options->runtime_directory,
                .checkpoint_journal_bytes = daemon->config.checkpoint_journal_bytes,
        };
        const StoreCallbacks callbacks = daemon_ports_of_store(daemon);
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

static int start_views(Daemon *daemon)
{
        const ViewsCallbacks callbacks = daemon_ports_of_views(daemon);

        return views_new(&daemon->views, daemon->event, daemon->state, &daemon->config.limits,
                         &callbacks);
}

static void request_name(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = sd_bus_request_name_async(daemon->bus, NULL, REGENT_BUS_NAME, 0, on_name_answer,
                                      daemon);
        if (r < 0)
                (void) sd_event_exit(daemon->event, r);
}

/* Nobody is to see what is of a connection that has ended. */
static void on_bus_begun(void *userdata)
{
        Daemon *daemon = userdata;

        session_ender_when_done(daemon->session_ender, request_name, daemon);
}

static int start_bus(Daemon *daemon)
{
        const BusPorts ports = daemon_ports_of_bus(daemon);
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
        return bus_service_begin(daemon->service, on_bus_begun, daemon);
}

static void on_history_resumed(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = start_bus(daemon);
        if (r < 0)
                (void) sd_event_exit(daemon->event, r);
}

static void on_first_declared(void *userdata, int r)
{
        Daemon *daemon = userdata;

        if (r == 0)
                defaults_commit_start(daemon->defaults_commit, on_history_resumed, daemon);
        else if (r != -ECANCELED)
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
                .on_first = daemon_ports_on_first_declared,
                .on_declared = daemon_ports_on_declared,
                .userdata = daemon,
        };

        daemon->defaults = defaults_note_new(daemon->options->runtime_directory, daemon->state);
        daemon->defaults_commit = defaults_commit_new(daemon->state, daemon->pipeline);
        daemon->declarer = declarer_new(&options);
        declarer_load(daemon->declarer);
        declarer_when_done(daemon->declarer, on_first_declared, daemon);
}

static int start(Daemon *daemon)
{
        g_autofree char *release = NULL;
        Config config;
        int r;

        r = event_loop_new(&daemon->event, daemon_config_on_signal, daemon);
        if (r < 0)
                return r;

        r = daemon_config_load(daemon, &config);
        if (r < 0)
                return DAEMON_E_REFUSED;
        daemon_config_use(daemon, &config);

        daemon->state = state_new();
        release = kernel_release_running();
        state_set_release(daemon->state, release);
        daemon_config_bound_history(daemon);
        r = start_store(daemon);
        if (r != 0)
                return r;

        r = start_pipeline(daemon);
        if (r < 0)
                return r;

        r = start_views(daemon);
        if (r < 0)
                return r;

        r = expirer_new(&daemon->expirer, daemon->event, daemon->state, daemon->pipeline);
        if (r < 0)
                return r;

        r = session_ender_new(&daemon->session_ender, daemon->event, daemon->state,
                              daemon->pipeline);
        if (r < 0)
                return r;

        /* Nobody is to see what was not confirmed before a reboot. */
        expirer_start(daemon->expirer, start_declarations, daemon);
        return 0;
}

static void clear(Daemon *daemon)
{
        daemon->declarer = declarer_free(daemon->declarer);
        daemon->defaults_commit = defaults_commit_free(daemon->defaults_commit);
        daemon->session_ender = session_ender_free(daemon->session_ender);
        daemon->expirer = expirer_free(daemon->expirer);
        daemon->service = bus_service_free(daemon->service);
        daemon->views = views_free(daemon->views);
        daemon->pipeline = pipeline_free(daemon->pipeline);
        daemon->store = store_free(daemon->store);
        daemon->defaults = defaults_note_free(daemon->defaults);
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
