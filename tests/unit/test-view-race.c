/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers beside a writer at full speed see nothing torn, nothing older than what they were told is there, and in a
 * snapshot one revision. Commit r gives every key the value r, written so that a mixture is noticed.
 *
 * REGENT_TEST_VIEW_READS is how many reads are made in each case. It is built with the thread sanitizer, too, which
 * knows of one mapping alone, so the readers of the first case are where the writer is; and the mutexes are those of
 * pthread, as it knows nothing of others.
 */

#include "changes.h"
#include "client/view-reader.h"
#include "view/generation.h"
#include "view/views.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_KEYS    16u
#define N_READERS 3u
#define WORDS_MAX 24u
#define NAME      "a.b"

/* A generation, and how many read it where it is. */
typedef struct Shared {
        Generation *generation;
        unsigned n_readers;
} Shared;

typedef struct Race {
        pthread_mutex_t mutex;
        pthread_cond_t cond;
        GThread *readers[N_READERS];
        Shared *shared; /* the newest; of the first case */
        ViewLoan loan;  /* of the second: the fd is taken by who asked; -1: none */
        bool is_asked;  /* for a loan */
        bool is_over;
        uint64_t n_reads_max; /* of one reader */
        uint64_t n_reads, n_whole, n_again, n_opened;
} Race;

static uint64_t n_reads_wanted(void)
{
        const char *text = g_getenv("REGENT_TEST_VIEW_READS");

        return text ? g_ascii_strtoull(text, NULL, 10) : 600000;
}

/* Words of one number; how many depends on it. */
static GVariant *value_of(uint64_t revision)
{
        uint64_t words[WORDS_MAX];
        size_t n = 1 + revision % WORDS_MAX;

        for (size_t i = 0; i < n; i++)
                words[i] = revision;
        return g_variant_ref_sink(
                g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, words, n, sizeof *words));
}

static void assert_not_torn(const ViewEntry *entry)
{
        const uint64_t *words = entry->value;

        g_assert(strcmp(view_entry_type(entry), "at") == 0);
        g_assert_cmpuint(entry->value_bytes, ==, 8 * (1 + entry->revision % WORDS_MAX));
        for (size_t i = 0; i < entry->value_bytes / 8; i++)
                g_assert_cmpuint(words[i], ==, entry->revision);
}

static void key_text(char *text, unsigned i)
{
        (void) g_snprintf(text, 16, "key/%u", i);
}

/* Some keys come and go. */
static bool is_deleted(unsigned i, uint64_t revision)
{
        return i % 4 == 3 && revision % 3 == 0;
}

static void read_one(const ViewReader *reader, unsigned i, uint64_t *last)
{
        uint64_t revision = view_reader_revision(reader);
        ViewEntry entry;
        char key[16];
        int r;

        key_text(key, i);
        r = view_reader_get(reader, key, strlen(key), &entry);
        if (r == -ENOENT && (i % 4 == 3 || revision == 0))
                return;
        g_assert_cmpint(r, ==, 0);
        assert_not_torn(&entry);
        g_assert_cmpuint(entry.revision, >=, revision);
        g_assert_cmpuint(entry.revision, >=, last[i]);
        last[i] = entry.revision;
}

static void read_all(const ViewReader *reader, Race *race)
{
        uint64_t revision, n_found = 0;
        uint32_t sequence;
        ViewEntry entries[N_KEYS];
        int results[N_KEYS];

        if (view_reader_begin(reader, &sequence) < 0)
                return;
        revision = view_reader_revision(reader);
        for (unsigned i = 0; i < N_KEYS; i++) {
                char key[16];

                key_text(key, i);
                results[i] = view_reader_get(reader, key, strlen(key), &entries[i]);
        }
        if (!view_reader_is_whole(reader, sequence)) {
                __atomic_fetch_add(&race->n_again, 1, __ATOMIC_RELAXED);
                return;
        }

        for (unsigned i = 0; i < N_KEYS && revision > 0; i++) {
                g_assert_cmpint(results[i], ==, is_deleted(i, revision) ? -ENOENT : 0);
                if (results[i] < 0)
                        continue;
                g_assert_cmpuint(entries[i].revision, ==, revision);
                assert_not_torn(&entries[i]);
                n_found++;
        }
        __atomic_fetch_add(&race->n_whole, n_found > 0, __ATOMIC_RELAXED);
}

static uint64_t read_for_a_while(const ViewReader *reader, Race *race, uint64_t n, uint64_t *last)
{
        for (unsigned k = 0; k < 256; k++)
                read_one(reader, (unsigned) (n + k) % N_KEYS, last);
        read_all(reader, race);
        return 256 + N_KEYS;
}

/* the first case: one thread writes generations, others read them where they are */

static bool put_all(Generation *generation, uint64_t revision, GPtrArray *entries)
{
        g_autoptr(GVariant) value = value_of(revision);
        bool is_full = false;

        g_ptr_array_set_size(entries, 0);
        for (unsigned i = 0; i < N_KEYS && !is_full; i++) {
                char key[16];
                Entry *entry;

                key_text(key, i);
                entry = entry_new(key, value, ENTRY_RUNTIME);
                entry->revision = revision;
                g_ptr_array_add(entries, entry);
                is_full = is_deleted(i, revision)
                                  ? generation_remove(generation, entry_key(entry)) != 0
                                  : generation_put(generation, entry) != 0;
        }

        return !is_full && generation_publish(generation, revision) == 0;
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void shared_destroy(gpointer userdata)
{
        Shared *shared = userdata;

        generation_free(shared->generation);
        g_free(shared);
}

/* The one before is told, and is gone when nobody reads it. */
static void share(Race *race, GPtrArray *all, Generation *generation)
{
        Shared *before = race->shared, *shared = g_new0(Shared, 1);

        shared->generation = generation;
        g_ptr_array_add(all, shared);
        pthread_mutex_lock(&race->mutex);
        race->shared = shared;
        pthread_cond_broadcast(&race->cond);
        for (guint i = all->len - 1; i > 0; i--) {
                const Shared *each = all->pdata[i - 1];

                if (each != before && each->n_readers == 0)
                        g_ptr_array_remove_index(all, i - 1);
        }
        pthread_mutex_unlock(&race->mutex);
        if (before)
                generation_retire(before->generation, REGENT_VIEW_FULL);
}

static gpointer write_generations(gpointer userdata)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(shared_destroy);
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_destroy);
        const GenerationShape shape = { N_KEYS, 1 << 20 };
        Race *race = userdata;

        for (uint64_t revision = 1; !__atomic_load_n(&race->is_over, __ATOMIC_ACQUIRE);
             revision++) {
                Generation *generation;

                if (race->shared && put_all(race->shared->generation, revision, entries))
                        continue;

                g_assert(generation_new(&generation, &shape, revision) == 0);
                g_assert(put_all(generation, revision, entries));
                share(race, all, generation);
        }
        return NULL;
}

static Shared *attach(Race *race, ViewReader *reader, Shared *before)
{
        Shared *shared;

        pthread_mutex_lock(&race->mutex);
        if (before)
                before->n_readers--;
        while (!race->shared)
                pthread_cond_wait(&race->cond, &race->mutex);
        shared = race->shared;
        shared->n_readers++;
        g_assert(view_reader_attach(reader, generation_memory(shared->generation),
                                    generation_bytes(shared->generation)) == 0);
        race->n_opened++;
        pthread_mutex_unlock(&race->mutex);
        return shared;
}

static gpointer read_generations(gpointer userdata)
{
        Race *race = userdata;
        uint64_t last[N_KEYS] = {}, n = 0;
        ViewReader reader;
        Shared *shared;

        shared = attach(race, &reader, NULL);
        while (n < race->n_reads_max) {
                if (view_reader_state(&reader) != REGENT_VIEW_LIVE)
                        shared = attach(race, &reader, shared);
                n += read_for_a_while(&reader, race, n, last);
        }
        __atomic_fetch_add(&race->n_reads, n, __ATOMIC_RELAXED);
        return NULL;
}

static void finish(Race *race)
{
        for (unsigned i = 0; i < N_READERS; i++)
                g_thread_join(race->readers[i]);
        pthread_mutex_lock(&race->mutex);
        __atomic_store_n(&race->is_over, true, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&race->cond);
        pthread_mutex_unlock(&race->mutex);
}

static void report(const Race *race)
{
        g_test_message("%" G_GUINT64_FORMAT " reads, %" G_GUINT64_FORMAT
                       " whole snapshots, %" G_GUINT64_FORMAT " begun again, %" G_GUINT64_FORMAT
                       " views opened",
                       race->n_reads, race->n_whole, race->n_again, race->n_opened);
        g_assert_cmpuint(race->n_whole, >, 0);
}

static void test_readers_beside_a_writer(void)
{
        Race race = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                      .cond = PTHREAD_COND_INITIALIZER,
                      .n_reads_max = n_reads_wanted() / N_READERS };
        GThread *writer;

        writer = g_thread_new("writer", write_generations, &race);
        for (unsigned i = 0; i < N_READERS; i++)
                race.readers[i] = g_thread_new("reader", read_generations, &race);
        finish(&race);
        g_thread_join(writer);
        report(&race);
}

/* the second: the namespace is removed, revoked and restored meanwhile, and views are filled up */

static ViewReader borrow(Race *race)
{
        ViewReader reader;

        pthread_mutex_lock(&race->mutex);
        while (race->is_asked)
                pthread_cond_wait(&race->cond, &race->mutex);
        race->is_asked = true;
        while (race->loan.fd < 0)
                pthread_cond_wait(&race->cond, &race->mutex);
        g_assert(view_reader_open(&reader, race->loan.fd) == 0);
        (void) close(race->loan.fd);
        race->loan.fd = -1;
        race->is_asked = false;
        race->n_opened++;
        pthread_cond_broadcast(&race->cond);
        pthread_mutex_unlock(&race->mutex);
        return reader;
}

static gpointer read_views(gpointer userdata)
{
        Race *race = userdata;
        ViewReader reader = borrow(race);
        uint64_t last[N_KEYS] = {}, n = 0;

        while (n < race->n_reads_max) {
                if (view_reader_state(&reader) != REGENT_VIEW_LIVE) {
                        view_reader_close(&reader);
                        reader = borrow(race);
                }
                n += read_for_a_while(&reader, race, n, last);
        }
        view_reader_close(&reader);
        __atomic_fetch_add(&race->n_reads, n, __ATOMIC_RELAXED);
        return NULL;
}

static Commit *commit_of_all(uint64_t revision)
{
        Commit *commit = commit_new(revision, 0, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NAME);
        g_autoptr(GVariant) value = value_of(revision);

        for (unsigned i = 0; i < N_KEYS; i++) {
                char key[16];

                key_text(key, i);
                commit_add_entry(commit, change,
                                 is_deleted(i, revision)
                                         ? entry_new_tombstone(key, ENTRY_PERSISTENT)
                                         : entry_new(key, value, ENTRY_PERSISTENT));
        }
        return commit;
}

static void apply(State *state, Views *views, Commit *commit)
{
        g_autoptr(Commit) owned G_GNUC_UNUSED = commit;

        state_apply(state, commit);
        views_publish(views, commit);
}

static Commit *commit_access(uint64_t revision, uint32_t mode)
{
        Commit *commit = commit_new(revision, 0, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, NAME);

        change->access = access_standard;
        change->access.owner = 4001;
        change->access.mode = mode;
        return commit;
}

static void lend(Race *race, Views *views, State *state)
{
        pthread_mutex_lock(&race->mutex);
        if (race->is_asked && race->loan.fd < 0 &&
            views_open(views, state_lookup(state, NAME), 4001, &race->loan) == 0)
                pthread_cond_broadcast(&race->cond);
        pthread_mutex_unlock(&race->mutex);
}

static void on_ready(void *userdata G_GNUC_UNUSED, const char *name G_GNUC_UNUSED)
{
}

/* Each commit is of all keys, so a reader sees one revision. */
static void write_views(Race *race, State *state, Views *views, sd_event *event)
{
        uint64_t revision = 1;

        apply(state, views, changes_commit_create(revision, NAME, 4001));
        while (!__atomic_load_n(&race->is_over, __ATOMIC_ACQUIRE)) {
                revision++;
                if (revision % 5000 == 0) {
                        apply(state, views,
                              commit_access(revision, revision / 5000 % 2 ? 0600 : 0640));
                        revision++;
                } else if (revision % 7001 == 0) {
                        apply(state, views, changes_commit_remove(revision++, NAME));
                        apply(state, views, changes_commit_create(revision++, NAME, 4001));
                }
                apply(state, views, commit_of_all(revision));
                lend(race, views, state);
                g_assert(sd_event_run(event, 0) >= 0);
        }
}

static gpointer watch_readers(gpointer userdata)
{
        Race *race = userdata;

        finish(race);
        return NULL;
}

static void test_readers_of_views_that_end(void)
{
        Race race = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                      .cond = PTHREAD_COND_INITIALIZER,
                      .n_reads_max = n_reads_wanted() / N_READERS,
                      .loan = { .fd = -1 } };
        const ViewsCallbacks callbacks = { .on_ready = on_ready };
        g_autoptr(State) state = state_new();
        GThread *watcher;
        sd_event *event = NULL;
        g_autoptr(Views) views = NULL;

        g_assert(sd_event_new(&event) >= 0);
        g_assert(views_new(&views, event, state, changes_limits(), &callbacks) == 0);
        for (unsigned i = 0; i < N_READERS; i++)
                race.readers[i] = g_thread_new("reader", read_views, &race);
        watcher = g_thread_new("watcher", watch_readers, &race);
        write_views(&race, state, views, event);
        g_thread_join(watcher);
        report(&race);
        g_assert_cmpuint(race.n_opened, >, N_READERS);
        g_clear_pointer(&views, views_free);
        sd_event_unref(event);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/view-race/readers-beside-a-writer", test_readers_beside_a_writer);
        g_test_add_func("/view-race/readers-of-views-that-end", test_readers_of_views_that_end);
        return g_test_run();
}
