/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Daemon ports
 */

#include "daemon-ports.h"

#include "bus/manager-object.h"
#include "commit-log.h"
#include "daemon-config.h"
#include "util/log.h"

#include <errno.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* Behind what comes in without an end nothing would ever be written. */
#define LATE_USEC 2000

/* the pipeline's ports */

static uint64_t now_realtime_usec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static void on_answered(const Daemon *daemon)
{
        if (daemon->service)
                bus_service_answered(daemon->service);
}

int daemon_ports_on_batch(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        Daemon *daemon = userdata;

        if (!daemon->service || !bus_service_holds_writes(daemon->service)) {
                pipeline_run(daemon->pipeline, now_realtime_usec());
                on_answered(daemon);
        }
        return 0;
}

static bool is_batch_waiting(const Daemon *daemon)
{
        int enabled = SD_EVENT_OFF;

        return sd_event_source_get_enabled(daemon->batch, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

static void on_wake(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        if (!is_batch_waiting(daemon))
                (void) sd_event_now(daemon->event, CLOCK_MONOTONIC, &daemon->woken_usec);
        r = sd_event_source_set_enabled(daemon->batch, SD_EVENT_ONESHOT);
        g_assert(r >= 0 || r == -ESTALE); /* the loop has ended */
}

static void tell_of_room(Daemon *daemon)
{
        pipeline_set_full(daemon->pipeline, daemon->status.is_full, &daemon->status.cause);
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

static void on_applying(void *userdata, const Commit *commit)
{
        Daemon *daemon = userdata;

        if (daemon->service)
                bus_service_applying(daemon->service, commit);
}

static void on_applied(void *userdata, const Commit *commit)
{
        Daemon *daemon = userdata;

        /* Whoever is told of it may look at a view. */
        if (daemon->views)
                views_publish(daemon->views, commit);
        if (daemon->service)
                bus_service_applied(daemon->service, commit);
}

static uint64_t on_weigh(void *userdata, const char *name)
{
        const Daemon *daemon = userdata;

        return daemon->service ? bus_service_weigh(daemon->service, name) : 0;
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

static void on_reconsider(void *userdata, void *submitter, Request *request)
{
        Daemon *daemon = userdata;

        if (submitter == daemon->declarer)
                declarer_reconsider(daemon->declarer, request);
        else
                bus_service_reconsider(submitter, request);
}

PipelineCallbacks daemon_ports_of_pipeline(Daemon *daemon)
{
        return (PipelineCallbacks){
                .wake = on_wake,
                .journal = on_journal,
                .sync = on_sync,
                .applying = on_applying,
                .applied = on_applied,
                .weigh = on_weigh,
                .publish = on_publish,
                .reconsider = on_reconsider,
                .userdata = daemon,
        };
}

/* the declarer's port */

void daemon_ports_on_first_declared(void *userdata)
{
        Daemon *daemon = userdata;

        defaults_note_begin(daemon->defaults, daemon->status.is_new_history);
}

void daemon_ports_on_declared(void *userdata, Namespace *ns)
{
        Daemon *daemon = userdata;

        if (daemon->views)
                views_publish_declaration(daemon->views, ns);
        if (daemon->service)
                bus_service_declared(daemon->service, ns);
}

/* the views' port */

static void on_view_ready(void *userdata, const char *name)
{
        Daemon *daemon = userdata;

        if (daemon->service)
                bus_service_view_ready(daemon->service, name);
}

ViewsCallbacks daemon_ports_of_views(Daemon *daemon)
{
        return (ViewsCallbacks){ .on_ready = on_view_ready, .userdata = daemon };
}

/* the store's ports */

static void on_written(void *userdata, int r)
{
        Daemon *daemon = userdata;

        tell_of_room(daemon);
        pipeline_settle(daemon->pipeline, r);
        on_answered(daemon);
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
        session_ender_retry(daemon->session_ender);

        r = manager_object_announce_status(daemon->service);
        if (r < 0)
                log_warning("Cannot announce the state of the service: %s", g_strerror(-r));
}

StoreCallbacks daemon_ports_of_store(Daemon *daemon)
{
        return (StoreCallbacks){
                .on_written = on_written,
                .on_revision_limit = on_revision_limit,
                .on_status = on_status,
                .userdata = daemon,
        };
}

/* the bus's ports */

static int on_reload_call(void *userdata)
{
        Daemon *daemon = userdata;
        int r;

        r = daemon_config_reload(daemon);
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

static int on_open_view(void *userdata, Namespace *ns, uint32_t uid, BusView *ret_view)
{
        static const int outcomes[] = {
                [VIEWS_E_UNDER_WAY] = BUS_PORT_E_UNDER_WAY,
                [VIEWS_E_HELD] = BUS_PORT_E_HELD,
                [VIEWS_E_NO_ROOM] = BUS_PORT_E_NO_ROOM,
                [VIEWS_E_TOO_MUCH] = BUS_PORT_E_TOO_MUCH,
        };
        Daemon *daemon = userdata;
        ViewLoan loan;
        int r;

        r = views_open(daemon->views, ns, uid, &loan);
        if (r != 0)
                return r < 0 ? r : outcomes[r];

        *ret_view = (BusView){ loan.fd, loan.n_bytes, loan.generation, loan.revision };
        return 0;
}

static void add_statistics_of_views(const Views *views, GVariantDict *statistics)
{
        ViewsStatistics of_views = views_statistics(views);

        g_variant_dict_insert(statistics, "views", "t", of_views.n_namespaces);
        g_variant_dict_insert(statistics, "view-generations", "t", of_views.n_editions);
        g_variant_dict_insert(statistics, "view-bytes", "t", of_views.n_bytes);
}

static void on_end_session(void *userdata, const char *session)
{
        Daemon *daemon = userdata;

        session_ender_end(daemon->session_ender, session);
}

static void on_statistics(void *userdata, uint32_t uid, GVariantDict *statistics)
{
        Daemon *daemon = userdata;
        g_autoptr(GVariant) of_store = g_variant_ref_sink(store_statistics(daemon->store));
        g_autofree char *reason = service_read_only_reason(&daemon->status);
        GVariantIter iter;
        const char *name;
        GVariant *value;

        if (reason)
                g_variant_dict_insert(statistics, "read-only-reason", "s", reason);
        g_variant_iter_init(&iter, of_store);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value))
                g_variant_dict_insert_value(statistics, name, value);

        add_statistics_of_views(daemon->views, statistics);

        /* They name namespaces, which not everyone may know of. */
        if (uid == 0)
                g_variant_dict_insert_value(statistics, "declaration-errors",
                                            declarer_errors(daemon->declarer));
}

static void on_go_on(void *userdata)
{
        on_wake(userdata);
}

static void on_write_now(void *userdata)
{
        Daemon *daemon = userdata;

        if (!is_batch_waiting(daemon))
                return;
        (void) sd_event_source_set_enabled(daemon->batch, SD_EVENT_OFF);
        (void) daemon_ports_on_batch(daemon->batch, daemon);
}

static void on_write_late(void *userdata)
{
        const Daemon *daemon = userdata;

        if ((uint64_t) g_get_monotonic_time() > daemon->woken_usec + LATE_USEC)
                on_write_now(userdata);
}

BusPorts daemon_ports_of_bus(Daemon *daemon)
{
        return (BusPorts){
                .reload = on_reload_call,
                .when_reloaded = on_wait_for_reload,
                .mark_good = on_mark_good,
                .load_good = on_load_good,
                .back_up = on_back_up,
                .open_view = on_open_view,
                .end_session = on_end_session,
                .add_statistics = on_statistics,
                .go_on = on_go_on,
                .write_now = on_write_now,
                .write_late = on_write_late,
                .userdata = daemon,
        };
}
