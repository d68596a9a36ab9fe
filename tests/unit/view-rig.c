/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view-rig.h"

#include "changes.h"
#include "core/namespace-walk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void on_ready(void *userdata, const char *name)
{
        ViewRig *f = userdata;

        g_string_append_printf(f->ready, "%s ", name);
}

Namespace *view_rig_ns(const ViewRig *f)
{
        return state_lookup(f->state, NAME);
}

/* @commit is consumed. */
void view_rig_apply(const ViewRig *f, Commit *commit)
{
        g_autoptr(Commit) owned G_GNUC_UNUSED = commit;

        state_apply(f->state, commit);
        views_publish(f->views, commit);
}

Commit *view_rig_commit(ViewRig *f, const char *key, const char *text)
{
        return changes_commit_entry(++f->revision, NAME, key, text, ENTRY_PERSISTENT);
}

void view_rig_put(ViewRig *f, const char *key, const char *text)
{
        view_rig_apply(f, view_rig_commit(f, key, text));
}

void view_rig_set_up(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        const ViewsCallbacks callbacks = { .on_ready = on_ready, .userdata = f };

        g_assert(sd_event_new(&f->event) >= 0);
        f->state = state_new();
        state_set_release(f->state, "6.1");
        limits_init(&f->limits);
        f->ready = g_string_new(NULL);
        g_assert(views_new(&f->views, f->event, f->state, &f->limits, &callbacks) == 0);
        f->revision = 1;
        view_rig_apply(f, changes_commit_create(1, NAME, 4001));
}

void view_rig_tear_down(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        views_free(f->views);
        state_free(f->state);
        sd_event_unref(f->event);
        g_string_free(f->ready, TRUE);
}

/* Runs what is due at once, and what became of it. */
void view_rig_run(const ViewRig *f)
{
        for (int i = 0; i < 10000; i++) {
                int r = sd_event_run(f->event, 0);

                g_assert(r >= 0);
                if (r == 0)
                        return;
        }
        g_assert_not_reached();
}

int view_rig_open_as(const ViewRig *f, uint32_t uid, ViewReader *ret_reader)
{
        ViewLoan loan;
        int r;

        r = views_open(f->views, view_rig_ns(f), uid, &loan);
        if (r != 0)
                return r;

        g_assert(view_reader_open(ret_reader, loan.fd) == 0);
        g_assert(loan.n_bytes == ret_reader->size_bytes);
        g_assert(loan.generation == ret_reader->header->generation);
        (void) close(loan.fd);
        return 0;
}

ViewReader view_rig_open(const ViewRig *f)
{
        ViewReader reader;
        int r = view_rig_open_as(f, 4001, &reader);

        if (r == VIEWS_E_UNDER_WAY) {
                view_rig_run(f);
                r = view_rig_open_as(f, 4001, &reader);
        }
        g_assert_cmpint(r, ==, 0);
        return reader;
}

static char *text_of(const ViewEntry *entry)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(view_entry_type(entry)), entry->value,
                                        entry->value_bytes, FALSE, NULL, NULL));

        g_assert(g_variant_is_normal_form(value));
        return g_variant_print(value, FALSE);
}

/* @expected NULL: it is not there. */
void view_rig_assert_sees(const ViewReader *reader, const char *key, const char *expected)
{
        g_autofree char *text = NULL;
        ViewEntry entry;
        int r = view_reader_get(reader, key, strlen(key), &entry);

        if (!expected) {
                g_assert_cmpint(r, ==, -ENOENT);
                return;
        }
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpstr(entry.key, ==, key);
        text = text_of(&entry);
        g_assert_cmpstr(text, ==, expected);
}

/* All of what readers of the state see is there, and nothing else. */
void view_rig_assert_whole(const ViewRig *f, const ViewReader *reader)
{
        uint64_t cursor = 0, n = 0, n_seen = 0;
        NamespaceWalk walk;
        Entry *entry;
        ViewEntry seen;

        namespace_walk_begin(&walk, view_rig_ns(f), "", "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk))) {
                g_assert(view_reader_get(reader, entry_key(entry), entry->key_bytes, &seen) == 0);
                g_assert_cmpstr(view_entry_type(&seen), ==, entry_type(entry));
                g_assert_cmpmem(seen.value, seen.value_bytes, entry_value_bytes(entry),
                                entry->value_bytes);
                g_assert((uintptr_t) seen.value % 8 == 0);
                g_assert(seen.revision == entry->revision &&
                         view_entry_origin(&seen)->time_usec == entry->time_usec &&
                         view_entry_origin(&seen)->writer_uid == entry->writer_uid &&
                         seen.entry_class == entry->class);
                n++;
        }
        while (view_reader_next(reader, &cursor, &seen) == 0)
                n_seen++;
        g_assert_cmpuint(n, ==, n_seen);
        g_assert_cmpuint(view_reader_n_keys(reader), ==, n);
        g_assert_cmpuint(view_reader_revision(reader), ==, view_rig_ns(f)->revision);
}

void view_rig_assert_counts(const ViewRig *f, uint64_t n_namespaces, uint64_t n_editions)
{
        ViewsStatistics statistics = views_statistics(f->views);

        g_assert_cmpuint(statistics.n_namespaces, ==, n_namespaces);
        g_assert_cmpuint(statistics.n_editions, ==, n_editions);
        g_assert((statistics.n_bytes == 0) == (n_editions == 0));
}

void view_rig_fill(ViewRig *f, unsigned n, size_t value_bytes)
{
        g_autofree char *letters = g_strnfill(value_bytes, 'x');
        g_autofree char *text = g_strdup_printf("'%s'", letters);
        Commit *commit = commit_new(++f->revision, 1000, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NAME);
        g_autoptr(GVariant) value = changes_value(text);

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i);

                commit_add_entry(commit, change, entry_new(key, value, ENTRY_PERSISTENT));
        }
        view_rig_apply(f, commit);
}
