/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A namespace is seen in its view as it is, after every batch; a view ends when it must, says why, and
 * what is left of it counts until nobody has it.
 */

#include "changes.h"
#include "client/view-reader.h"
#include "core/namespace-walk.h"
#include "declared.h"
#include "view/generation.h"
#include "view/views.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "a.b"

typedef struct Fixture {
        sd_event *event;
        State *state;
        Limits limits;
        Views *views;
        GString *ready; /* names that on_ready() was called with */
        uint64_t revision;
} Fixture;

static void on_ready(void *userdata, const char *name)
{
        Fixture *f = userdata;

        g_string_append_printf(f->ready, "%s ", name);
}

static Namespace *ns_of(const Fixture *f)
{
        return state_lookup(f->state, NAME);
}

/* @commit is consumed. */
static void apply(const Fixture *f, Commit *commit)
{
        g_autoptr(Commit) owned G_GNUC_UNUSED = commit;

        state_apply(f->state, commit);
        views_publish(f->views, commit);
}

static Commit *entry_commit(Fixture *f, const char *key, const char *text)
{
        return changes_commit_entry(++f->revision, NAME, key, text, ENTRY_PERSISTENT);
}

static void put(Fixture *f, const char *key, const char *text)
{
        apply(f, entry_commit(f, key, text));
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const ViewsCallbacks callbacks = { .on_ready = on_ready, .userdata = f };

        g_assert(sd_event_new(&f->event) >= 0);
        f->state = state_new();
        state_set_release(f->state, "6.1");
        limits_init(&f->limits);
        f->ready = g_string_new(NULL);
        g_assert(views_new(&f->views, f->event, f->state, &f->limits, &callbacks) == 0);
        f->revision = 1;
        apply(f, changes_commit_create(1, NAME, 4001));
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        views_free(f->views);
        state_free(f->state);
        sd_event_unref(f->event);
        g_string_free(f->ready, TRUE);
}

/* Runs what is due at once, and what became of it. */
static void run(const Fixture *f)
{
        for (int i = 0; i < 10000; i++) {
                int r = sd_event_run(f->event, 0);

                g_assert(r >= 0);
                if (r == 0)
                        return;
        }
        g_assert_not_reached();
}

static int open_as(const Fixture *f, uint32_t uid, ViewReader *ret_reader)
{
        ViewLoan loan;
        int r;

        r = views_open(f->views, ns_of(f), uid, &loan);
        if (r != 0)
                return r;

        g_assert(view_reader_open(ret_reader, loan.fd) == 0);
        g_assert(loan.n_bytes == ret_reader->size_bytes);
        g_assert(loan.generation == ret_reader->header->generation);
        (void) close(loan.fd);
        return 0;
}

static ViewReader open_view(const Fixture *f)
{
        ViewReader reader;
        int r = open_as(f, 4001, &reader);

        if (r == VIEWS_E_UNDER_WAY) {
                run(f);
                r = open_as(f, 4001, &reader);
        }
        g_assert_cmpint(r, ==, 0);
        return reader;
}

static char *text_of(const ViewEntry *entry)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_from_data(
                G_VARIANT_TYPE(entry->type), entry->value, entry->value_bytes, FALSE, NULL, NULL));

        g_assert(g_variant_is_normal_form(value));
        return g_variant_print(value, FALSE);
}

/* @expected NULL: it is not there. */
static void assert_sees(const ViewReader *reader, const char *key, const char *expected)
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
static void assert_is_whole(const Fixture *f, const ViewReader *reader)
{
        uint64_t cursor = 0, n = 0, n_seen = 0;
        NamespaceWalk walk;
        Entry *entry;
        ViewEntry seen;

        namespace_walk_begin(&walk, ns_of(f), "", "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk))) {
                g_assert(view_reader_get(reader, entry_key(entry), entry->key_bytes, &seen) == 0);
                g_assert_cmpstr(seen.type, ==, entry_type(entry));
                g_assert_cmpmem(seen.value, seen.value_bytes, entry_value_bytes(entry),
                                entry->value_bytes);
                g_assert((uintptr_t) seen.value % 8 == 0);
                g_assert(seen.revision == entry->revision &&
                         seen.origin->time_usec == entry->time_usec &&
                         seen.origin->writer_uid == entry->writer_uid &&
                         seen.entry_class == entry->class);
                n++;
        }
        while (view_reader_next(reader, &cursor, &seen) == 0)
                n_seen++;
        g_assert_cmpuint(n, ==, n_seen);
        g_assert_cmpuint(view_reader_n_keys(reader), ==, n);
        g_assert_cmpuint(view_reader_revision(reader), ==, ns_of(f)->revision);
}

static void assert_counts(const Fixture *f, uint64_t n_namespaces, uint64_t n_editions)
{
        ViewsStatistics statistics = views_statistics(f->views);

        g_assert_cmpuint(statistics.n_namespaces, ==, n_namespaces);
        g_assert_cmpuint(statistics.n_editions, ==, n_editions);
        g_assert((statistics.n_bytes == 0) == (n_editions == 0));
}

static void fill(Fixture *f, unsigned n, size_t value_bytes)
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
        apply(f, commit);
}

static void test_view_shows_what_is_there(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        put(f, "a", "uint32 5");
        put(f, "b", "'text'");
        put(f, "c", "[<1>, <'two'>]");
        reader = open_view(f);

        assert_is_whole(f, &reader);
        assert_sees(&reader, "a", "5");
        assert_sees(&reader, "c", "[<1>, <'two'>]");
        assert_sees(&reader, "d", NULL);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);
        view_reader_close(&reader);
}

static void test_view_follows_commits(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f);
        uint32_t sequence;

        assert_sees(&reader, "a", NULL);
        put(f, "a", "1");
        assert_is_whole(f, &reader);
        assert_sees(&reader, "a", "1");
        put(f, "a", NULL);
        assert_sees(&reader, "a", NULL);
        assert_is_whole(f, &reader);
        put(f, "a", "'again'");
        assert_is_whole(f, &reader);

        sequence = view_reader_sequence(&reader);
        apply(f, entry_commit(f, "a", "3"));
        apply(f, entry_commit(f, "b", "3"));
        apply(f, entry_commit(f, "a", NULL));
        apply(f, entry_commit(f, "a", "4"));
        apply(f, entry_commit(f, "b", NULL));
        assert_is_whole(f, &reader);
        assert_sees(&reader, "a", "4");
        assert_sees(&reader, "b", NULL);
        g_assert_cmpuint(view_reader_sequence(&reader), ==, sequence + 10);
        view_reader_close(&reader);
}

static void test_view_keeps_what_was_read(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;
        ViewEntry before;

        put(f, "a", "'before'");
        reader = open_view(f);
        g_assert(view_reader_get(&reader, "a", 1, &before) == 0);
        put(f, "a", "'after'");
        put(f, "a", NULL);

        g_assert_cmpstr(before.value, ==, "before");
        view_reader_close(&reader);
}

static Commit *of_class(Fixture *f, const char *key, const char *text, EntryClass class)
{
        Commit *commit = changes_commit_entry(++f->revision, NAME, key, text, class);
        NamespaceChange *change = commit->changes->pdata[0];
        Entry *entry = change->entries->pdata[0];

        if (class == ENTRY_KERNEL) {
                change->entries->pdata[0] = entry_new_of_release(entry, "6.1");
                ((Entry *) change->entries->pdata[0])->revision = commit->revision;
                entry_unref(entry);
        }
        return commit;
}

static void test_kernel_entries_shadow(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        put(f, "a", "1");
        reader = open_view(f);
        apply(f, of_class(f, "a", "2", ENTRY_KERNEL));
        assert_sees(&reader, "a", "2");
        assert_is_whole(f, &reader);
        put(f, "a", "3");
        assert_sees(&reader, "a", "2");
        apply(f, of_class(f, "a", NULL, ENTRY_KERNEL));
        assert_sees(&reader, "a", "3");
        apply(f, of_class(f, "r", "4", ENTRY_RUNTIME));
        assert_is_whole(f, &reader);
        view_reader_close(&reader);
}

static void declare(Fixture *f, const char *key, const char *text)
{
        Declaration *declaration = declared_new();

        if (key)
                (void) declared_add(declaration, key, text);
        declared_put(f->state, NAME, declaration);
        views_publish_declaration(f->views, ns_of(f));
}

static void test_defaults_show_and_change(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        declare(f, "d", "1");
        reader = open_view(f);
        assert_sees(&reader, "d", "1");
        assert_is_whole(f, &reader);
        put(f, "d", "7");
        assert_sees(&reader, "d", "7");
        declare(f, "d", "2");
        assert_sees(&reader, "d", "7");
        put(f, "d", NULL);
        assert_sees(&reader, "d", "2");
        declare(f, "d", "3");
        assert_sees(&reader, "d", "3");
        declare(f, "e", "4");
        assert_sees(&reader, "d", NULL);
        assert_sees(&reader, "e", "4");
        assert_is_whole(f, &reader);
        declare(f, NULL, NULL);
        assert_sees(&reader, "e", NULL);
        view_reader_close(&reader);
}

static void test_another_access_revokes(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader, again;
        Commit *commit;
        NamespaceChange *change;

        put(f, "a", "1");
        reader = open_view(f);
        commit = commit_new(++f->revision, 0, 4001, NULL);
        change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, NAME);
        change->access = ns_of(f)->access;
        change->access.quota_keys = 5;
        apply(f, commit);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);

        commit = commit_new(++f->revision, 0, 4001, NULL);
        change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, NAME);
        change->access = ns_of(f)->access;
        change->access.mode = 0600;
        apply(f, commit);
        apply(f, entry_commit(f, "a", "2"));
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REVOKED);
        assert_sees(&reader, "a", "1");

        again = open_view(f);
        assert_sees(&again, "a", "2");
        assert_counts(f, 1, 2);
        view_reader_close(&reader);
        view_reader_close(&again);
}

static void test_removed_namespace_ends_it(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f), again;

        apply(f, changes_commit_remove(++f->revision, NAME));
        apply(f, changes_commit_create(++f->revision, NAME, 4001));
        apply(f, entry_commit(f, "n", "1"));
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REMOVED);
        assert_sees(&reader, "n", NULL);

        again = open_view(f);
        assert_is_whole(f, &again);
        put(f, "n", "2");
        assert_sees(&again, "n", "2");
        view_reader_close(&again);
        apply(f, changes_commit_remove(++f->revision, NAME));
        view_reader_close(&reader);
}

static void test_restoration_ends_it(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f);
        Commit *commit = entry_commit(f, "a", "1");

        commit->source.revision = 1;
        apply(f, commit);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_REPLACED);
        view_reader_close(&reader);
}

static void test_stop_ends_it(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f);

        f->views = views_free(f->views);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_STOPPED);
        view_reader_close(&reader);
}

/* It goes on in another before it is full, so nobody finds it without one. */
static void test_full_view_is_followed(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f);
        unsigned n_generations = 1;

        for (unsigned i = 0; i < 20000; i++) {
                g_autofree char *text = g_strdup_printf("uint32 %u", i);
                uint32_t seen;

                put(f, "counter", text);
                run(f);
                if (view_reader_state(&reader) != REGENT_VIEW_LIVE) {
                        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_FULL);
                        view_reader_close(&reader);
                        g_assert_cmpint(open_as(f, 4001, &reader), ==, 0);
                        n_generations++;
                }
                g_assert(view_reader_get_fixed(&reader, "counter", "u", &seen, sizeof seen) == 0);
                g_assert_cmpuint(seen, ==, i);
        }

        /* The more is written, the more room they get. */
        g_assert_cmpuint(n_generations, >=, 3);
        g_assert_cmpuint(n_generations, <=, 9);
        assert_is_whole(f, &reader);
        view_reader_close(&reader);
}

static void test_large_view_is_filled_in_slices(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        fill(f, 20000, 32);
        g_assert_cmpint(open_as(f, 4001, &reader), ==, VIEWS_E_UNDER_WAY);
        g_assert_cmpint(open_as(f, 4002, &reader), ==, VIEWS_E_UNDER_WAY);
        for (unsigned i = 0; f->ready->len == 0; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i * 701 % 20000);
                g_autofree char *new_key = g_strdup_printf("%u", i * 7);

                g_assert(i < 1000);
                put(f, key, i % 3 ? "'changed'" : NULL);
                put(f, new_key, "'new'");
                g_assert(sd_event_run(f->event, 0) >= 0);
        }

        g_assert_cmpstr(f->ready->str, ==, NAME " ");
        g_assert_cmpint(open_as(f, 4001, &reader), ==, 0);
        assert_is_whole(f, &reader);
        view_reader_close(&reader);
}

static void test_waiting_ends_with_the_namespace(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        fill(f, 20000, 8);
        g_assert_cmpint(open_as(f, 4001, &reader), ==, VIEWS_E_UNDER_WAY);
        apply(f, changes_commit_remove(++f->revision, NAME));
        run(f);
        g_assert_cmpstr(f->ready->str, ==, NAME " ");
        assert_counts(f, 0, 0);
}

/* Readers that hold on to old ones are left without before they cost more. */
static void test_held_views_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader readers[3];

        for (unsigned i = 0; i < 3; i++) {
                Commit *commit;

                readers[i] = open_view(f);
                commit = entry_commit(f, "a", "1");
                commit->source.revision = 1;
                apply(f, commit);
        }

        assert_counts(f, 1, 3);
        g_assert_cmpint(open_as(f, 4001, &readers[0]), ==, VIEWS_E_HELD);
        view_reader_close(&readers[1]);
        readers[1] = open_view(f);
        assert_is_whole(f, &readers[1]);
        assert_counts(f, 1, 3);
        for (unsigned i = 0; i < 3; i++)
                view_reader_close(&readers[i]);
}

static void test_memory_is_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        fill(f, 100, 100);
        f->limits.view_memory = 8192;
        g_assert_cmpint(open_as(f, 0, &reader), ==, VIEWS_E_NO_ROOM);
        assert_counts(f, 0, 0);
        f->limits.view_memory = 65536;
        f->limits.uid_view_memory = 8192;
        g_assert_cmpint(open_as(f, 4001, &reader), ==, VIEWS_E_TOO_MUCH);
        g_assert_cmpint(open_as(f, 0, &reader), ==, 0);
        view_reader_close(&reader);
        f->limits.uid_view_memory = 65536;
        reader = open_view(f);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==,
                         reader.size_bytes);
        f->limits.views = 1;
        apply(f, changes_commit_create(++f->revision, "c.d", 4001));
        {
                ViewLoan loan;

                g_assert_cmpint(views_open(f->views, state_lookup(f->state, "c.d"), 0, &loan), ==,
                                VIEWS_E_NO_ROOM);
        }
        view_reader_close(&reader);
}

/* The loop's time-outs, as if they had come. */
static void test_unread_views_go(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = open_view(f);

        assert_counts(f, 1, 1);
        views_look(f->views);
        views_look(f->views);
        views_look(f->views);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);
        view_reader_close(&reader);
        views_look(f->views);
        assert_counts(f, 1, 1);
        views_look(f->views);
        assert_counts(f, 0, 0);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4001, ACCOUNT_VIEW_BYTES), ==, 0);
}

static void test_reader_cannot_write(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = NULL;
        ViewLoan loan;
        int fd;

        g_assert(views_open(f->views, ns_of(f), 4001, &loan) == 0);
        path = g_strdup_printf("/proc/self/fd/%d", loan.fd);
        g_assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, loan.fd, 0) == MAP_FAILED);
        g_assert(ftruncate(loan.fd, 0) < 0);
        g_assert(fcntl(loan.fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);

        /* Whoever may open it for writing, its owner and root, may not write either. */
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                g_assert(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
                g_assert(write(fd, "x", 1) < 0);
                g_assert(ftruncate(fd, 0) < 0);
                g_assert(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0);
                (void) close(fd);
        }
        (void) close(loan.fd);
}

/* Without a time-out, so whoever is not woken stays there. */
static gpointer sleep_through_changes(gpointer userdata)
{
        const ViewReader *reader = userdata;
        uint64_t seen = 0;

        while (seen < 201) {
                uint32_t sequence = view_reader_sequence(reader);

                if (view_reader_revision(reader) == seen)
                        (void) syscall(SYS_futex, &reader->header->sequence, FUTEX_WAIT, sequence,
                                       NULL, NULL, 0);
                seen = view_reader_revision(reader);
        }
        return NULL;
}

static void test_reader_sleeps_until_a_change(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GThread) thread = NULL;
        ViewReader reader;
        uint32_t sequence;

        fill(f, 400, 8); /* so that there is room for the changes */
        f->revision = 1;
        reader = open_view(f);
        sequence = view_reader_sequence(&reader);
        g_assert_cmpint(view_reader_wait(&reader, sequence, 1), ==, -ETIMEDOUT);

        thread = g_thread_new("reader", sleep_through_changes, &reader);
        while (f->revision < 201) {
                put(f, "a", "1");
                g_thread_yield();
        }
        g_thread_join(g_steal_pointer(&thread));
        g_assert_cmpint(view_reader_wait(&reader, sequence, G_MAXUINT64), ==, 0);
        view_reader_close(&reader);
}

/* In a process that may make no system call but its exit. */
static void read_without_calls(const ViewReader *reader)
{
        uint32_t sequence = 0, value;
        uint64_t cursor = 0;
        ViewEntry entry;
        bool is_good;

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
                _exit(77);

        is_good = view_reader_begin(reader, &sequence) == 0;
        for (unsigned i = 0; i < 10000; i++)
                is_good = is_good &&
                          view_reader_get_fixed(reader, "a", "u", &value, sizeof value) == 0;
        while (view_reader_next(reader, &cursor, &entry) == 0)
                is_good = is_good && entry.key_bytes == 1;
        is_good = is_good && view_reader_is_whole(reader, sequence) && value == 5;
        (void) syscall(SYS_exit, is_good ? 0 : 1);
}

static void test_reading_makes_no_system_call(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;
        int status;
        pid_t pid;

        put(f, "a", "uint32 5");
        reader = open_view(f);
        pid = fork();
        g_assert(pid >= 0);
        if (pid == 0)
                read_without_calls(&reader);

        g_assert(waitpid(pid, &status, 0) == pid);
        view_reader_close(&reader);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                g_test_skip("no seccomp here");
                return;
        }
        g_assert(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static Entry *numbered(unsigned i, uint64_t revision)
{
        g_autofree char *key = g_strdup_printf("%u", i);
        g_autoptr(GVariant) value = changes_value("1");
        Entry *entry = entry_new(key, value, ENTRY_PERSISTENT);

        entry->revision = revision;
        return entry;
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

/* What finds the table full is not seen by halves. */
static void test_full_table_takes_all_or_nothing(void)
{
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_destroy);
        const GenerationShape shape = { 1, 4096 };
        g_autoptr(Generation) generation = NULL;
        ViewReader reader;
        ViewEntry seen;

        g_assert(generation_new(&generation, &shape, 1) == 0);
        g_assert(view_reader_attach(&reader, generation_memory(generation),
                                    generation_bytes(generation)) == 0);
        for (unsigned i = 0; i < 6; i++) {
                g_ptr_array_add(entries, numbered(i, 5));
                g_assert(generation_put(generation, entries->pdata[i]) == 0);
        }
        g_assert(generation_publish(generation, 5) == 0);

        for (unsigned i = 6; i < 12; i++) {
                g_ptr_array_add(entries, numbered(i - 1, 6));
                g_assert(generation_put(generation, entries->pdata[i]) == 0);
        }
        g_assert_cmpint(generation_publish(generation, 6), ==, GENERATION_E_FULL);

        g_assert(view_reader_get(&reader, "5", 1, &seen) == 0 && seen.revision == 5);
        g_assert(view_reader_get(&reader, "6", 1, &seen) == -ENOENT);
        g_assert_cmpuint(view_reader_n_keys(&reader), ==, 6);
        g_assert_cmpuint(view_reader_revision(&reader), ==, 5);
        g_assert_cmpuint(view_reader_sequence(&reader) % 2, ==, 0);
        g_assert_cmpint(generation_put(generation, entries->pdata[0]), ==, GENERATION_E_FULL);
}

#define ADD(name) g_test_add("/view/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD(view_shows_what_is_there);
        ADD(view_follows_commits);
        ADD(view_keeps_what_was_read);
        ADD(kernel_entries_shadow);
        ADD(defaults_show_and_change);
        ADD(another_access_revokes);
        ADD(removed_namespace_ends_it);
        ADD(restoration_ends_it);
        ADD(stop_ends_it);
        ADD(full_view_is_followed);
        ADD(large_view_is_filled_in_slices);
        ADD(waiting_ends_with_the_namespace);
        ADD(held_views_are_bounded);
        ADD(memory_is_bounded);
        ADD(unread_views_go);
        ADD(reader_cannot_write);
        ADD(reader_sleeps_until_a_change);
#ifndef __SANITIZE_THREAD__ /* which makes calls of its own */
        ADD(reading_makes_no_system_call);
#else
        (void) test_reading_makes_no_system_call;
#endif
        g_test_add_func("/view/full_table_takes_all_or_nothing",
                        test_full_table_takes_all_or_nothing);
        return g_test_run();
}
