/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: changes that wait for a confirmation
 *
 * One session makes, confirms and undoes such changes over several generations of files. What the state
 * is after each of its steps, and which changes wait then with which way back, is found out once; then
 * the session is killed, or the power cut, at its first call, at its second, and so on. What is there
 * afterwards is what was there after the last step that was done, or after the one under way.
 */

#include "core/confirmation.h"
#include "support/faulty-io.h"
#include "support/power-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NS        "org.example.Router"
#define OTHER_NS  "org.example.Other"
#define CALLS_MAX 3000
#define TURNS_MAX 100000

static int create(StoreFixture *f, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_create(commit, ns);
        return store_fixture_write_one(f, commit);
}

static int put(StoreFixture *f, const char *key, const char *value, EntryClass class)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, value, class);
        return store_fixture_write_one(f, commit);
}

/* Takes @commit, and lets it wait for a confirmation; @byte fills its token's digest. */
static int pend(StoreFixture *f, Commit *commit, uint8_t byte)
{
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_ENTRIES);
        g_autofree char *text = NULL;
        Limits limits;

        limits_init(&limits);
        set->confirmation = g_new0(ConfirmationWish, 1);
        set->confirmation->deadline_usec = UINT64_C(1) << (byte % 60);
        memset(set->confirmation->digest, byte, PENDING_DIGEST_BYTES);
        memset(set->confirmation->boot_id, byte + 1, sizeof set->confirmation->boot_id);
        commit->writer_uid = 4000u + byte;
        g_assert_cmpint(confirmation_prepare(f->state, &limits, set, commit, &text), ==, 0);
        return store_fixture_write_one(f, commit);
}

static int pend_both_classes(StoreFixture *f, uint8_t byte)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, "changed", NULL, ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "changed", "in memory", ENTRY_RUNTIME);
        store_fixture_put(commit, NS, "new", "1", ENTRY_PERSISTENT);
        store_fixture_put(commit, OTHER_NS, "there", "1", ENTRY_PERSISTENT);
        return pend(f, commit, byte);
}

static int pend_one(StoreFixture *f, const char *key, EntryClass class, uint8_t byte)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, "to be confirmed", class);
        return pend(f, commit, byte);
}

/* Ends the oldest that waits. */
static int settle(StoreFixture *f, CommitSettlement settlement)
{
        const GPtrArray *all = pending_changes_all(state_pending(f->state));
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_SETTLE);
        Commit *commit = store_fixture_commit(f);
        g_autofree char *text = NULL;

        set->settlement = settlement;
        set->settles = ((PendingChange *) all->pdata[0])->revision;
        g_assert_cmpint(confirmation_settle(f->state, set, commit, &text), ==, 0);
        return store_fixture_write_one(f, commit);
}

static int step(StoreFixture *f, unsigned number)
{
        switch (number) {
        case 0:
                return store_fixture_open(f);
        case 1:
                return create(f, NS);
        case 2:
                return create(f, OTHER_NS);
        case 3:
                return put(f, "changed", "1", ENTRY_PERSISTENT);
        case 4:
        case 13:
                return pend_both_classes(f, (uint8_t) number);
        case 5:
        case 9:
        case 15:
                return put(f, "between", number == 9 ? NULL : "1", ENTRY_PERSISTENT);
        case 6:
                return pend_one(f, "memory", ENTRY_RUNTIME, 6);
        case 7:
        case 14:
                return store_fixture_checkpoint(f);
        case 8:
                return settle(f, COMMIT_UNDOES);
        case 10:
                return store_fixture_checkpoint(f);
        case 11:
        case 18:
                return settle(f, COMMIT_CONFIRMS);
        case 12:
                return put(f, "changed", "2", ENTRY_PERSISTENT);
        case 16:
                return pend_one(f, "alone", ENTRY_PERSISTENT, 16);
        case 17:
                return settle(f, COMMIT_CONFIRMS);
        case 19:
                return pend_one(f, "last", ENTRY_PERSISTENT, 19);
        default:
                g_assert_not_reached();
        }
}

#define N_STEPS 20u

typedef struct Description {
        GString *text;
        bool has_runtime; /* entries of that class are described, too */
} Description;

static void describe_entry(GString *text, const Entry *entry)
{
        g_string_append_printf(text, " %s", entry_key(entry));
        if (!entry_is_tombstone(entry))
                g_string_append_printf(text, "=%s/%u", (const char *) entry_value_bytes(entry),
                                       entry->class);
}

static gboolean describe_namespace(gpointer name, gpointer value, gpointer userdata)
{
        const Description *description = userdata;

        g_string_append_printf(description->text, "%s:", (const char *) name);
        for (GTreeNode *node = namespace_first(value, "", ""); node;
             node = namespace_next(node, "")) {
                const Entry *entry = namespace_node_entry(node);

                if (description->has_runtime || entry_is_persistent(entry))
                        describe_entry(description->text, entry);
        }
        g_string_append_c(description->text, '\n');
        return FALSE;
}

static void describe_pending(GString *text, const PendingChange *change)
{
        g_string_append_printf(
                text, "waits: %" G_GUINT64_FORMAT " of %u until %" G_GUINT64_FORMAT " in %u by %u",
                change->revision, change->writer_uid, change->deadline_usec, change->boot_id[15],
                change->digest[PENDING_DIGEST_BYTES - 1]);
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                g_string_append_printf(text, " %s:", way_back->name);
                for (guint j = 0; j < way_back->entries->len; j++)
                        describe_entry(text, way_back->entries->pdata[j]);
        }
        g_string_append_c(text, '\n');
}

static char *describe(StoreFixture *f, bool has_runtime)
{
        Description description = { g_string_new(NULL), has_runtime };
        const GPtrArray *all = pending_changes_all(state_pending(f->state));

        g_tree_foreach(state_namespaces(f->state), describe_namespace, &description);
        for (guint i = 0; i < all->len; i++)
                describe_pending(description.text, all->pdata[i]);
        return g_string_free(description.text, FALSE);
}

typedef struct Expected {
        bool has_runtime;
        char *states[N_STEPS + 1]; /* after so many steps */
} Expected;

static void expect(Expected *expected, bool has_runtime)
{
        StoreFixture f;

        expected->has_runtime = has_runtime;
        expected->states[0] = g_strdup("");
        store_fixture_set_up(&f, NULL);
        for (unsigned i = 0; i < N_STEPS; i++) {
                g_assert_cmpint(step(&f, i), ==, 0);
                expected->states[i + 1] = describe(&f, has_runtime);
        }
        g_assert_nonnull(strstr(expected->states[5], "waits: 4 of 4004 until 16 in 5 by 4 " NS
                                                     ": changed=1/0 new " OTHER_NS ": there\n"));
        g_assert_cmpint(store_fixture_close(&f), ==, 0);
        store_fixture_tear_down(&f, NULL);
}

static void expected_clear(Expected *expected)
{
        for (unsigned i = 0; i <= N_STEPS; i++)
                g_free(expected->states[i]);
}

static unsigned run_session(StoreFixture *f)
{
        unsigned n_done = 0;

        while (n_done < N_STEPS && step(f, n_done) == 0)
                n_done++;
        if (n_done == N_STEPS)
                (void) store_close(f->store);
        store_fixture_crash(f);
        return n_done;
}

/* Twice: recovery itself must lose nothing of it. */
static void check_afterwards(StoreFixture *f, const Expected *expected, unsigned n_done)
{
        unsigned next = MIN(n_done + 1, N_STEPS);

        for (int i = 0; i < 2; i++) {
                g_autofree char *found = NULL;

                store_fixture_reopen(f);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                found = describe(f, expected->has_runtime);
                if (strcmp(found, expected->states[n_done]) != 0)
                        g_assert_cmpstr(found, ==, expected->states[next]);
        }
}

static void test_killed_anywhere(void)
{
        bool has_struck = true;
        Expected expected;

        expect(&expected, true);
        for (int at = 1; has_struck; at++) {
                StoreFixture f;
                FaultyIo faulty;
                unsigned n_done;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                faulty_io_init(&faulty, io_system());
                faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
                f.io = &faulty.io;
                n_done = run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                check_afterwards(&f, &expected, n_done);
                store_fixture_tear_down(&f, NULL);
        }
        expected_clear(&expected);
}

static void test_power_cut_anywhere(void)
{
        bool has_struck = true;
        Expected expected;

        expect(&expected, false);
        for (int at = 1; has_struck; at++) {
                g_autoptr(PowerIo) power = NULL;
                g_autofree char *keep = NULL;
                StoreFixture f;
                FaultyIo faulty;
                unsigned n_done;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                keep = g_build_filename(f.path, "keep", NULL);
                g_assert_cmpint(mkdir(keep, 0700), ==, 0);
                power = power_io_new(keep, (guint32) at);
                faulty_io_init(&faulty, power_io(power));
                faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
                f.io = &faulty.io;
                n_done = run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                power_io_cut(power);
                f.boot_id.bytes[0]++;
                check_afterwards(&f, &expected, n_done);
                store_fixture_tear_down(&f, NULL);
        }
        expected_clear(&expected);
}

static void run_steps(StoreFixture *f, unsigned n_steps)
{
        for (unsigned i = 0; i < n_steps; i++)
                g_assert_cmpint(step(f, i), ==, 0);
}

/* The generation before the newest has the way back, too. */
static void test_newest_checkpoint_may_be_lost(void)
{
        g_autofree char *before = NULL, *after = NULL;
        uint64_t revision;
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        run_steps(&f, 8);
        g_assert_cmpint(put(&f, "later", "1", ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(store_fixture_checkpoint(&f), ==, 0);
        before = describe(&f, false);
        revision = state_revision(f.state);
        store_fixture_crash(&f);

        for (;; revision--) {
                g_autofree char *name = g_strdup_printf("%s/checkpoint-%" G_GUINT64_FORMAT,
                                                        f.state_directory, revision);

                g_assert_cmpuint(revision, >, 0);
                if (remove(name) == 0)
                        break;
        }
        store_fixture_reopen(&f);
        g_assert_cmpint(f.status.loaded_from, ==, LOADED_FROM_PREVIOUS_CHECKPOINT);
        after = describe(&f, false);
        g_assert_cmpstr(after, ==, before);
        store_fixture_tear_down(&f, NULL);
}

static void on_marked(void *userdata, int r G_GNUC_UNUSED)
{
        *(bool *) userdata = true;
}

static void test_nothing_is_good_meanwhile(void)
{
        bool is_marked = false;
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        run_steps(&f, 5);
        g_assert_cmpint(store_mark_good(f.store, on_marked, &is_marked), ==, -EBUSY);
        store_fixture_tear_down(&f, NULL);
        g_assert_false(is_marked);
}

/* What a failed batch had is not there afterwards, and what waited before still does. */
static void test_mending_keeps_the_way_back(void)
{
        g_autofree char *before = NULL;
        StoreFixture f;
        FaultyIo faulty;

        store_fixture_set_up(&f, NULL);
        f.retry_usec = 1000;
        faulty_io_init(&faulty, io_system());
        f.io = &faulty.io;
        run_steps(&f, 7);
        before = describe(&f, true);

        faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&faulty, FAULT_ERROR, 1);
        g_assert_cmpint(settle(&f, COMMIT_CONFIRMS), <, 0);
        for (int i = 0; f.status.state != SERVICE_RUNNING; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f.event, 10000), >=, 0);
        }
        for (int i = 0; i < 3; i++) {
                g_autofree char *after = describe(&f, true);

                g_assert_cmpstr(after, ==, before);
                store_fixture_reopen(&f);
        }
        g_assert_cmpint(settle(&f, COMMIT_CONFIRMS), ==, 0);
        store_fixture_tear_down(&f, NULL);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/store/confirm/killed-anywhere", test_killed_anywhere);
        g_test_add_func("/store/confirm/power-cut-anywhere", test_power_cut_anywhere);
        g_test_add_func("/store/confirm/newest-checkpoint-may-be-lost",
                        test_newest_checkpoint_may_be_lost);
        g_test_add_func("/store/confirm/nothing-is-good-meanwhile", test_nothing_is_good_meanwhile);
        g_test_add_func("/store/confirm/mending-keeps-the-way-back",
                        test_mending_keeps_the_way_back);
        return g_test_run();
}
