/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading
 *
 * Where no runtime directory is at hand it works beside an empty one of its own. What a real one
 * still holds of this boot is older then, and gives way entry by entry, see state_apply().
 */

#include "offline/loading.h"

#include "client/regent-store-stream.h"
#include "offline/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As regentd's: see data/regentd.conf. */
#define CHECKPOINT_JOURNAL_BYTES (UINT64_C(1) << 20)

static void on_wake(void *userdata)
{
        ((Loading *) userdata)->is_awake = true;
}

static int on_journal(void *userdata, const GPtrArray *commits)
{
        Loading *loading = userdata;
        int r = store_write(loading->store, commits);

        return r == STORE_E_WRITTEN ? PIPELINE_E_WRITTEN : r;
}

static void on_publish(void *userdata, const GPtrArray *commits)
{
        Loading *loading = userdata;

        loading->n_commits += commits->len;
        store_applied(loading->store);
}

static void on_written(void *userdata, int r)
{
        pipeline_settle(((Loading *) userdata)->pipeline, r);
}

static void on_revision_limit(void *userdata)
{
        Loading *loading = userdata;

        pipeline_set_revision_limit(loading->pipeline, store_revision_limit(loading->store));
}

static void on_status(void *userdata G_GNUC_UNUSED)
{
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Loading *loading = userdata;

        loading->is_settled = true;
        loading->settlement = *settlement;
        loading->settlement.commit = NULL;
        loading->text = g_strdup(settlement->text);
        loading->settlement.text = loading->text;
}

/* A directory that nobody else can have a name in. */
static int make_scratch(Loading *loading)
{
        g_autoptr(GError) error = NULL;

        loading->scratch = g_dir_make_tmp("regent-store-XXXXXX", &error);
        return loading->scratch ? 0 : stream_fail(REGENT_STORE_OTHER, NULL, "%s", error->message);
}

static void remove_below(int dir_fd, const char *name)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0) {
                (void) io_list(io_system(), fd, names);
                for (guint i = 0; i < names->len; i++)
                        if (unlinkat(fd, names->pdata[i], 0) < 0)
                                (void) unlinkat(fd, names->pdata[i], AT_REMOVEDIR);
                close(fd);
        }
        (void) unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int open_store(Loading *loading, const ReadingOptions *options)
{
        const StoreOptions store_options = {
                .state_directory = options->state_directory,
                .runtime_directory =
                        loading->scratch ? loading->scratch : options->runtime_directory,
                .checkpoint_journal_bytes = CHECKPOINT_JOURNAL_BYTES,
        };
        const StoreCallbacks callbacks = {
                .on_written = on_written,
                .on_revision_limit = on_revision_limit,
                .on_status = on_status,
                .userdata = loading,
        };
        int r;

        r = store_open(&loading->store, io_system(), &store_options, loading->event, loading->state,
                       &loading->status, &callbacks);
        if (r == STORE_E_LOCKED)
                return stream_fail(REGENT_STORE_CONFLICT,
                                   "Stop it first: 'systemctl stop regentd'.",
                                   "%s: a running regentd has it", options->state_directory);
        if (r == STORE_E_NEWER_FORMAT)
                return stream_fail(REGENT_STORE_REFUSED, NULL,
                                   "%s: it was written by a later version",
                                   options->state_directory);
        return r < 0 ? stream_fail_errno(r, options->state_directory) : 0;
}

/* As wide as a configuration may set them: who works here is above quotas of users. */
static void widen_limits(Limits *limits)
{
        limits_init(limits);
#define LIMIT_WIDEN(field, setting, standard, minimum, maximum) limits->field = maximum;
        LIMITS_TABLE(LIMIT_WIDEN)
#undef LIMIT_WIDEN
}

int loading_open(Loading *ret_loading, const ReadingOptions *options)
{
        const PipelineCallbacks callbacks = {
                .wake = on_wake,
                .journal = on_journal,
                .publish = on_publish,
                .userdata = ret_loading,
        };
        Loading *loading = ret_loading;
        int r;

        *loading = (Loading){
                .state = state_new(),
                .created = g_ptr_array_new_with_free_func(g_free),
        };
        widen_limits(&loading->limits);
        r = sd_event_new(&loading->event);
        if (r < 0)
                return stream_fail_errno(r, "sd_event_new");
        r = options->runtime_directory ? 0 : make_scratch(loading);
        if (r == 0)
                r = open_store(loading, options);
        if (r < 0)
                return r;

        loading->pipeline = pipeline_new(loading->state, &loading->limits, &callbacks);
        pipeline_set_revision_limit(loading->pipeline, store_revision_limit(loading->store));
        loading->origin = pipeline_origin_new(loading->pipeline);
        return 0;
}

int loading_submit(Loading *loading, ChangeSet *set, Settlement *ret_settlement, char **ret_text)
{
        loading->is_settled = false;
        pipeline_submit(loading->origin, NULL, set, on_settled, loading);
        while (!loading->is_settled) {
                int r = 0;

                if (loading->is_awake) {
                        loading->is_awake = false;
                        pipeline_run(loading->pipeline, (uint64_t) g_get_real_time());
                } else {
                        r = sd_event_run(loading->event, UINT64_MAX);
                }
                if (r < 0)
                        return r;
        }

        *ret_settlement = loading->settlement;
        *ret_text = g_steal_pointer(&loading->text);
        return 0;
}

int loading_close(Loading *loading)
{
        return store_close(loading->store);
}

static void remove_scratch(Loading *loading)
{
        if (loading->scratch)
                remove_below(AT_FDCWD, loading->scratch);
        g_clear_pointer(&loading->scratch, g_free);
}

void loading_clear(Loading *loading)
{
        g_clear_pointer(&loading->set, change_set_free);
        g_clear_pointer(&loading->origin, pipeline_origin_free);
        g_clear_pointer(&loading->pipeline, pipeline_free);
        g_clear_pointer(&loading->store, store_free);
        g_clear_pointer(&loading->state, state_free);
        g_clear_pointer(&loading->event, sd_event_unref);
        g_clear_pointer(&loading->text, g_free);
        g_clear_pointer(&loading->created, g_ptr_array_unref);
        remove_scratch(loading);
}
