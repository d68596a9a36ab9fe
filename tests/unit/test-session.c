/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Class session: whose an entry is, what the end of a connection takes along, in whatever order that
 * and the writes are sequenced, and what the disk has to do with it
 */

#include "changes.h"
#include "core/sequencer.h"
#include "core/session.h"
#include "pipeline-rig.h"
#include "session-ender.h"

#include <errno.h>
#include <string.h>

#define BUS   "0123456789abcdef0123456789abcdef"
#define ONE   BUS ":1.1"
#define TWO   BUS ":1.2"
#define NS    "a.b"
#define OTHER "c.d"

static void test_names_a_bus_and_a_connection(void)
{
        g_autofree char *session = session_new(BUS, ":1.1");
        g_autofree char *long_name = g_strdup_printf(":1.%0*d", 100, 1);
        static const char *const bad[] = {
                "", "1.1", "org.example", ":", ":1.1 ", ":1.\n", ":1/1"
        };

        g_assert_cmpstr(session, ==, ONE);
        g_assert_cmpstr(session_connection(session), ==, ":1.1");
        g_assert_null(session_new("0123", ":1.1"));
        g_assert_null(session_new("0123456789ABCDEF0123456789abcdef", ":1.1"));
        g_assert_null(session_new(BUS "0", ":1.1"));
        g_assert_null(session_new(BUS, long_name));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_null(session_new(BUS, bad[i]));
}

/* The change set of one key, that @session writes. */
static ChangeSet *of(const char *session, const char *name, const char *key, const char *text)
{
        ChangeSet *set = changes_new_set(name, key, text);

        changes_classify(set, name, key, ENTRY_SESSION);
        change_set_set_session(set, session);
        return set;
}

static ChangeSet *end_of(const char *session)
{
        ChangeSet *set = change_set_new(CHANGE_SET_END_SESSION);

        change_set_set_session(set, session);
        return set;
}

/* "k=1 l=2/:1.1", of one namespace. */
static void assert_holds(const Rig *rig, const char *name, const char *expected)
{
        const Namespace *ns = state_lookup(rig->state, name);
        g_autoptr(GString) text = g_string_new(NULL);

        for (GTreeNode *node = namespace_first(ns, "", ""); node; node = namespace_next(node, "")) {
                Entry *entry = namespace_node_entry(node);
                g_autoptr(GVariant) value = entry_value(entry);
                g_autofree char *printed = g_variant_print(value, FALSE);

                g_string_append_printf(text, "%s%s=%s", text->len > 0 ? " " : "", entry_key(entry),
                                       printed);
                if (entry->class == ENTRY_SESSION)
                        g_string_append_printf(text, "/%s",
                                               session_connection(entry_session(entry)));
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void assert_counts(const Rig *rig, uint64_t n_sessions, uint64_t n_keys)
{
        const Sessions *sessions = state_sessions(rig->state);

        g_assert_cmpuint(sessions_count(sessions), ==, n_sessions);
        g_assert_cmpuint(sessions_n_keys_of_all(sessions), ==, n_keys);
}

static void submit(Rig *rig, Origin *origin, ChangeSet *set, const char *label)
{
        rig_submit(rig, origin, NULL, set, label);
}

/* Each change in a batch of its own. */
static void change(Rig *rig, Origin *origin, ChangeSet *set)
{
        submit(rig, origin, set, "_");
        rig_run(rig);
        g_string_truncate(rig->trace, 0);
}

typedef struct Fixture {
        Rig rig;
        Origin *one, *two;
        sd_event *event;
        SessionEnder *ender;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init(&f->rig);
        f->one = pipeline_origin_new(f->rig.pipeline);
        f->two = pipeline_origin_new(f->rig.pipeline);
        g_assert_cmpint(sd_event_new(&f->event), ==, 0);
        g_assert_cmpint(session_ender_new(&f->ender, f->event, f->rig.state, f->rig.pipeline), ==,
                        0);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        session_ender_free(f->ender);
        sd_event_unref(f->event);
        pipeline_origin_free(f->one);
        pipeline_origin_free(f->two);
        rig_clear(&f->rig);
}

static void test_who_writes_owns(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        submit(rig, f->one, of(ONE, NS, "k", "1"), "made");
        submit(rig, f->one, of(ONE, NS, "k", "1"), "same");
        submit(rig, f->two, of(TWO, NS, "k", "1"), "taken");
        submit(rig, f->two, of(TWO, NS, "l", "1"), "other");
        rig_run(rig);
        rig_assert_trace(rig, "[3~ 4~ 5~] publish made@3 same@3= taken@4 other@5 ");
        assert_holds(rig, NS, "k=1/:1.2 l=1/:1.2");
        assert_counts(rig, 1, 2);

        submit(rig, f->one, of(ONE, NS, "k", "1"), "back");
        submit(rig, f->one, changes_new_set(NS, "l", "1"), "kept");
        rig_run(rig);
        rig_assert_trace(rig, "[6~ 7] publish back@6 kept@7 ");
        assert_holds(rig, NS, "k=1/:1.1 l=1");
        assert_counts(rig, 1, 1);
}

static void test_nobody_has_no_session(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set(NS, "k", "1");

        changes_classify(set, NS, "k", ENTRY_SESSION);
        submit(&f->rig, f->one, set, "nobody");
        rig_run(&f->rig);
        g_assert_true(f->rig.is_refused);
        assert_holds(&f->rig, NS, "");
}

static void test_end_is_one_commit(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        change(rig, f->one, of(ONE, NS, "k", "1"));
        change(rig, f->one, of(ONE, NS, "l", "1"));
        change(rig, f->one, of(ONE, OTHER, "k", "1"));
        change(rig, f->two, of(TWO, OTHER, "l", "1"));
        change(rig, f->two, changes_new_set(NS, "m", "1"));
        submit(rig, f->two, end_of(ONE), "end");
        submit(rig, f->two, end_of(BUS ":1.99"), "unknown");
        submit(rig, f->two, changes_new_set(NS, "n", "1"), "behind");
        rig_run(rig);
        rig_run(rig);
        rig_assert_trace(rig, "[8~] publish end@8 unknown@8= [9] publish behind@9 ");
        assert_holds(rig, NS, "m=1 n=1");
        assert_holds(rig, OTHER, "l=1/:1.2");
        assert_counts(rig, 1, 1);
}

/* The end is in a batch with other ends alone, and takes along what came to be before. */
static void test_end_among_writes(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        rig->is_asynchronous = true;
        submit(rig, f->one, of(ONE, NS, "k", "1"), "in");
        rig_run(rig);
        /* It leaves while its commit is in the batch. */
        session_ender_end(f->ender, ONE);
        session_ender_end(f->ender, ONE);
        submit(rig, f->two, of(TWO, NS, "k", "1"), "late");
        rig_settle(rig, 0);
        assert_holds(rig, NS, "k=1/:1.1");
        rig_run(rig);
        rig_settle(rig, 0);
        assert_holds(rig, NS, "");
        rig_run(rig);
        rig_settle(rig, 0);
        rig_assert_trace(rig, "[3~] publish in@3 [4~] publish [5~] publish late@5 ");
        assert_holds(rig, NS, "k=1/:1.2");

        /* What was taken over before the end's turn stays. */
        submit(rig, f->one, of(ONE, NS, "l", "1"), "l");
        submit(rig, f->two, of(TWO, NS, "l", "1"), "taken");
        session_ender_end(f->ender, ONE);
        session_ender_end(f->ender, BUS ":1.3");
        rig_run(rig);
        rig_settle(rig, 0);
        rig_run(rig);
        rig_assert_trace(rig, "[6~ 7~] publish l@6 taken@7 ");
        assert_holds(rig, NS, "k=1/:1.2 l=1/:1.2");
        assert_counts(rig, 1, 2);
}

static void test_limit_counts_the_batch(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;
        ChangeSet *set;

        rig->limits.connection_session_keys = 2;
        submit(rig, f->one, of(ONE, NS, "a", "1"), "a");
        submit(rig, f->one, of(ONE, OTHER, "b", "1"), "b");
        submit(rig, f->one, of(ONE, NS, "c", "1"), "c");
        submit(rig, f->one, of(ONE, NS, "a", "2"), "change");
        submit(rig, f->two, of(TWO, NS, "a", "2"), "taken");
        submit(rig, f->one, of(ONE, NS, "c", "1"), "again");
        submit(rig, f->one, of(ONE, NS, "a", "2"), "back");
        submit(rig, f->one, changes_new_unset(OTHER, "b"), "gone");
        submit(rig, f->one, of(ONE, NS, "a", "2"), "room");
        rig_run(rig);
        rig_assert_trace(rig, "[3~ 4~ 5~ 6~ 7~ 8~ 9~] publish a@3 b@4 c!QuotaExceeded change@5 "
                              "taken@6 again@7 back!QuotaExceeded gone@8 room@9 ");
        assert_counts(rig, 1, 2);

        set = of(ONE, NS, "d", "1");
        changes_set(set, NS, "a", "3"); /* of another class: makes room for the other */
        submit(rig, f->one, set, "moved");
        rig_run(rig);
        rig_assert_trace(rig, "[10] publish moved@10 ");
        assert_counts(rig, 1, 2);

        /* A limit that was lowered lets everything but growth pass. */
        rig->limits.connection_session_keys = 0;
        submit(rig, f->one, of(ONE, NS, "d", "2"), "same");
        submit(rig, f->one, of(ONE, NS, "e", "1"), "more");
        rig_run(rig);
        rig_assert_trace(rig, "[11~] publish same@11 more!QuotaExceeded ");
}

static void test_namespace_takes_them_along(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        change(rig, f->one, of(ONE, NS, "k", "1"));
        change(rig, f->one, of(ONE, OTHER, "k", "1"));
        change(rig, f->two, of(TWO, NS, "l", "1"));
        change(rig, f->one, changes_new_remove(NS, CHANGE_SET_NOT_EMPTY));
        assert_counts(rig, 1, 1);
        change(rig, f->one, changes_new_create(NS, 4001));
        change(rig, f->one, changes_new_set(NS, "k", "2"));
        session_ender_end(f->ender, ONE);
        session_ender_end(f->ender, TWO);
        rig_run(rig);
        assert_holds(rig, NS, "k=2");
        assert_holds(rig, OTHER, "");
        assert_counts(rig, 0, 0);
}

static unsigned n_said;

static GLogWriterOutput on_log(GLogLevelFlags level G_GNUC_UNUSED,
                               const GLogField *fields G_GNUC_UNUSED,
                               gsize n_fields G_GNUC_UNUSED,
                               gpointer userdata G_GNUC_UNUSED)
{
        n_said++;
        return G_LOG_WRITER_HANDLED;
}

static void on_done(void *userdata)
{
        ++*(unsigned *) userdata;
}

static void test_end_waits_for_the_disk(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const int errors[] = { -EROFS, -ENOSPC, -EIO };
        Rig *rig = &f->rig;
        unsigned n_done = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
                change(rig, f->one, of(ONE, NS, "a", "1"));
                change(rig, f->two, of(TWO, NS, "b", "1"));
                rig->journal_error = errors[i];
                n_said = 0;
                session_ender_end(f->ender, ONE);
                session_ender_end(f->ender, TWO);
                session_ender_when_done(f->ender, on_done, &n_done);
                g_assert_cmpuint(n_done, ==, 2 * i);
                rig_run(rig);
                g_assert_cmpuint(n_done, ==, 2 * i + 1); /* it was tried */
                assert_holds(rig, NS, "a=1/:1.1 b=1/:1.2");

                session_ender_retry(f->ender);
                session_ender_end(f->ender, ONE);
                rig_run(rig);
                g_assert_cmpuint(n_said, ==, 1);
                assert_holds(rig, NS, "a=1/:1.1 b=1/:1.2");

                rig->journal_error = 0;
                session_ender_retry(f->ender);
                session_ender_when_done(f->ender, on_done, &n_done);
                rig_run(rig);
                g_assert_cmpuint(n_done, ==, 2 * i + 2);
                assert_holds(rig, NS, "");
                assert_counts(rig, 0, 0);
        }
        session_ender_when_done(f->ender, on_done, &n_done);
        g_assert_cmpuint(n_done, ==, 2 * G_N_ELEMENTS(errors) + 1);
}

static ChangeSet *pending(ChangeSet *set)
{
        set->confirmation = g_new0(ConfirmationWish, 1);
        set->confirmation->deadline_usec = 5000;
        strcpy(set->confirmation->token, "a token"); /* NOLINT: it is longer */
        return set;
}

static ChangeSet *undoing(uint64_t revision)
{
        ChangeSet *set = change_set_new(CHANGE_SET_SETTLE);

        set->settlement = COMMIT_UNDOES;
        set->settles = revision;
        return set;
}

static void test_way_back_leads_to_who_is_there(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;
        ChangeSet *set;

        change(rig, f->one, of(ONE, NS, "k", "1"));
        change(rig, f->two, of(TWO, NS, "l", "1"));
        set = changes_new_set(NS, "k", "2");
        changes_set(set, NS, "l", "2");
        change(rig, f->two, pending(set));
        assert_counts(rig, 0, 0);
        g_assert_true(sessions_has(state_sessions(rig->state), ONE));

        session_ender_end(f->ender, ONE);
        rig_run(rig);
        assert_holds(rig, NS, "k=2 l=2");
        change(rig, f->two, undoing(5));
        assert_holds(rig, NS, "l=1/:1.2");
        g_assert_false(sessions_has(state_sessions(rig->state), ONE));
        assert_counts(rig, 1, 1);
}

/* It leaves before the change that names it in its way back is sequenced, or while it is in the batch. */
static void test_way_back_laid_after_the_end(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        rig->is_asynchronous = true;
        submit(rig, f->one, of(ONE, NS, "k", "1"), "written");
        submit(rig, f->two, pending(changes_new_set(NS, "k", "2")), "pending");
        rig_run(rig);
        session_ender_end(f->ender, ONE); /* of whom nothing is known yet */
        rig_settle(rig, 0);
        rig_run(rig);
        rig_settle(rig, 0);
        rig_run(rig);
        rig_assert_trace(rig, "[3~] publish written@3 [4] publish pending@4 ");
        submit(rig, f->two, undoing(4), "undone");
        rig_run(rig);
        rig_settle(rig, 0);
        rig_assert_trace(rig, "[5] publish undone@5 ");
        assert_holds(rig, NS, "");
        assert_counts(rig, 0, 0);
}

static void test_end_passes_what_is_locked(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rig *rig = &f->rig;

        change(rig, f->one, changes_new_set(NS, "k", "1"));
        change(rig, f->one, pending(of(ONE, NS, "k", "2")));
        submit(rig, f->two, changes_new_set(NS, "k", "3"), "locked");
        session_ender_end(f->ender, ONE);
        rig_run(rig);
        rig_run(rig);
        rig_assert_trace(rig, "locked!Busy [5~] publish ");
        assert_holds(rig, NS, "");
        change(rig, f->two, undoing(4));
        assert_holds(rig, NS, "k=1");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_log_set_writer_func(on_log, NULL, NULL);

#define ADD(test) g_test_add("/session/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        g_test_add_func("/session/names_a_bus_and_a_connection", test_names_a_bus_and_a_connection);
        ADD(who_writes_owns);
        ADD(nobody_has_no_session);
        ADD(end_is_one_commit);
        ADD(end_among_writes);
        ADD(limit_counts_the_batch);
        ADD(namespace_takes_them_along);
        ADD(end_waits_for_the_disk);
        ADD(way_back_leads_to_who_is_there);
        ADD(way_back_laid_after_the_end);
        ADD(end_passes_what_is_locked);
#undef ADD

        return g_test_run();
}
