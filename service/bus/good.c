/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Last known good
 */

#include "bus/good.h"

#include "bus/bus-error.h"
#include "bus/options.h"
#include "bus/write.h"
#include "client/regent-names.h"

#include <errno.h>
#include <string.h>

struct GoodJob {
        BusService *service;
        Call *call; /* NULL: nobody waits for it any more */
        bool is_under_way;
        bool is_done;
        int r;
        State *source; /* of a restoration, until it is used */
        CommitSource identity;
};

GoodJob *good_job_free(GoodJob *job)
{
        if (!job)
                return NULL;

        if (job->service->good_job == job)
                job->service->good_job = NULL;
        state_free(job->source);
        g_free(job);
        return NULL;
}

void good_job_release(GoodJob *job)
{
        if (!job)
                return;

        job->call = NULL;
        if (!job->is_under_way)
                good_job_free(job);
}

static void finish(GoodJob *job, int r)
{
        job->is_under_way = false;
        job->is_done = true;
        job->r = r;
        if (job->call)
                call_enter(job->call);
        else
                good_job_free(job);
}

static void on_marked(void *userdata, int r)
{
        finish(userdata, r);
}

static void on_loaded(void *userdata, int r, State *source, const CommitSource *identity)
{
        GoodJob *job = userdata;

        job->source = source;
        job->identity = *identity;
        finish(job, r);
}

/* The call of @m, parked for a job. 0, or a negative errno with @reterr_bus. */
static int park_for_job(GoodJob **ret_job,
                        BusService *service,
                        sd_bus_message *m,
                        sd_bus_message_handler_t handler,
                        sd_bus_error *reterr_bus)
{
        Call *call;
        int r;

        if (service->good_job)
                return bus_refused(sd_bus_error_set(reterr_bus, REGENT_ERROR_BUSY,
                                                    "The last known good state is being marked or "
                                                    "restored already"));
        r = call_get(&call, service, m, handler, 0, reterr_bus);
        if (r < 0)
                return r;

        call->job = g_new0(GoodJob, 1);
        call->job->service = service;
        call->job->call = call;
        call->is_waiting = true;
        service->good_job = *ret_job = call->job;
        return 0;
}

static int refuse_marking(int r, sd_bus_error *reterr_bus)
{
        if (r == -EBUSY)
                return bus_refused(sd_bus_error_set(
                        reterr_bus, REGENT_ERROR_BUSY,
                        "A change waits for a confirmation: what may be undone is not good yet"));

        return bus_error_set_unwritten(reterr_bus, r,
                                       "the one before is still the last known good one");
}

static int reply_marked(BusService *service, sd_bus_message *m)
{
        return sd_bus_reply_method_return(m, "t", service->status->last_good_revision);
}

/* Begins what a call that was entered for the first time wants. */
static int begin_marking(BusService *service, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        GoodJob *job;
        int r;

        if (service->status->loaded_from == LOADED_FROM_LAST_KNOWN_GOOD)
                return bus_refused(sd_bus_error_set(
                        reterr_bus, SD_BUS_ERROR_NOT_SUPPORTED,
                        "The state was loaded from the last known good one because the newer was "
                        "damaged: nothing is marked before the next start"));

        r = park_for_job(&job, service, m, good_method_mark, reterr_bus);
        if (r < 0)
                return r;

        job->is_under_way = true;
        r = service->ports.mark_good(service->ports.userdata, on_marked, job);
        if (r != 0) {
                Call *call = job->call;

                job->is_under_way = false;
                call->is_waiting = false;
                r = r < 0 ? refuse_marking(r, reterr_bus) : reply_marked(service, m);
                if (call != call_entered(service, m))
                        call_free(call);
                return r;
        }
        return CALL_E_PARKED;
}

int good_method_mark(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const AuthorizerQuestion question = { AUTHORIZE_MANAGE, "", "MarkGood", false, 0 };
        BusService *service = userdata;
        const Call *entered = call_entered(service, m);
        Namespace *none;
        int r;

        /* What is done is done, whatever has become of the permission. */
        if (entered && entered->job)
                return entered->job->r < 0 ? refuse_marking(entered->job->r, reterr_bus)
                                           : reply_marked(service, m);

        r = authorizer_check(service, m, good_method_mark, &question, &none, reterr_bus);
        if (r != 0)
                return r;

        return begin_marking(service, m, reterr_bus);
}

static int read_source(sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *source;
        uint64_t flags;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &source);
        if (r < 0)
                return r;
        if (strcmp(source, REGENT_SOURCE_LAST_KNOWN_GOOD) != 0)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "The only source is "
                                                    "'" REGENT_SOURCE_LAST_KNOWN_GOOD "'"));
        return flags_read(m, 0, &flags, reterr_bus);
}

static int authorize(BusService *service,
                     sd_bus_message *m,
                     const ChangeSet *set,
                     sd_bus_error *reterr_bus)
{
        static const AuthorizerQuestion question = { AUTHORIZE_MANAGE, "", "Restore", false, 0 };
        Namespace *none;
        int r;

        r = authorizer_check(service, m, good_method_restore, &question, &none, reterr_bus);
        if (r == CALL_E_PARKED && !service->parked->reservation)
                service->parked->reservation =
                        pipeline_reserve(service->parked->caller->origin, set);
        return r;
}

static int begin_loading(BusService *service,
                         sd_bus_message *m,
                         const ChangeSet *set,
                         GoodJob *job,
                         sd_bus_error *reterr_bus)
{
        int r;

        if (!job) {
                r = park_for_job(&job, service, m, good_method_restore, reterr_bus);
                if (r < 0)
                        return r;
        }

        if (!job->call->reservation)
                job->call->reservation = pipeline_reserve(job->call->caller->origin, set);
        job->call->is_waiting = true;
        job->is_done = false;
        job->is_under_way = true;
        service->ports.load_good(service->ports.userdata, on_loaded, job);
        return CALL_E_PARKED;
}

static int refuse_loading(const BusService *service, int r, sd_bus_error *reterr_bus)
{
        if (r == -ENOENT && service->status->is_good_damaged)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_FILE_NOT_FOUND,
                                                    "The last known good state is lost: its copy "
                                                    "was found damaged at the start, and is in "
                                                    "damaged/ of the state directory"));
        if (r == -EBADMSG)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_FILE_NOT_FOUND,
                                                    "The last known good copy is damaged"));
        /* Nor is it known any more whether there was one that an earlier start found damaged. */
        if (r == -ENOENT)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_FILE_NOT_FOUND,
                                                    "There is no last known good state"));
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_FILE_NOT_FOUND,
                                             "The last known good state cannot be read: %s",
                                             g_strerror(-r)));
}

int good_method_restore(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = good_method_restore,
                .verb = "Restore",
                .kind = CHANGE_SET_RESTORE,
                .append_reply = write_reply_revision,
        };
        BusService *service = userdata;
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_RESTORE);
        const Call *entered = call_entered(service, m);
        GoodJob *job;
        Caller *caller;
        int r;

        r = read_source(m, reterr_bus);
        if (r < 0)
                return r;
        r = authorizer_identify(service, m, good_method_restore, 0, &caller, reterr_bus);
        if (r != 0)
                return r;
        set->writer_uid = caller->uid;
        r = authorize(service, m, set, reterr_bus);
        if (r != 0)
                return r;

        job = entered ? entered->job : NULL;
        if (!job || !job->is_done || (job->r == 0 && !job->source))
                return begin_loading(service, m, set, job, reterr_bus);
        if (job->r < 0)
                return refuse_loading(service, job->r, reterr_bus);

        set->source = g_steal_pointer(&job->source);
        set->source_identity = job->identity;
        return write_submit(service, m, &method, g_steal_pointer(&set), reterr_bus);
}
