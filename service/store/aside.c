/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Aside
 */

#include "store/aside.h"

#include "store/evidence.h"
#include "store/last-good.h"
#include "store/recovery-scan.h"
#include "store/survey.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define MESSAGE_DAMAGED "43e8786dc25347a5a6e16a0c3f198aca"

/* Somebody who puts thousands of files there fills the log no further than this. */
#define FILES_TOLD_MAX 10u

char *aside_label(uint64_t now_usec, const char *reason)
{
        g_autoptr(GDateTime) now =
                g_date_time_new_from_unix_utc((gint64) (now_usec / G_USEC_PER_SEC));
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
        char *label = g_strdup_printf("%s.%06uZ %s", time, (unsigned) (now_usec % G_USEC_PER_SEC),
                                      reason);

        return g_strdelimit(label, " ',", '-');
}

void aside_log(const Side *side, const RecoveryFindings *findings)
{
        g_autofree char *path = g_build_filename(side->directory->path, findings->file, NULL);

        log_record(LOG_ERR,
                   LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(path),
                              LOG_REVISION(findings->revision)),
                   "%s: %s; loaded from %s as of revision %" G_GUINT64_FORMAT
                   ", commits after that may be lost; the files are kept in %s/damaged",
                   path, findings->damage, loaded_from_name(findings->loaded_from),
                   findings->revision, side->directory->path);
}

/* A file or copy that is damaged, too. */
static void log_one(const Side *side, const char *name, const char *damage)
{
        const char *directory = side->directory->path;
        g_autofree char *path = g_build_filename(directory, name, NULL);

        log_record(LOG_ERR, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(path)),
                   "%s: %s; it is kept in %s/damaged", path, damage, directory);
}

typedef struct Others {
        const Side *side;
        const char *told; /* the file that is told of already */
        unsigned n;       /* that are damaged beside it */
} Others;

static void log_other(void *userdata, const char *name, const char *damage)
{
        Others *others = userdata;

        if (strcmp(name, others->told) != 0 && others->n++ < FILES_TOLD_MAX)
                log_one(others->side, name, damage);
}

static void log_more(const Side *side, unsigned n_more, const char *damage)
{
        const char *path = side->directory->path;

        log_record(LOG_ERR, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(path)),
                   "%s: %u more files %s; they are kept in %s/damaged", path, n_more, damage, path);
}

void aside_log_others(const Side *side, const RecoveryFindings *findings)
{
        Others others = { side, findings->file, 0 };
        /* One that is whole, and told of, does not belong to these files. */
        bool counts = findings->has_manifest && strcmp(findings->file, MANIFEST_NAME) != 0;

        survey_side(side, counts ? side->manifest : NULL, log_other, &others);
        if (others.n > FILES_TOLD_MAX)
                log_more(side, others.n - FILES_TOLD_MAX, "are damaged");
}

void aside_log_copies(const Side *side, const GPtrArray *copies, const char *told)
{
        for (guint i = 0; i < copies->len; i++) {
                g_autofree char *name = g_build_filename(LAST_GOOD_NAME, copies->pdata[i], NULL);

                if (strcmp(name, told) != 0)
                        log_one(side, name, "the last known good copy is damaged");
        }
}

static int put(const Side *side, const StoreDirectory *from, const char *label, GPtrArray *names)
{
        int r;

        r = evidence_keep(side->directory, from, label, names);
        for (guint i = 0; i < names->len && r >= 0; i++) {
                r = io_unlinkat(from->io, from->fd, names->pdata[i]);
                if (r == -ENOENT)
                        r = 0;
        }
        return MIN(r, 0);
}

int aside_put_copies(const Side *side, GPtrArray *copies, uint64_t now_usec)
{
        g_autofree char *label = aside_label(now_usec, ASIDE_REASON_COPIES);

        return copies->len > 0 ? put(side, side->good_directory, label, copies) : 0;
}

static bool has_bad_manifest(const StoreDirectory *directory)
{
        g_autoptr(Manifest) manifest = NULL;
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &n_bytes);
        if (r < 0)
                return r != -ENOENT;
        return manifest_from_text(&manifest, text, n_bytes) < 0;
}

static void log_strangers(const Side *side, const GPtrArray *names)
{
        const StoreDirectory *directory = side->directory;
        guint n_told = MIN(names->len, FILES_TOLD_MAX);

        for (guint i = 0; i < n_told; i++) {
                g_autofree char *path = g_build_filename(directory->path, names->pdata[i], NULL);

                log_record(LOG_ERR, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(path)),
                           "%s: it is not what it is called, and was not needed; it is kept in "
                           "%s/damaged",
                           path, directory->path);
        }
        if (names->len > n_told)
                log_more(side, names->len - n_told,
                         "are not what they are called, and were not needed");
}

int aside_put_strangers(const Side *side, uint64_t now_usec)
{
        const StoreDirectory *directory = side->directory;
        g_autoptr(GPtrArray) strangers = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(Manifest) unused = NULL;
        g_autofree char *label = aside_label(now_usec, "a file is not what it is called");
        int r;

        r = recovery_scan(directory, &unused, strangers);
        for (guint i = strangers->len; i > 0; i--)
                if (side->manifest && manifest_names(side->manifest, strangers->pdata[i - 1]))
                        g_ptr_array_remove_index(strangers, i - 1);
        if (!side->manifest && has_bad_manifest(directory))
                g_ptr_array_add(strangers, g_strdup(MANIFEST_NAME));
        if (r != 0 || strangers->len == 0)
                return MIN(r, 0);

        log_strangers(side, strangers);
        return put(side, directory, label, strangers);
}
