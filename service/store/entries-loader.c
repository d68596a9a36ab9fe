/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries loader
 *
 * Batches go round in a ring: what has been loaded is emptied when its turn comes to be filled again, so
 * memory is allocated and freed by one thread. There is a thread only once there is a whole batch.
 */

#include "store/entries-loader.h"

#include <pthread.h>
#include <stdbool.h>

#define BATCHES           4u
#define BATCH_ENTRIES_MIN 1024u
#define FETCHED_AHEAD     16u
#define BATCH_BYTES_MIN   ((size_t) 256 << 10)

struct EntriesLoader {
        State *state;
        EntriesBatch batches[BATCHES];
        EntryPool pool;
        GThread *thread; /* NULL: none yet */
        bool is_alone;   /* there can be none */

        pthread_mutex_t lock;
        pthread_cond_t changed; /* one of these */
        uint64_t n_filled, n_loaded;
        bool is_ended;
};

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

EntriesLoader *entries_loader_new(State *state)
{
        EntriesLoader *loader = g_new(EntriesLoader, 1);

        *loader = (EntriesLoader){ .state = state };
        pthread_mutex_init(&loader->lock, NULL);
        pthread_cond_init(&loader->changed, NULL);
        for (size_t i = 0; i < BATCHES; i++)
                loader->batches[i] = (EntriesBatch){
                        .runs = g_array_new(FALSE, FALSE, sizeof(EntriesRun)),
                        .entries = g_ptr_array_new_with_free_func(entry_destroy),
                };
        return loader;
}

/* What is left in it is what the state did not take. */
static void batch_empty(EntriesBatch *batch, EntryPool *pool)
{
        for (guint i = 0; i < batch->entries->len; i++) {
                if (i + FETCHED_AHEAD < batch->entries->len)
                        __builtin_prefetch(batch->entries->pdata[i + FETCHED_AHEAD]);
                entry_pool_give(pool, g_steal_pointer(&batch->entries->pdata[i]));
        }
        g_ptr_array_set_size(batch->entries, 0);
        g_array_set_size(batch->runs, 0);
        batch->n_bytes = 0;
}

static void batch_load(EntriesBatch *batch, State *state)
{
        guint begin = 0;

        for (guint i = 0; i < batch->runs->len; i++) {
                const EntriesRun *run = &g_array_index(batch->runs, EntriesRun, i);

                if (run->ns)
                        state_load_entries(state, run->ns, (Entry **) batch->entries->pdata + begin,
                                           run->end - begin);
                begin = run->end;
        }
}

static gpointer work(gpointer userdata)
{
        EntriesLoader *loader = userdata;

        pthread_mutex_lock(&loader->lock);
        for (;;) {
                if (loader->n_loaded < loader->n_filled) {
                        EntriesBatch *batch = &loader->batches[loader->n_loaded % BATCHES];

                        pthread_mutex_unlock(&loader->lock);
                        batch_load(batch, loader->state);
                        pthread_mutex_lock(&loader->lock);
                        loader->n_loaded++;
                        pthread_cond_signal(&loader->changed);
                } else if (loader->is_ended) {
                        break;
                } else
                        pthread_cond_wait(&loader->changed, &loader->lock);
        }
        pthread_mutex_unlock(&loader->lock);
        return NULL;
}

EntriesLoader *entries_loader_free(EntriesLoader *loader)
{
        if (!loader)
                return NULL;

        if (loader->thread) {
                pthread_mutex_lock(&loader->lock);
                loader->is_ended = true;
                pthread_cond_signal(&loader->changed);
                pthread_mutex_unlock(&loader->lock);
                g_thread_join(loader->thread);
        }
        for (size_t i = 0; i < BATCHES; i++) {
                g_array_unref(loader->batches[i].runs);
                g_ptr_array_unref(loader->batches[i].entries);
        }
        entry_pool_clear(&loader->pool);
        pthread_cond_destroy(&loader->changed);
        pthread_mutex_destroy(&loader->lock);
        g_free(loader);
        return NULL;
}

EntriesBatch *entries_loader_batch(EntriesLoader *loader)
{
        return &loader->batches[loader->n_filled % BATCHES];
}

EntryPool *entries_loader_pool(EntriesLoader *loader)
{
        return &loader->pool;
}

/* Hands over what is filled, and waits until no more than @n_left_max are not loaded. */
static void hand_over(EntriesLoader *loader, uint64_t n_left_max)
{
        pthread_mutex_lock(&loader->lock);
        loader->n_filled++;
        pthread_cond_signal(&loader->changed);
        while (loader->n_filled - loader->n_loaded > n_left_max)
                pthread_cond_wait(&loader->changed, &loader->lock);
        pthread_mutex_unlock(&loader->lock);
        batch_empty(entries_loader_batch(loader), &loader->pool);
}

static void load_alone(EntriesLoader *loader)
{
        EntriesBatch *batch = entries_loader_batch(loader);

        batch_load(batch, loader->state);
        batch_empty(batch, &loader->pool);
}

void entries_loader_poke(EntriesLoader *loader)
{
        const EntriesBatch *batch = entries_loader_batch(loader);

        if (batch->entries->len < BATCH_ENTRIES_MIN && batch->n_bytes < BATCH_BYTES_MIN)
                return;

        if (!loader->thread && !loader->is_alone) {
                loader->thread = g_thread_try_new("loader", work, loader, NULL);
                loader->is_alone = !loader->thread;
        }
        if (loader->is_alone)
                load_alone(loader);
        else
                hand_over(loader, BATCHES - 1);
}

void entries_loader_flush(EntriesLoader *loader)
{
        if (loader->thread)
                hand_over(loader, 0);
        else
                load_alone(loader);
}
