/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backups
 *
 * Whether a copy is still in somebody's hands is told by a lock of the open file: the descriptor that
 * is given away holds a shared one, which goes when the last process that has it closes it or ends.
 * Until then the file takes room, and so it does while this side has it open; so it is looked at every
 * few seconds, as long as there is one.
 */

#include "bus/backup.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/call.h"
#include "bus/caller.h"
#include "bus/flow.h"
#include "bus/options.h"
#include "client/regent-names.h"
#include "util/auto.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

#define LOOK_USEC (UINT64_C(5) * G_USEC_PER_SEC)

struct Backups {
        BusService *service;
        BackupJob *job; /* the one there may be at a time */
        int lent_fd;    /* of the copy that is in somebody's hands; -1: none is */
        uint32_t lent_uid;
        sd_event_source *look_source;
};

struct BackupJob {
        Backups *backups;
        Call *call; /* NULL: nobody waits for it any more */
        bool is_under_way;
        int r;
        StateCopy copy; /* its descriptors are open, or -1 */
};

static void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static BackupJob *backup_job_free(BackupJob *job)
{
        if (!job)
                return NULL;

        if (job->backups->job == job)
                job->backups->job = NULL;
        close_fd(&job->copy.fd);
        close_fd(&job->copy.write_fd);
        g_free(job);
        return NULL;
}

void backup_job_release(BackupJob *job)
{
        if (!job)
                return;

        job->call = NULL;
        if (!job->is_under_way)
                backup_job_free(job);
}

Backups *backups_new(BusService *service)
{
        Backups *backups = g_new(Backups, 1);

        *backups = (Backups){ .service = service, .lent_fd = -1 };
        return backups;
}

Backups *backups_free(Backups *backups)
{
        if (!backups)
                return NULL;

        backup_job_free(backups->job);
        close_fd(&backups->lent_fd);
        sd_event_source_disable_unref(backups->look_source);
        g_free(backups);
        return NULL;
}

static bool is_lent(Backups *backups)
{
        if (backups->lent_fd < 0)
                return false;
        if (flock(backups->lent_fd, LOCK_EX | LOCK_NB) < 0)
                return true;

        close_fd(&backups->lent_fd);
        return false;
}

static int on_look(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Backups *backups = userdata;

        (void) now_usec;
        if (!is_lent(backups))
                return 0;
        (void) sd_event_source_set_time_relative(source, LOOK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* It is in the caller's hands from now on. */
static int lend(Backups *backups, BackupJob *job, uint32_t uid)
{
        int r;

        if (flock(job->copy.fd, LOCK_SH | LOCK_NB) < 0)
                return -errno;
        if (!backups->look_source) {
                r = sd_event_add_time_relative(backups->service->event, &backups->look_source,
                                               CLOCK_MONOTONIC, LOOK_USEC, 0, on_look, backups);
        } else {
                r = sd_event_source_set_time_relative(backups->look_source, LOOK_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(backups->look_source, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                return r;

        close_fd(&backups->lent_fd);
        backups->lent_fd = job->copy.write_fd;
        backups->lent_uid = uid;
        job->copy.write_fd = -1;
        return 0;
}

static int reply_copy(sd_bus_message *m, const BackupJob *job)
{
        g_autoptr(sd_bus_message) reply = NULL;
        const StateCopy *copy = &job->copy;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "ha{sv}", copy->fd, 4, "bytes", "t", copy->n_bytes, "keys",
                                  "t", copy->n_keys, "namespaces", "t", copy->n_namespaces,
                                  "revision", "t", copy->revision);
        if (r < 0)
                return r;
        r = sd_bus_send(NULL, reply, NULL);
        if (r >= 0)
                flow_charge_descriptors(job->backups->service, m, 1);
        return r;
}

/* The call is entered again: the copy is there, or there is none. */
static int finish(BackupJob *job, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        if (job->r < 0)
                return bus_error_set_unwritten(reterr_bus, job->r, NULL);
        r = lend(job->backups, job, job->call->caller->uid);
        if (r >= 0)
                r = reply_copy(m, job);
        return bus_error_set_no_descriptors(reterr_bus, r);
}

static void on_backed_up(void *userdata, int r, const StateCopy *copy)
{
        BackupJob *job = userdata;

        job->is_under_way = false;
        job->r = r;
        if (copy)
                job->copy = *copy;
        if (job->call)
                call_enter(job->call);
        else
                backup_job_free(job);
}

static int refuse_busy(const Backups *backups, sd_bus_error *reterr_bus)
{
        if (backups->job)
                return bus_refused(sd_bus_error_set(reterr_bus, REGENT_ERROR_BUSY,
                                                    "A backup is being taken already"));
        return bus_refused(sd_bus_error_setf(reterr_bus, REGENT_ERROR_BUSY,
                                             "The last backup is still being read, by uid %" PRIu32,
                                             backups->lent_uid));
}

static int begin(BusService *service, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        Backups *backups = service->backups;
        BackupJob *job;
        Call *call;
        int r;

        r = call_get(&call, service, m, backup_method, 0, reterr_bus);
        if (r < 0)
                return r;
        /* Nobody keeps uid 0 from a backup by holding on to another. */
        if (backups->job || (is_lent(backups) && (call->caller->uid != 0 || !backups->lent_uid))) {
                r = refuse_busy(backups, reterr_bus);
                if (call != call_entered(service, m))
                        call_free(call);
                return r;
        }

        job = g_new(BackupJob, 1);
        *job = (BackupJob){ .backups = backups,
                            .call = call,
                            .copy = { .fd = -1, .write_fd = -1 } };
        call->backup = backups->job = job;
        r = service->ports.back_up(service->ports.userdata, on_backed_up, job);
        if (r < 0) {
                r = bus_error_set_unwritten(reterr_bus, r, NULL);
                if (call != call_entered(service, m))
                        call_free(call);
                return r;
        }
        job->is_under_way = true;
        call->is_waiting = true;
        return CALL_E_PARKED;
}

static int read_option(sd_bus_message *m G_GNUC_UNUSED,
                       const char *name,
                       void *userdata G_GNUC_UNUSED,
                       sd_bus_error *reterr_bus)
{
        return option_unknown(name, reterr_bus);
}

int backup_method(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const AuthorizerQuestion question = { AUTHORIZE_MANAGE, "", "Backup", false, 0 };
        BusService *service = userdata;
        const Call *entered = call_entered(service, m);
        Namespace *none;
        int r;

        if (entered && entered->backup)
                return finish(entered->backup, m, reterr_bus);

        r = options_read(m, read_option, NULL, reterr_bus);
        if (r < 0)
                return r;
        r = authorizer_check(service, m, backup_method, &question, &none, reterr_bus);
        if (r != 0)
                return r;
        r = flow_admit_descriptors(service, m, backup_method, 1, reterr_bus);
        if (r != 0)
                return r;
        return begin(service, m, reterr_bus);
}
