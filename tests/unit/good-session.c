/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Good session
 */

#include "unit/good-session.h"

#include "core/restore.h"

#include <errno.h>

#define TURNS_MAX 100000

/* What came of something that is done in the background. */
typedef struct Done {
        bool is_done;
        int r;
        State *source;
        CommitSource identity;
} Done;

static void on_marked(void *userdata, int r)
{
        Done *done = userdata;

        done->is_done = true;
        done->r = r;
}

static void on_loaded(void *userdata, int r, State *source, const CommitSource *identity)
{
        Done *done = userdata;

        done->source = source;
        done->identity = *identity;
        on_marked(done, r);
}

static int wait_until_done(StoreFixture *f, const Done *done)
{
        for (int i = 0; !done->is_done; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 10000), >=, 0);
        }
        return done->r;
}

int good_session_mark(StoreFixture *f)
{
        Done done = { 0 };
        int r = store_mark_good(f->store, on_marked, &done);

        if (r != 0)
                return MIN(r, 0);
        r = wait_until_done(f, &done);
        if (r == 0)
                g_assert_cmpuint(f->status.last_good_revision, ==, state_revision(f->state));
        return r;
}

int good_session_load(StoreFixture *f, Commit **ret_commit)
{
        Commit *commit = NULL;
        Done done = { 0 };
        int r;

        store_load_good(f->store, on_loaded, &done);
        r = wait_until_done(f, &done);
        if (r < 0)
                return r;

        commit = store_fixture_commit(f);
        restore_fill(commit, f->state, done.source);
        commit->source = done.identity;
        state_free(done.source);
        if (commit->changes->len == 0)
                commit = commit_free(commit);
        *ret_commit = commit;
        return 0;
}

int good_session_restore(StoreFixture *f)
{
        Commit *commit = NULL;
        int r = good_session_load(f, &commit);

        return r == 0 && commit ? store_fixture_write_one(f, commit) : r;
}

int good_session_put(
        StoreFixture *f, const char *ns, const char *key, const char *value, EntryClass class)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, ns, key, value, class);
        return store_fixture_write_one(f, commit);
}

int good_session_create(StoreFixture *f, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_create(commit, ns);
        return store_fixture_write_one(f, commit);
}

static int remove_namespace(StoreFixture *f, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        commit_add(commit, NAMESPACE_CHANGE_REMOVE, ns);
        return store_fixture_write_one(f, commit);
}

int good_session_step(StoreFixture *f, unsigned number)
{
        switch (number) {
        case 0:
                return store_fixture_open(f);
        case 1:
                return good_session_create(f, NS);
        case 2:
                return good_session_put(f, NS, "kept", "1", ENTRY_PERSISTENT);
        case 3:
                return good_session_put(f, NS, "changed", "1", ENTRY_PERSISTENT);
        case 4:
        case 10: /* while the journal still names the copy of before */
                return good_session_mark(f);
        case 5:
        case 11:
        case 15:
                return good_session_put(f, NS, "changed",
                                        number == 5    ? "2"
                                        : number == 11 ? "3"
                                                       : "4",
                                        ENTRY_PERSISTENT);
        case 6:
                return good_session_create(f, OTHER_NS);
        case 7:
                return good_session_put(f, OTHER_NS, "added", "1", ENTRY_PERSISTENT);
        case 8:
        case 16:
                return good_session_restore(f);
        case 9:
                return good_session_put(f, NS, "after", "1", ENTRY_PERSISTENT);
        case 12:
        case 14:
        case 17:
                return store_fixture_checkpoint(f);
        case 13:
                return good_session_put(f, NS, "kept", NULL, ENTRY_PERSISTENT);
        case 18:
                return remove_namespace(f, NS);
        case 19:
                return good_session_restore(f);
        case 20:
                return good_session_put(f, NS, "last", "1", ENTRY_PERSISTENT);
        default:
                g_assert_not_reached();
        }
}

char *good_session_copy_path(StoreFixture *f)
{
        g_autofree char *name =
                g_strdup_printf("checkpoint-%" G_GUINT64_FORMAT, f->status.last_good_revision);

        return g_build_filename(f->state_directory, "last-known-good", name, NULL);
}

void good_session_run(StoreFixture *f, unsigned n_steps)
{
        for (unsigned i = 0; i < n_steps; i++)
                g_assert_cmpint(good_session_step(f, i), ==, 0);
}
