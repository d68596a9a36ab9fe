/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view-stores.h"

#include "client/view-reader.h"
#include "view/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_LMDB
#include <lmdb.h>
#endif

#define SLACK_MIN ((size_t) 2 << 20) /* that regentd gives to what is written quickly */

Stores *stores_new(uint32_t n_keys, size_t value_bytes)
{
        Stores *stores = g_new(Stores, 1);

        *stores = (Stores){ .n_keys = n_keys,
                            .value_bytes = value_bytes,
                            .keys = g_new(KeyText, n_keys),
                            .order = g_new(uint32_t, ORDER_MASK + 1) };
        for (uint32_t i = 0; i < n_keys; i++)
                entry_text_key(stores->keys[i], i);
        for (uint32_t i = 0; i <= ORDER_MASK; i++)
                stores->order[i] = (uint32_t) g_random_int_range(0, (gint32) n_keys);
        stores->key_bytes = strlen(stores->keys[0]);
        return stores;
}

Stores *stores_free(Stores *stores)
{
        if (!stores)
                return NULL;

        g_free(stores->keys);
        g_free(stores->order);
        g_free(stores);
        return NULL;
}

static void look_at_nothing(void *reader)
{
        (void) reader;
}

/* a view: a full one is followed by the next, as in regentd */

typedef struct ViewStore {
        const Stores *stores;
        Generation *generation;
        pthread_mutex_t mutex; /* over the next */
        int fd;
        uint64_t revision;
        GVariant *value;
} ViewStore;

typedef struct ViewStoreReader {
        ViewReader reader;
        ViewStore *store;
        size_t key_bytes;
} ViewStoreReader;

static bool view_put(ViewStore *store, Generation *generation, uint32_t i)
{
        g_autoptr(Entry) entry = entry_new(store->stores->keys[i], store->value, ENTRY_PERSISTENT);

        entry->revision = ++store->revision;
        return generation_put(generation, entry) == 0 &&
               generation_publish(generation, store->revision) == 0;
}

static Generation *view_fill(ViewStore *store)
{
        const Stores *stores = store->stores;
        uint64_t n_bytes = (stores->value_bytes + 128) * stores->n_keys;
        const GenerationShape shape = { stores->n_keys, n_bytes + MAX(n_bytes / 2, SLACK_MIN) };
        Generation *generation;

        g_assert(generation_new(&generation, &shape, 1) == 0);
        for (uint32_t i = 0; i < stores->n_keys; i++)
                g_assert(view_put(store, generation, i));
        return generation;
}

static void *view_make(const Stores *stores)
{
        g_autofree char *bytes = g_malloc0(stores->value_bytes);
        ViewStore *store = g_new(ViewStore, 1);

        *store = (ViewStore){ .stores = stores, .mutex = PTHREAD_MUTEX_INITIALIZER };
        store->value = g_variant_ref_sink(
                g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, stores->value_bytes, 1));
        store->generation = view_fill(store);
        store->fd = generation_open_reader(store->generation);
        return store;
}

static void view_clear(void *userdata)
{
        ViewStore *store = userdata;

        (void) close(store->fd);
        generation_free(store->generation);
        g_variant_unref(store->value);
        g_free(store);
}

static void view_open(ViewStoreReader *reader)
{
        (void) pthread_mutex_lock(&reader->store->mutex);
        g_assert(view_reader_open(&reader->reader, reader->store->fd) == 0);
        (void) pthread_mutex_unlock(&reader->store->mutex);
}

static void *view_reader(void *userdata)
{
        ViewStoreReader *reader = g_new0(ViewStoreReader, 1);

        reader->store = userdata;
        reader->key_bytes = reader->store->stores->key_bytes;
        view_open(reader);
        return reader;
}

static void view_reader_free(void *userdata)
{
        ViewStoreReader *reader = userdata;

        view_reader_close(&reader->reader);
        g_free(reader);
}

static void view_look(void *userdata)
{
        ViewStoreReader *reader = userdata;

        if (view_reader_state(&reader->reader) == REGENT_VIEW_LIVE)
                return;
        view_reader_close(&reader->reader);
        view_open(reader);
}

static void view_read(void *userdata, const char *key, uint64_t *sum)
{
        const ViewStoreReader *reader = userdata;
        ViewEntry entry;

        if (view_reader_get(&reader->reader, key, reader->key_bytes, &entry) == 0)
                *sum += *(const uint8_t *) entry.value + 1u;
}

static void view_write(void *userdata, uint32_t i)
{
        ViewStore *store = userdata;
        Generation *before = store->generation;

        if (view_put(store, before, i))
                return;

        store->generation = view_fill(store);
        (void) pthread_mutex_lock(&store->mutex);
        (void) close(store->fd);
        store->fd = generation_open_reader(store->generation);
        (void) pthread_mutex_unlock(&store->mutex);
        generation_retire(before, REGENT_VIEW_FULL);
        generation_free(before);
}

/* bare: a table of places in one piece of shared memory, and nothing that is checked; values are overwritten */

typedef struct BareStore {
        const Stores *stores;
        uint64_t *table;
        uint64_t mask;
        char *records; /* key, NUL, value */
        size_t record_bytes;
        size_t key_bytes;
} BareStore;

static void *shared_memory(size_t n_bytes)
{
        void *memory =
                mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        g_assert(memory != MAP_FAILED);
        return memory;
}

static void *bare_make(const Stores *stores)
{
        BareStore *store = g_new(BareStore, 1);
        uint64_t n_slots = 16;

        while (n_slots / 3 < stores->n_keys) /* as full as a view's */
                n_slots *= 2;
        *store = (BareStore){ .stores = stores,
                              .mask = n_slots - 1,
                              .key_bytes = stores->key_bytes };
        store->table = shared_memory(n_slots * 8);
        store->record_bytes = (ENTRY_TEXT_KEY_SIZE + stores->value_bytes + 7) & ~(size_t) 7;
        store->records = shared_memory(store->record_bytes * (stores->n_keys + 1));
        for (uint32_t i = 0; i < stores->n_keys; i++) {
                uint64_t at = regent_view_hash(1, stores->keys[i], store->key_bytes);

                while (store->table[at & store->mask] != 0)
                        at++;
                store->table[at & store->mask] = i + 1;
                memcpy(store->records + store->record_bytes * (i + 1), stores->keys[i],
                       ENTRY_TEXT_KEY_SIZE);
        }
        return store;
}

static void bare_clear(void *userdata)
{
        BareStore *store = userdata;

        (void) munmap(store->table, (store->mask + 1) * 8);
        (void) munmap(store->records, store->record_bytes * (store->stores->n_keys + 1));
        g_free(store);
}

static void *bare_reader(void *store)
{
        return store;
}

static void bare_read(void *userdata, const char *key, uint64_t *sum)
{
        const BareStore *store = userdata;
        uint64_t at = regent_view_hash(1, key, store->key_bytes);

        for (; store->table[at & store->mask] != 0; at++) {
                const char *record =
                        store->records + store->record_bytes * store->table[at & store->mask];

                if (memcmp(record, key, store->key_bytes) == 0 &&
                    record[store->key_bytes] == '\0') {
                        *sum += *(const uint8_t *) (record + ENTRY_TEXT_KEY_SIZE) + 1u;
                        return;
                }
        }
}

static void bare_write(void *userdata, uint32_t i)
{
        const BareStore *store = userdata;

        memset(store->records + store->record_bytes * (i + 1) + ENTRY_TEXT_KEY_SIZE, 0,
               store->stores->value_bytes);
}

/* LMDB: a transaction is renewed for each read, as one does who wants what is there now */

#ifdef HAVE_LMDB
typedef struct LmdbStore {
        const Stores *stores;
        MDB_env *environment;
        MDB_dbi database;
        char *value;
        char directory[32];
} LmdbStore;

typedef struct LmdbReader {
        const LmdbStore *store;
        MDB_txn *transaction;
        size_t key_bytes;
} LmdbReader;

static void lmdb_put(LmdbStore *store, MDB_txn *transaction, uint32_t i)
{
        MDB_val key = { store->stores->key_bytes, (void *) store->stores->keys[i] };
        MDB_val value = { store->stores->value_bytes, store->value };

        g_assert(mdb_put(transaction, store->database, &key, &value, 0) == 0);
}

static void *lmdb_make(const Stores *stores)
{
        LmdbStore *store = g_new(LmdbStore, 1);
        MDB_txn *transaction;

        *store = (LmdbStore){ .stores = stores, .value = g_malloc0(stores->value_bytes) };
        (void) snprintf(store->directory, sizeof store->directory, "/tmp/bench-view-XXXXXX");
        g_assert(mkdtemp(store->directory));
        g_assert(mdb_env_create(&store->environment) == 0);
        g_assert(mdb_env_set_mapsize(store->environment, (size_t) 1 << 30) == 0);
        g_assert(mdb_env_open(store->environment, store->directory, MDB_NOSYNC | MDB_NOTLS, 0600) ==
                 0);
        g_assert(mdb_txn_begin(store->environment, NULL, 0, &transaction) == 0);
        g_assert(mdb_dbi_open(transaction, NULL, 0, &store->database) == 0);
        for (uint32_t i = 0; i < stores->n_keys; i++)
                lmdb_put(store, transaction, i);
        g_assert(mdb_txn_commit(transaction) == 0);
        return store;
}

static void lmdb_clear(void *userdata)
{
        static const char *const names[] = { "data.mdb", "lock.mdb" };
        LmdbStore *store = userdata;

        mdb_env_close(store->environment);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(store->directory, names[i], NULL);

                (void) unlink(path);
        }
        (void) rmdir(store->directory);
        g_free(store->value);
        g_free(store);
}

static void *lmdb_reader(void *userdata)
{
        LmdbReader *reader = g_new(LmdbReader, 1);

        *reader = (LmdbReader){ .store = userdata };
        reader->key_bytes = reader->store->stores->key_bytes;
        g_assert(mdb_txn_begin(reader->store->environment, NULL, MDB_RDONLY,
                               &reader->transaction) == 0);
        mdb_txn_reset(reader->transaction);
        return reader;
}

static void lmdb_reader_free(void *userdata)
{
        LmdbReader *reader = userdata;

        mdb_txn_abort(reader->transaction);
        g_free(reader);
}

static void lmdb_read(void *userdata, const char *text, uint64_t *sum)
{
        const LmdbReader *reader = userdata;
        MDB_val key = { reader->key_bytes, (void *) (uintptr_t) text }, value;

        g_assert(mdb_txn_renew(reader->transaction) == 0);
        if (mdb_get(reader->transaction, reader->store->database, &key, &value) == 0)
                *sum += *(const uint8_t *) value.mv_data + 1u;
        mdb_txn_reset(reader->transaction);
}

static void lmdb_write(void *userdata, uint32_t i)
{
        LmdbStore *store = userdata;
        MDB_txn *transaction;

        g_assert(mdb_txn_begin(store->environment, NULL, 0, &transaction) == 0);
        lmdb_put(store, transaction, i);
        g_assert(mdb_txn_commit(transaction) == 0);
}
#endif

const StoreKind store_kinds[] = {
        { "view", view_make, view_clear, view_reader, view_reader_free, view_look, view_read,
          view_write },
        { "bare", bare_make, bare_clear, bare_reader, look_at_nothing, look_at_nothing, bare_read,
          bare_write },
#ifdef HAVE_LMDB
        { "lmdb", lmdb_make, lmdb_clear, lmdb_reader, lmdb_reader_free, look_at_nothing, lmdb_read,
          lmdb_write },
#endif
        {},
};
