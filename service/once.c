/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Once
 *
 * What is read back is compared entry by entry: that a file is whole says nothing of what is in it.
 */

#include "once.h"

#include "core/namespace-places.h"
#include "core/state.h"
#include "core/status.h"
#include "store/store.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Once {
        const OnceOptions *options;
        const Io *io;
        const char *runtime_directory;
        sd_event *event;
        Store *store;
        State *state;
        ServiceStatus status;
} Once;

/* No commit is. */
static void on_written(void *userdata G_GNUC_UNUSED, int r G_GNUC_UNUSED)
{
}

static void on_nothing(void *userdata G_GNUC_UNUSED)
{
}

static int open_store(Once *once)
{
        const StoreOptions options = {
                .state_directory = once->options->state_directory,
                .runtime_directory = once->runtime_directory,
                .checkpoint_journal_bytes = UINT64_MAX,
        };
        const StoreCallbacks callbacks = { on_written, on_nothing, on_nothing, once };
        int r;

        once->state = state_new();
        once->status = (ServiceStatus){ 0 };
        r = store_open(&once->store, once->io, &options, once->event, once->state, &once->status,
                       &callbacks);
        if (r == STORE_E_LOCKED)
                return ONCE_E_LOCKED;
        return r == 0 ? 0 : ONCE_E_FAILED; /* logged where the file is known */
}

static void close_store(Once *once)
{
        once->store = store_free(once->store);
        once->state = state_free(once->state);
}

/* Hidden ones too: what kernel runs is nothing to the files. */
static bool has_same_entries(const Namespace *a, const Namespace *b)
{
        NamespacePlaces of_a, of_b;
        const Entry *one, *other;

        namespace_places_begin_by_release(&of_a, a);
        namespace_places_begin_by_release(&of_b, b);
        do {
                one = namespace_places_next(&of_a);
                other = namespace_places_next(&of_b);
                if (one && other &&
                    (entry_compare_places(one, other) != 0 || one->revision != other->revision ||
                     !entry_equal(one, other)))
                        return false;
        } while (one && other);

        return !one && !other;
}

/* By revision: each is what one commit left, and never changes. */
static bool has_same_pending(State *a, State *b)
{
        const GPtrArray *of_a = pending_changes_all(state_pending(a));
        const GPtrArray *of_b = pending_changes_all(state_pending(b));

        if (of_a->len != of_b->len)
                return false;
        for (guint i = 0; i < of_a->len; i++)
                if (((const PendingChange *) of_a->pdata[i])->revision !=
                    ((const PendingChange *) of_b->pdata[i])->revision)
                        return false;

        return true;
}

static bool has_same_access(const Namespace *a, const Namespace *b)
{
        return a->created_revision == b->created_revision && a->access.owner == b->access.owner &&
               a->access.group == b->access.group && a->access.mode == b->access.mode &&
               a->access.quota_keys == b->access.quota_keys &&
               a->access.quota_bytes == b->access.quota_bytes;
}

static bool is_same(State *a, State *b)
{
        if (state_revision(a) != state_revision(b) ||
            g_tree_nnodes(state_namespaces(a)) != g_tree_nnodes(state_namespaces(b)) ||
            !has_same_pending(a, b))
                return false;

        for (GTreeNode *node = g_tree_node_first(state_namespaces(a)); node;
             node = g_tree_node_next(node)) {
                const Namespace *one = g_tree_node_value(node);
                const Namespace *other = state_lookup(b, one->name);

                if (!other || !has_same_access(one, other) || !has_same_entries(one, other))
                        return false;
        }

        return true;
}

/* Recovers and writes; leaves in @once the state that was written. 0 or an outcome. */
static int bring_up_to_date(Once *once)
{
        const char *path = once->options->state_directory;
        int r;

        r = open_store(once);
        if (r != 0)
                return r;

        r = store_close(once->store);
        if (r < 0 || !store_is_checkpointed(once->store)) {
                log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)), "%s: cannot be written: %s", path,
                           r < 0 ? g_strerror(-r) : "there is no new checkpoint");
                return ONCE_E_FAILED;
        }
        once->store = store_free(once->store);
        return 0;
}

static int read_back(Once *once)
{
        const char *path = once->options->state_directory;
        Once again = *once;
        bool is_right;
        int r;

        r = open_store(&again);
        is_right = r == 0 && again.status.state == SERVICE_RUNNING &&
                   is_same(once->state, again.state);
        close_store(&again);
        if (r == 0 && !is_right)
                log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)),
                           "%s: what was written reads back as something else", path);
        return is_right ? 0 : ONCE_E_FAILED;
}

static int run(Once *once)
{
        int r;

        r = sd_event_new(&once->event);
        if (r < 0)
                return ONCE_E_FAILED;
        r = bring_up_to_date(once);
        if (r != 0)
                return r;
        r = read_back(once);
        if (r != 0)
                return r;

        printf("%s: loaded from %s, written and read back as of revision %" PRIu64
               ": %d namespaces, %" PRIu64 " keys%s\n",
               once->options->state_directory, loaded_from_name(once->status.loaded_from),
               state_revision(once->state), g_tree_nnodes(state_namespaces(once->state)),
               state_n_keys(once->state),
               once->status.state == SERVICE_DEGRADED ? "; something was damaged and may be lost"
                                                      : "");
        return once->status.state == SERVICE_DEGRADED ? ONCE_E_DAMAGED : 0;
}

static int remove_item(const char *path,
                       const struct stat *st G_GNUC_UNUSED,
                       int type G_GNUC_UNUSED,
                       struct FTW *walk G_GNUC_UNUSED)
{
        return remove(path);
}

/* What somebody else writes the owner's regentd could not read. */
static bool may_begin(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
                log_error("%s: there is no such directory", path);
                return false;
        }
        if (st.st_uid != geteuid()) {
                log_error("%s: belongs to uid %" PRIu32 ": do this as that user", path,
                          (uint32_t) st.st_uid);
                return false;
        }
        return true;
}

int once_run(const OnceOptions *options, const Io *io)
{
        g_autofree char *scratch = NULL;
        Once once = { .options = options, .io = io };
        int r;

        if (!may_begin(options->state_directory))
                return ONCE_E_FAILED;

        /* A write beyond RLIMIT_FSIZE is to fail like any other. */
        (void) signal(SIGXFSZ, SIG_IGN);

        if (!options->runtime_directory) {
                scratch = g_dir_make_tmp("regentd-XXXXXX", NULL);
                if (!scratch) {
                        log_error("Cannot make a directory below %s", g_get_tmp_dir());
                        return ONCE_E_FAILED;
                }
        }
        once.runtime_directory = scratch ? scratch : options->runtime_directory;

        r = run(&once);
        close_store(&once);
        sd_event_unref(once.event);
        if (scratch)
                (void) nftw(scratch, remove_item, 16, FTW_DEPTH | FTW_PHYS);
        return r;
}
