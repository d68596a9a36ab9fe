/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View read
 *
 * Time is that of the reading thread: there are more threads than processors. Late reads are timed by the clock, each
 * of them, so they have two looks at it in them.
 */

#include "view-read.h"

#include "bus.h"
#include "view-stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KINDS_MAX    3u
#define READERS_MAX  64u
#define LATE_READS   20000u
#define LOOK_EVERY   1024u
#define NSEC_A_WRITE 20000u /* 50,000 commits a second */

/* What the threads of one crowd share. */
typedef struct Crowd {
        const StoreKind *kind;
        void *store;
        const Stores *stores;
        uint64_t nsec; /* that each reads for */
        bool is_over;
        uint64_t n_writes;
} Crowd;

typedef struct CrowdReader {
        Crowd *crowd;
        pthread_t thread;
        double nsec_each; /* found out, as is the next */
        double late_nsec; /* what one read in a hundred takes longer than */
        uint64_t sum;
} CrowdReader;

static uint64_t spent_nsec(void)
{
        struct timespec spent;

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return (uint64_t) spent.tv_sec * 1000000000 + (uint64_t) spent.tv_nsec;
}

/* Nanoseconds a read. */
static double measure(
        const StoreKind *kind, const Stores *stores, void *reader, uint64_t nsec, uint64_t *sum)
{
        uint64_t begin = spent_nsec(), end, n = 0;

        do {
                kind->look(reader);
                for (uint32_t i = 0; i < LOOK_EVERY; i++, n++)
                        kind->read(reader, stores->keys[stores->order[n & ORDER_MASK]], sum);
                end = spent_nsec();
        } while (end - begin < nsec);

        return (double) (end - begin) / (double) n;
}

static int compare_numbers(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static double measure_late(const StoreKind *kind, const Stores *stores, void *reader, uint64_t *sum)
{
        g_autofree uint64_t *took = g_new(uint64_t, LATE_READS);

        for (uint32_t i = 0; i < LATE_READS; i++) {
                const char *key = stores->keys[stores->order[i & ORDER_MASK]];
                uint64_t begin;

                if (i % LOOK_EVERY == 0)
                        kind->look(reader);
                begin = now_nsec();
                kind->read(reader, key, sum);
                took[i] = now_nsec() - begin;
        }
        qsort(took, LATE_READS, sizeof *took, compare_numbers);
        return (double) took[LATE_READS / 100 * 99];
}

static void *read_on(void *userdata)
{
        CrowdReader *self = userdata;
        const Crowd *crowd = self->crowd;
        void *reader = crowd->kind->reader(crowd->store);

        /* A view is mapped by each, the others are there already. */
        for (uint32_t i = 0; i < crowd->stores->n_keys; i++)
                crowd->kind->read(reader, crowd->stores->keys[i], &self->sum);
        self->nsec_each = measure(crowd->kind, crowd->stores, reader, crowd->nsec, &self->sum);
        self->late_nsec = measure_late(crowd->kind, crowd->stores, reader, &self->sum);
        crowd->kind->reader_free(reader);
        return NULL;
}

/* No faster than regentd could, or readers would see little but views that are new to them. */
static void *write_on(void *userdata)
{
        const struct timespec moment = { 0, 20000 };
        uint64_t begin = now_nsec();
        Crowd *crowd = userdata;

        while (!__atomic_load_n(&crowd->is_over, __ATOMIC_ACQUIRE)) {
                if (crowd->n_writes * NSEC_A_WRITE > now_nsec() - begin) {
                        (void) nanosleep(&moment, NULL);
                        continue;
                }
                crowd->kind->write(crowd->store,
                                   crowd->stores->order[crowd->n_writes & ORDER_MASK]);
                crowd->n_writes++;
        }
        return NULL;
}

static uint64_t run_crowd(Crowd *crowd, unsigned n_readers)
{
        CrowdReader readers[READERS_MAX] = {};
        double nsec_each = 0, late_nsec = 0;
        uint64_t sum = 0;
        pthread_t writer;

        g_assert(pthread_create(&writer, NULL, write_on, crowd) == 0);
        for (unsigned i = 0; i < n_readers; i++) {
                readers[i].crowd = crowd;
                g_assert(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) == 0);
        }
        for (unsigned i = 0; i < n_readers; i++) {
                (void) pthread_join(readers[i].thread, NULL);
                nsec_each += readers[i].nsec_each / n_readers;
                late_nsec += readers[i].late_nsec / n_readers;
                sum += readers[i].sum;
        }
        __atomic_store_n(&crowd->is_over, true, __ATOMIC_RELEASE);
        (void) pthread_join(writer, NULL);
        printf(", \"%s_crowd\": %.2f, \"%s_late\": %.0f, \"%s_writes\": %" PRIu64,
               crowd->kind->name, nsec_each, crowd->kind->name, late_nsec, crowd->kind->name,
               crowd->n_writes);
        return sum;
}

int view_read_run(
        uint32_t n_keys, uint64_t value_bytes, unsigned n_rounds, uint64_t nsec, unsigned n_readers)
{
        g_autoptr(Stores) stores = NULL;
        void *made[KINDS_MAX], *crowded[KINDS_MAX], *readers[KINDS_MAX];
        uint64_t sum = 0;

        if (n_keys == 0 || value_bytes == 0 || n_readers > READERS_MAX)
                return 2;

        stores = stores_new(n_keys, value_bytes);
        for (unsigned k = 0; store_kinds[k].name; k++) {
                made[k] = store_kinds[k].make(stores);
                crowded[k] = store_kinds[k].make(stores);
                readers[k] = store_kinds[k].reader(made[k]);
        }

        printf("{\"rounds\": [");
        for (unsigned i = 0; i < n_rounds; i++) {
                printf("%s{\"round\": %u", i ? ", " : "", i);
                for (unsigned k = 0; store_kinds[k].name; k++)
                        printf(", \"%s\": %.2f", store_kinds[k].name,
                               measure(&store_kinds[k], stores, readers[k], nsec, &sum));
                for (unsigned k = 0; store_kinds[k].name && n_readers > 0; k++) {
                        Crowd crowd = { &store_kinds[k], crowded[k], stores, nsec / 2, false, 0 };

                        sum += run_crowd(&crowd, n_readers);
                }
                printf("}");
        }
        printf("], \"sum\": %" PRIu64 "}\n", sum);

        for (unsigned k = 0; store_kinds[k].name; k++) {
                store_kinds[k].reader_free(readers[k]);
                store_kinds[k].clear(made[k]);
                store_kinds[k].clear(crowded[k]);
        }
        return 0;
}
