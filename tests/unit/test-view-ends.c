/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A view ends when it must, says why, and what is left of it counts until nobody has it.
 */

#include "changes.h"
#include "view-rig.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_another_access_revokes(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader, again;
        Commit *commit;
        NamespaceChange *change;

        view_rig_put(f, "a", "1");
        reader = view_rig_open(f);
        commit = commit_new(++f->revision, 0, 4001, NULL);
        change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, NAME);
        change->access = view_rig_ns(f)->access;
        change->access.quota_keys = 5;
        view_rig_apply(f, commit);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);

        commit = commit_new(++f->revision, 0, 4001, NULL);
        change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, NAME);
        change->access = view_rig_ns(f)->access;
        change->access.mode = 0600;
        view_rig_apply(f, commit);
        view_rig_apply(f, view_rig_commit(f, "a", "2"));
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REVOKED);
        view_rig_assert_sees(&reader, "a", "1");

        again = view_rig_open(f);
        view_rig_assert_sees(&again, "a", "2");
        view_rig_assert_counts(f, 1, 2);
        view_reader_close(&reader);
        view_reader_close(&again);
}

static void test_removed_namespace_ends_it(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f), again;

        view_rig_apply(f, changes_commit_remove(++f->revision, NAME));
        view_rig_apply(f, changes_commit_create(++f->revision, NAME, 4001));
        view_rig_apply(f, view_rig_commit(f, "n", "1"));
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REMOVED);
        view_rig_assert_sees(&reader, "n", NULL);

        again = view_rig_open(f);
        view_rig_assert_whole(f, &again);
        view_rig_put(f, "n", "2");
        view_rig_assert_sees(&again, "n", "2");
        view_reader_close(&again);
        view_rig_apply(f, changes_commit_remove(++f->revision, NAME));
        view_reader_close(&reader);
}

static void test_restoration_ends_it(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);
        Commit *commit = view_rig_commit(f, "a", "1");

        commit->source.revision = 1;
        view_rig_apply(f, commit);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REPLACED);
        view_reader_close(&reader);
}

static void test_stop_ends_it(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);

        f->views = views_free(f->views);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_STOPPED);
        view_reader_close(&reader);
}

/* It goes on in another before it is full, so nobody finds it without one. */
static void test_full_view_is_followed(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);
        unsigned n_generations = 1;

        for (unsigned i = 0; i < 20000; i++) {
                g_autofree char *text = g_strdup_printf("uint32 %u", i);
                uint32_t seen;

                view_rig_put(f, "counter", text);
                view_rig_run(f);
                if (view_reader_state(&reader) != REGENT_VIEW_LIVE) {
                        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_FULL);
                        view_reader_close(&reader);
                        g_assert_cmpint(view_rig_open_as(f, 4001, &reader), ==, 0);
                        n_generations++;
                }
                g_assert(view_reader_get_fixed(&reader, "counter", "u", &seen, sizeof seen) == 0);
                g_assert_cmpuint(seen, ==, i);
        }

        /* The more is written, the more room they get. */
        g_assert_cmpuint(n_generations, >=, 3);
        g_assert_cmpuint(n_generations, <=, 9);
        view_rig_assert_whole(f, &reader);
        view_reader_close(&reader);
}

static void test_large_view_is_filled_in_slices(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        view_rig_fill(f, 20000, 32);
        g_assert_cmpint(view_rig_open_as(f, 4001, &reader), ==, VIEWS_E_UNDER_WAY);
        g_assert_cmpint(view_rig_open_as(f, 4002, &reader), ==, VIEWS_E_UNDER_WAY);
        for (unsigned i = 0; f->ready->len == 0; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i * 701 % 20000);
                g_autofree char *new_key = g_strdup_printf("%u", i * 7);

                g_assert(i < 1000);
                view_rig_put(f, key, i % 3 ? "'changed'" : NULL);
                view_rig_put(f, new_key, "'new'");
                g_assert(sd_event_run(f->event, 0) >= 0);
        }

        g_assert_cmpstr(f->ready->str, ==, NAME " ");
        g_assert_cmpint(view_rig_open_as(f, 4001, &reader), ==, 0);
        view_rig_assert_whole(f, &reader);
        view_reader_close(&reader);
}

static void test_waiting_ends_with_the_namespace(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        view_rig_fill(f, 20000, 8);
        g_assert_cmpint(view_rig_open_as(f, 4001, &reader), ==, VIEWS_E_UNDER_WAY);
        view_rig_apply(f, changes_commit_remove(++f->revision, NAME));
        view_rig_run(f);
        g_assert_cmpstr(f->ready->str, ==, NAME " ");
        view_rig_assert_counts(f, 0, 0);
}

/* Readers that hold on to old ones are left without before they cost more. */
static void test_held_views_are_bounded(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader readers[3];

        for (unsigned i = 0; i < 3; i++) {
                Commit *commit;

                readers[i] = view_rig_open(f);
                commit = view_rig_commit(f, "a", "1");
                commit->source.revision = 1;
                view_rig_apply(f, commit);
        }

        view_rig_assert_counts(f, 1, 3);
        g_assert_cmpint(view_rig_open_as(f, 4001, &readers[0]), ==, VIEWS_E_HELD);
        view_reader_close(&readers[1]);
        readers[1] = view_rig_open(f);
        view_rig_assert_whole(f, &readers[1]);
        view_rig_assert_counts(f, 1, 3);
        for (unsigned i = 0; i < 3; i++)
                view_reader_close(&readers[i]);
}

/* Whoever holds on to old ones is left without; somebody who was not given as many is not. */
static void test_held_views_stop_no_other_uid(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader readers[3], other;

        for (unsigned i = 0; i < 3; i++) {
                Commit *commit = view_rig_commit(f, "a", "1");

                readers[i] = view_rig_open(f);
                commit->source.revision = 1;
                view_rig_apply(f, commit);
        }

        /* Each ends before it is opened again; nobody has it any more, so that it is no matter. */
        for (unsigned i = 0; i < 5; i++) {
                Commit *commit = view_rig_commit(f, "a", "2");

                g_assert_cmpint(view_rig_open_as(f, 4001, &other), ==, VIEWS_E_HELD);
                g_assert_cmpint(view_rig_open_as(f, 4002, &other), ==, 0);
                view_rig_assert_whole(f, &other);
                view_rig_assert_counts(f, 1, 4);
                g_assert_cmpint(view_rig_open_as(f, 4001, &readers[0]), ==, VIEWS_E_HELD);
                view_reader_close(&other);
                commit->source.revision = 1;
                view_rig_apply(f, commit);
                view_rig_assert_counts(f, 1, 3);
        }

        for (unsigned i = 0; i < 3; i++)
                view_reader_close(&readers[i]);
        other = view_rig_open(f);
        view_rig_assert_counts(f, 1, 1);
        view_reader_close(&other);
}

static void test_memory_is_bounded(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        view_rig_fill(f, 100, 100);
        f->limits.view_memory = 8192;
        g_assert_cmpint(view_rig_open_as(f, 0, &reader), ==, VIEWS_E_NO_ROOM);
        view_rig_assert_counts(f, 0, 0);
        f->limits.view_memory = 65536;
        f->limits.uid_view_memory = 8192;
        g_assert_cmpint(view_rig_open_as(f, 4001, &reader), ==, VIEWS_E_TOO_MUCH);
        g_assert_cmpint(view_rig_open_as(f, 0, &reader), ==, 0);
        view_reader_close(&reader);
        f->limits.uid_view_memory = 65536;
        reader = view_rig_open(f);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==,
                         reader.size_bytes);
        f->limits.views = 1;
        view_rig_apply(f, changes_commit_create(++f->revision, "c.d", 4001));
        {
                ViewLoan loan;

                g_assert_cmpint(views_open(f->views, state_lookup(f->state, "c.d"), 0, &loan), ==,
                                VIEWS_E_NO_ROOM);
        }
        view_reader_close(&reader);
}

/* The loop's time-outs, as if they had come. */
static void test_unread_views_go(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);

        view_rig_assert_counts(f, 1, 1);
        views_look(f->views);
        views_look(f->views);
        views_look(f->views);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);
        view_reader_close(&reader);
        views_look(f->views);
        view_rig_assert_counts(f, 1, 1);
        views_look(f->views);
        view_rig_assert_counts(f, 0, 0);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==, 0);
}

/* It is not charged with what it has closed, and need not wait for the next look. */
static void test_closed_views_make_room(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);
        ViewLoan loan;

        view_rig_apply(f, changes_commit_create(++f->revision, "c.d", 4001));
        f->limits.uid_view_memory = reader.size_bytes;
        view_reader_close(&reader);
        g_assert_cmpint(views_open(f->views, state_lookup(f->state, "c.d"), 4001, &loan), ==, 0);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==,
                         loan.n_bytes);
        (void) close(loan.fd);
}

/* However many there are, each look is at a share of them. */
static void test_many_unread_views_go(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        const unsigned n = 2400;
        struct rlimit limit;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        if (limit.rlim_cur < 2 * n) {
                g_test_skip("there may not be enough descriptors");
                return;
        }

        f->limits.views = n;
        f->limits.uid_view_memory = f->limits.view_memory = UINT64_MAX;
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("many.n%u", i);
                ViewLoan loan;

                view_rig_apply(f, changes_commit_create(++f->revision, name, 4001));
                g_assert_cmpint(views_open(f->views, state_lookup(f->state, name), 4001, &loan), ==,
                                0);
                (void) close(loan.fd);
        }

        for (unsigned i = 0; i < 4; i++)
                views_look(f->views);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==, 0);
        view_rig_assert_counts(f, n, n);
        for (unsigned i = 0; i < 8; i++)
                views_look(f->views);
        view_rig_assert_counts(f, 0, 0);
}

static void raise_descriptors(void)
{
        struct rlimit limit;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        limit.rlim_cur = limit.rlim_max;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
}

#define ADD(name)                                                                    \
        g_test_add("/view-ends/" #name, ViewRig, NULL, view_rig_set_up, test_##name, \
                   view_rig_tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        raise_descriptors();
        ADD(another_access_revokes);
        ADD(removed_namespace_ends_it);
        ADD(restoration_ends_it);
        ADD(stop_ends_it);
        ADD(full_view_is_followed);
        ADD(large_view_is_filled_in_slices);
        ADD(waiting_ends_with_the_namespace);
        ADD(held_views_are_bounded);
        ADD(held_views_stop_no_other_uid);
        ADD(memory_is_bounded);
        ADD(unread_views_go);
        ADD(closed_views_make_room);
        ADD(many_unread_views_go);
        return g_test_run();
}
