/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-view: what a read of a view costs, and how soon a commit is seen in one, without a bus
 *
 * Rounds are short, and in each everything is measured once. One JSON object is printed.
 */

#include "client/view-reader.h"
#include "entry-text.h"
#include "view/generation.h"
#include "view/views.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_LMDB
#include <lmdb.h>
#endif

#define ORDER_MASK 0xffffu /* so many reads, again and again */
#define NAME       "bench.view"

static const char usage[] = "bench-view read KEYS VALUE-BYTES ROUNDS MSEC\n"
                            "bench-view publish ROUNDS COMMITS\n";

typedef char KeyText[ENTRY_TEXT_KEY_SIZE];

/* The bare look-up: a table of pointers into one piece of shared memory, and nothing that is checked. */
typedef struct Bare {
        uint64_t *table;
        uint64_t mask;
        char *records; /* key, NUL, value */
        size_t record_bytes;
} Bare;

typedef struct Bench {
        uint32_t n_keys;
        size_t value_bytes;
        size_t key_bytes; /* as a number that the compiler does not know */
        KeyText *keys;
        uint32_t *order;
        uint64_t sum;           /* of what was read, so that it is */
        Generation *generation; /* of the reader */
        ViewReader reader;
        Bare bare;
        uint64_t revision;
        int is_over;
#ifdef HAVE_LMDB
        MDB_env *environment;
        MDB_dbi database;
        MDB_txn *transaction;
        char directory[64];
#endif
} Bench;

static uint64_t now_nsec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* What this thread had of a processor: others have theirs. */
static uint64_t spent_nsec(void)
{
        struct timespec spent;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return (uint64_t) spent.tv_sec * 1000000000 + (uint64_t) spent.tv_nsec;
}

static void make_keys(Bench *bench)
{
        bench->keys = g_new(KeyText, bench->n_keys);
        bench->order = g_new(uint32_t, ORDER_MASK + 1);
        for (uint32_t i = 0; i < bench->n_keys; i++)
                entry_text_key(bench->keys[i], i);
        for (uint32_t i = 0; i <= ORDER_MASK; i++)
                bench->order[i] = (uint32_t) g_random_int_range(0, (gint32) bench->n_keys);
}

static Entry *make_entry(const Bench *bench, uint32_t i)
{
        g_autofree char *bytes = g_malloc0(bench->value_bytes);
        g_autoptr(GVariant) value = g_variant_ref_sink(
                g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, bench->value_bytes, 1));
        Entry *entry = entry_new(bench->keys[i], value, ENTRY_PERSISTENT);

        entry->revision = bench->revision;
        return entry;
}

static void make_generation(Bench *bench, uint64_t slack_bytes)
{
        const GenerationShape shape = { bench->n_keys,
                                        (bench->value_bytes + 80) * bench->n_keys + slack_bytes };
        int fd;

        g_assert(generation_new(&bench->generation, &shape, 1) == 0);
        bench->revision = 1;
        for (uint32_t i = 0; i < bench->n_keys; i++) {
                g_autoptr(Entry) entry = make_entry(bench, i);

                g_assert(generation_put(bench->generation, entry) == 0);
                g_assert(generation_publish(bench->generation, 1) == 0);
        }

        fd = generation_open_reader(bench->generation);
        g_assert(view_reader_open(&bench->reader, fd) == 0);
        (void) close(fd);
}

static void *shared_memory(size_t n_bytes)
{
        void *memory =
                mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        g_assert(memory != MAP_FAILED);
        return memory;
}

static void make_bare(Bench *bench)
{
        Bare *bare = &bench->bare;

        bare->mask = bench->reader.slot_mask;
        bare->table = shared_memory((bare->mask + 1) * 8);
        bare->record_bytes = (ENTRY_TEXT_KEY_SIZE + bench->value_bytes + 7) & ~(size_t) 7;
        bare->records = shared_memory(bare->record_bytes * (bench->n_keys + 1));
        for (uint32_t i = 0; i < bench->n_keys; i++) {
                uint64_t at = regent_view_hash(1, bench->keys[i], ENTRY_TEXT_KEY_SIZE - 1);

                while (bare->table[at & bare->mask] != 0)
                        at++;
                bare->table[at & bare->mask] = i + 1;
                memcpy(bare->records + bare->record_bytes * (i + 1), bench->keys[i],
                       ENTRY_TEXT_KEY_SIZE);
        }
}

static void read_view(Bench *bench, const char *key)
{
        ViewEntry entry;

        if (view_reader_get(&bench->reader, key, bench->key_bytes, &entry) == 0)
                bench->sum += *(const uint8_t *) entry.value + 1u;
}

static void read_bare(Bench *bench, const char *key)
{
        const Bare *bare = &bench->bare;
        uint64_t at = regent_view_hash(1, key, bench->key_bytes);

        for (; bare->table[at & bare->mask] != 0; at++) {
                const char *record =
                        bare->records + bare->record_bytes * bare->table[at & bare->mask];

                if (memcmp(record, key, bench->key_bytes) == 0 &&
                    record[bench->key_bytes] == '\0') {
                        bench->sum += *(const uint8_t *) (record + ENTRY_TEXT_KEY_SIZE) + 1u;
                        return;
                }
        }
}

#ifdef HAVE_LMDB
static void make_lmdb(Bench *bench)
{
        MDB_txn *transaction;
        g_autofree char *bytes = g_malloc0(bench->value_bytes);

        (void) snprintf(bench->directory, sizeof bench->directory, "/tmp/bench-view-XXXXXX");
        g_assert(mkdtemp(bench->directory));
        g_assert(mdb_env_create(&bench->environment) == 0);
        g_assert(mdb_env_set_mapsize(bench->environment, (size_t) 4 << 30) == 0);
        g_assert(mdb_env_open(bench->environment, bench->directory, MDB_NOSYNC, 0600) == 0);
        g_assert(mdb_txn_begin(bench->environment, NULL, 0, &transaction) == 0);
        g_assert(mdb_dbi_open(transaction, NULL, 0, &bench->database) == 0);
        for (uint32_t i = 0; i < bench->n_keys; i++) {
                MDB_val key = { ENTRY_TEXT_KEY_SIZE - 1, bench->keys[i] };
                MDB_val value = { bench->value_bytes, bytes };

                g_assert(mdb_put(transaction, bench->database, &key, &value, 0) == 0);
        }
        g_assert(mdb_txn_commit(transaction) == 0);
        g_assert(mdb_txn_begin(bench->environment, NULL, MDB_RDONLY, &bench->transaction) == 0);
        mdb_txn_reset(bench->transaction);
}

/* As one does who wants what is there now: the transaction is renewed for each read. */
static void read_lmdb(Bench *bench, const char *text)
{
        MDB_val key = { bench->key_bytes, (void *) (uintptr_t) text }, value;

        g_assert(mdb_txn_renew(bench->transaction) == 0);
        if (mdb_get(bench->transaction, bench->database, &key, &value) == 0)
                bench->sum += *(const uint8_t *) value.mv_data + 1u;
        mdb_txn_reset(bench->transaction);
}

static void clear_lmdb(Bench *bench)
{
        g_autofree char *command = g_strdup_printf("%s/data.mdb", bench->directory);
        g_autofree char *lock = g_strdup_printf("%s/lock.mdb", bench->directory);

        mdb_txn_abort(bench->transaction);
        mdb_env_close(bench->environment);
        (void) unlink(command);
        (void) unlink(lock);
        (void) rmdir(bench->directory);
}
#endif

typedef void (*ReadOne)(Bench *bench, const char *key);

/* Nanoseconds a read, of this thread. */
static inline __attribute__((always_inline)) double measure(Bench *bench,
                                                            ReadOne read_one,
                                                            uint64_t nsec)
{
        uint64_t begin = spent_nsec(), end, n = 0;

        do {
                for (uint32_t i = 0; i < 1024; i++, n++)
                        read_one(bench, bench->keys[bench->order[n & ORDER_MASK]]);
                end = spent_nsec();
        } while (end - begin < nsec);

        return (double) (end - begin) / (double) n;
}

/* A writer at full speed, until there is no room. */
static void *write_on(void *userdata)
{
        Bench *bench = userdata;

        for (uint32_t i = 0; !__atomic_load_n(&bench->is_over, __ATOMIC_ACQUIRE); i++) {
                g_autoptr(Entry) entry = NULL;

                bench->revision++;
                entry = make_entry(bench, bench->order[i & ORDER_MASK]);
                if (generation_put(bench->generation, entry) != 0 ||
                    generation_publish(bench->generation, bench->revision) != 0)
                        break;
        }
        return NULL;
}

static int compare_numbers(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* What one read in a hundred takes longer than, beside a writer; with what looking at the clock takes. */
static double measure_late(Bench *bench)
{
        enum { N = 20000 };
        uint64_t *took = g_new(uint64_t, N);
        double late;

        for (uint32_t i = 0; i < N; i++) {
                uint64_t begin = now_nsec();

                read_view(bench, bench->keys[bench->order[i & ORDER_MASK]]);
                took[i] = now_nsec() - begin;
        }
        qsort(took, N, sizeof *took, compare_numbers);
        late = (double) took[N / 100 * 99];
        g_free(took);
        return late;
}

static void run_round(Bench *bench, uint64_t nsec)
{
        Generation *generation = bench->generation;
        ViewReader reader = bench->reader;
        pthread_t writer;

        printf("{\"view\": %.2f", measure(bench, read_view, nsec));
        printf(", \"bare\": %.2f", measure(bench, read_bare, nsec));
#ifdef HAVE_LMDB
        printf(", \"lmdb\": %.2f", measure(bench, read_lmdb, nsec));
#endif
        bench->is_over = 0;
        make_generation(bench, 64 << 20);
        g_assert(pthread_create(&writer, NULL, write_on, bench) == 0);
        printf(", \"beside_writer\": %.2f", measure(bench, read_view, nsec));
        printf(", \"late_beside_writer\": %.0f}", measure_late(bench));
        __atomic_store_n(&bench->is_over, 1, __ATOMIC_RELEASE);
        (void) pthread_join(writer, NULL);
        view_reader_close(&bench->reader);
        generation_free(bench->generation);
        bench->generation = generation;
        bench->reader = reader;
}

static int bench_read(char **arguments)
{
        Bench bench = { .n_keys = (uint32_t) strtoul(arguments[0], NULL, 10),
                        .value_bytes = strtoul(arguments[1], NULL, 10),
                        .key_bytes = ENTRY_TEXT_KEY_SIZE - (arguments[0] ? 1 : 2) };
        unsigned n_rounds = (unsigned) strtoul(arguments[2], NULL, 10);
        uint64_t nsec = strtoull(arguments[3], NULL, 10) * 1000000;

        if (bench.n_keys == 0 || bench.value_bytes == 0)
                return 2;

        make_keys(&bench);
        make_generation(&bench, 4096);
        make_bare(&bench);
#ifdef HAVE_LMDB
        make_lmdb(&bench);
#endif
        printf("{\"rounds\": [");
        for (unsigned i = 0; i < n_rounds; i++) {
                printf(i ? ", " : "");
                run_round(&bench, nsec);
        }
        printf("], \"sum\": %" PRIu64 "}\n", bench.sum);
#ifdef HAVE_LMDB
        clear_lmdb(&bench);
#endif
        return 0;
}

/* publishing */

typedef struct Sleeper {
        ViewReader reader;
        uint64_t woken_nsec; /* 0: sleeps */
        bool is_over;
} Sleeper;

static void *sleep_on(void *userdata)
{
        Sleeper *sleeper = userdata;
        uint32_t sequence = view_reader_sequence(&sleeper->reader);

        while (!__atomic_load_n(&sleeper->is_over, __ATOMIC_ACQUIRE)) {
                (void) view_reader_wait(&sleeper->reader, sequence, 1000000);
                sequence = view_reader_sequence(&sleeper->reader);
                __atomic_store_n(&sleeper->woken_nsec, now_nsec(), __ATOMIC_RELEASE);
        }
        return NULL;
}

static void on_ready(void *userdata, const char *name)
{
        (void) userdata;
        (void) name;
}

static Commit *commit_one(uint64_t revision, uint32_t i)
{
        Commit *commit = commit_new(revision, 0, 0, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NAME);
        KeyText key;

        entry_text_key(key, i % 1000);
        commit_add_entry(commit, change,
                         entry_new(key, g_variant_new_uint64(revision), ENTRY_PERSISTENT));
        return commit;
}

/* Waits until the sleeper sleeps again, most probably. */
static void settle(Sleeper *sleeper)
{
        const struct timespec moment = { 0, 60000 };

        __atomic_store_n(&sleeper->woken_nsec, 0, __ATOMIC_RELEASE);
        (void) nanosleep(&moment, NULL);
}

/* Nanoseconds until a commit is seen, with nobody asleep. */
static uint64_t run_seen(State *state, Views *views, unsigned n, uint64_t *revision)
{
        uint64_t *seen = g_new(uint64_t, n), median;

        for (unsigned i = 0; i < n; i++) {
                g_autoptr(Commit) commit = commit_one(++*revision, i);
                uint64_t begin;

                state_apply(state, commit);
                begin = now_nsec();
                views_publish(views, commit);
                seen[i] = now_nsec() - begin;
        }
        qsort(seen, n, sizeof *seen, compare_numbers);
        median = seen[n / 2];
        g_free(seen);
        return median;
}

static void run_commits(
        State *state, Views *views, Sleeper *sleeper, unsigned n, uint64_t *revision)
{
        uint64_t *woken = g_new(uint64_t, n);

        for (unsigned i = 0; i < n; i++) {
                g_autoptr(Commit) commit = commit_one(++*revision, i);
                uint64_t begin, end;

                state_apply(state, commit);
                settle(sleeper);
                begin = now_nsec();
                views_publish(views, commit);
                while ((end = __atomic_load_n(&sleeper->woken_nsec, __ATOMIC_ACQUIRE)) < begin)
                        ;
                woken[i] = end - begin;
        }

        qsort(woken, n, sizeof *woken, compare_numbers);
        printf(", \"wake_nsec\": %" PRIu64 "}", woken[n / 2]);
        g_free(woken);
}

static int bench_publish(char **arguments)
{
        unsigned n_rounds = (unsigned) strtoul(arguments[0], NULL, 10);
        unsigned n = (unsigned) strtoul(arguments[1], NULL, 10);
        const ViewsCallbacks callbacks = { .on_ready = on_ready };
        Sleeper sleeper = {};
        uint64_t revision = 1;
        sd_event *event = NULL;
        Limits limits;
        ViewLoan loan;
        Views *views;

        printf("{\"rounds\": [");
        for (unsigned i = 0; i < n_rounds && n > 0; i++) {
                g_autoptr(State) state = state_new();
                g_autoptr(Commit) create = commit_new(1, 0, 0, NULL);
                pthread_t thread;

                commit_add(create, NAMESPACE_CHANGE_CREATE, NAME)->access = access_standard;
                revision = 1;
                limits_init(&limits);
                g_assert(sd_event_new(&event) >= 0);
                g_assert(views_new(&views, event, state, &limits, &callbacks) == 0);
                state_apply(state, create);
                /* Enough that it is not full before the end. */
                for (uint32_t k = 0; k < 1000; k++) {
                        g_autoptr(Commit) commit = commit_one(++revision, k);

                        state_apply(state, commit);
                }
                g_assert(views_open(views, state_lookup(state, NAME), 0, &loan) >= 0);
                while (views_open(views, state_lookup(state, NAME), 0, &loan) != 0)
                        g_assert(sd_event_run(event, 0) >= 0);
                g_assert(view_reader_open(&sleeper.reader, loan.fd) == 0);
                (void) close(loan.fd);
                printf(i ? ", " : "");
                printf("{\"publish_nsec\": %" PRIu64, run_seen(state, views, n, &revision));
                sleeper.is_over = false;
                g_assert(pthread_create(&thread, NULL, sleep_on, &sleeper) == 0);
                run_commits(state, views, &sleeper, n, &revision);
                __atomic_store_n(&sleeper.is_over, true, __ATOMIC_RELEASE);
                (void) pthread_join(thread, NULL);
                view_reader_close(&sleeper.reader);
                views_free(views);
                event = sd_event_unref(event);
        }
        printf("]}\n");
        return 0;
}

int main(int argc, char **argv)
{
        int status = 2;

        if (argc == 6 && strcmp(argv[1], "read") == 0)
                status = bench_read(argv + 2);
        else if (argc == 4 && strcmp(argv[1], "publish") == 0)
                status = bench_publish(argv + 2);
        if (status == 2)
                fputs(usage, stderr);
        return status;
}
