/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Health
 */

#include "store/health.h"

#include "store/doubt.h"
#include "util/log.h"

#define MESSAGE_FAILED "d0734ec640464e498fea1c548d7dff73"
#define MESSAGE_MENDED "ead658fc94954cecba3f5105f196a35c"
#define MESSAGE_FULL   "355ad93e7aed4295b951c72fb3c549d5"
#define MESSAGE_ROOM   "1570610f16604364a9bb83642b64e2a1"

static void judge(Health *health)
{
        bool may_set = !health->has_failed && !health->status->is_full;

        health->status->state = may_set ? health->whole_state : SERVICE_READ_ONLY;
        health->on_changed(health->userdata);
}

/* The directory that is known not to be ready. */
static const char *failed_path(const Health *health)
{
        const Side *sides[] = { health->persistent, health->runtime };

        for (size_t i = 0; i < G_N_ELEMENTS(sides); i++)
                if (sides[i]->directory->failure < 0)
                        return sides[i]->directory->path;
        return NULL;
}

void health_fail(Health *health, int r, const char *what)
{
        const char *path = health->persistent->directory->path;

        health->has_failed = true;
        health->status->cause.failure = r;
        health->status->cause.failed_path = failed_path(health);
        log_record(LOG_CRIT,
                   LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_FAILED), LOG_ERRNO(r), LOG_FILE(path)),
                   "%s: %s failed: %s; no more changes are taken until the state is written anew",
                   path, what, g_strerror(-r));
        (void) doubt_leave(health->runtime->directory);
        judge(health);
}

void health_mend(Health *health, uint64_t revision)
{
        const char *path = health->persistent->directory->path;

        health->has_failed = false;
        health->status->cause.failure = 0;
        health->status->cause.failed_path = NULL;
        (void) doubt_clear(health->runtime->directory);
        log_record(
                LOG_NOTICE,
                LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_MENDED), LOG_FILE(path), LOG_REVISION(revision)),
                "%s: the state is written anew as of revision %" G_GUINT64_FORMAT
                ", and changes are taken again",
                path, revision);
        judge(health);
}

void health_set_full(Health *health, bool is_full, const char *path)
{
        health->status->is_full = is_full;
        health->status->cause.full_path = path;
        if (is_full)
                log_record(LOG_ERR, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_FULL), LOG_FILE(path)),
                           "%s: no room is left on the disk: nothing but deleting goes on", path);
        else
                log_record(LOG_NOTICE, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_ROOM), LOG_FILE(path)),
                           "%s: there is room on the disk again", path);
        judge(health);
}
