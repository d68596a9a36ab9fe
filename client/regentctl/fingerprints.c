/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fingerprints
 */

#include "fingerprints.h"

#include <string.h>

#define DIGEST_BYTES 32

typedef struct Fingerprint {
        guint8 digest[DIGEST_BYTES];
        guint generation; /* of when it was set last */
} Fingerprint;

struct Fingerprints {
        GHashTable *keys; /* char * -> Fingerprint */
        guint generation;
};

Fingerprints *fingerprints_new(void)
{
        Fingerprints *fingerprints = g_new0(Fingerprints, 1);

        fingerprints->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return fingerprints;
}

Fingerprints *fingerprints_free(Fingerprints *fingerprints)
{
        if (!fingerprints)
                return NULL;

        g_hash_table_unref(fingerprints->keys);
        g_free(fingerprints);
        return NULL;
}

/* Of type and bits; values of the bus are in normal form. */
static void fill_digest(GVariant *value, guint8 *digest)
{
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        const char *type = g_variant_get_type_string(value);
        gsize n_bytes = DIGEST_BYTES;

        g_checksum_update(checksum, (const guchar *) type, (gssize) strlen(type) + 1);
        g_checksum_update(checksum, g_variant_get_data(value), (gssize) g_variant_get_size(value));
        g_checksum_get_digest(checksum, digest, &n_bytes);
}

bool fingerprints_set(Fingerprints *fingerprints, const char *key, GVariant *value)
{
        g_autoptr(GVariant) normal = g_variant_get_normal_form(value);
        Fingerprint *known = g_hash_table_lookup(fingerprints->keys, key);
        guint8 digest[DIGEST_BYTES];
        bool is_news;

        fill_digest(normal, digest);
        is_news = !known || memcmp(known->digest, digest, DIGEST_BYTES) != 0;
        if (!known) {
                known = g_new0(Fingerprint, 1);
                g_hash_table_insert(fingerprints->keys, g_strdup(key), known);
        }
        memcpy(known->digest, digest, DIGEST_BYTES);
        known->generation = fingerprints->generation;
        return is_news;
}

bool fingerprints_unset(Fingerprints *fingerprints, const char *key)
{
        return g_hash_table_remove(fingerprints->keys, key);
}

void fingerprints_begin(Fingerprints *fingerprints)
{
        fingerprints->generation++;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *fingerprints_end(Fingerprints *fingerprints)
{
        GPtrArray *gone = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iterator;
        gpointer key, known;

        g_hash_table_iter_init(&iterator, fingerprints->keys);
        while (g_hash_table_iter_next(&iterator, &key, &known)) {
                if (((const Fingerprint *) known)->generation == fingerprints->generation)
                        continue;
                g_ptr_array_add(gone, g_strdup(key));
                g_hash_table_iter_remove(&iterator);
        }
        g_ptr_array_sort(gone, compare_keys);
        return gone;
}
