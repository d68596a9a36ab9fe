/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LMDB: in the process; the default, in which a commit is on the disk
 *
 * A reader wants what is there now, so its transaction is renewed for each read.
 */

#include "peer.h"

#include <errno.h>
#include <glib.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

#define MAP_BYTES ((size_t) 4 << 30)
#define FILL_KEYS 10000 /* in one transaction */

typedef struct Session {
        PeerPlace place;
        MDB_env *environment;
        MDB_dbi database;
        MDB_txn *reading;
} Session;

static int complain(int error)
{
        if (error == 0)
                return 0;
        fprintf(stderr, "LMDB: %s\n", mdb_strerror(error));
        return error > 0 ? -error : -EIO;
}

static int lmdb_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);
        MDB_txn *transaction;
        int error;

        *ret_session = session;
        session->place = *place;
        error = mdb_env_create(&session->environment);
        if (error == 0)
                error = mdb_env_set_mapsize(session->environment, MAP_BYTES);
        if (error == 0)
                error = mdb_env_open(session->environment, place->where, 0, 0600);
        if (error == 0)
                error = mdb_txn_begin(session->environment, NULL, 0, &transaction);
        if (error == 0)
                error = mdb_dbi_open(transaction, NULL, 0, &session->database);
        if (error == 0)
                error = mdb_txn_commit(transaction);
        if (error == 0)
                error = mdb_txn_begin(session->environment, NULL, MDB_RDONLY, &session->reading);
        if (error != 0)
                return complain(error);

        mdb_txn_reset(session->reading);
        return 0;
}

static int lmdb_read(void *userdata, const char *text, PeerValue *ret_value)
{
        Session *session = userdata;
        MDB_val key = { strlen(text), (void *) (uintptr_t) text }, value;
        int error;

        error = mdb_txn_renew(session->reading);
        if (error == 0)
                error = mdb_get(session->reading, session->database, &key, &value);
        if (error != 0)
                return complain(error);

        *ret_value = (PeerValue){ value.mv_data, value.mv_size };
        mdb_txn_reset(session->reading);
        return 0;
}

static int put(
        Session *session, MDB_txn *transaction, const char *text, const char *bytes, size_t n_bytes)
{
        MDB_val key = { strlen(text), (void *) (uintptr_t) text };
        MDB_val value = { n_bytes, (void *) (uintptr_t) bytes };

        return mdb_put(transaction, session->database, &key, &value, 0);
}

static int lmdb_write(void *userdata, const char *text, const char *bytes, size_t n_bytes)
{
        Session *session = userdata;
        MDB_txn *transaction;
        int error;

        error = mdb_txn_begin(session->environment, NULL, 0, &transaction);
        if (error == 0)
                error = put(session, transaction, text, bytes, n_bytes);
        if (error == 0)
                error = mdb_txn_commit(transaction);
        return complain(error);
}

static int lmdb_fill(void *userdata)
{
        Session *session = userdata;
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        MDB_txn *transaction = NULL;
        int error = 0;

        for (uint32_t i = 0; error == 0 && i < session->place.n_keys; i++) {
                char key[PEER_KEY_SIZE];

                if (i % FILL_KEYS == 0)
                        error = mdb_txn_begin(session->environment, NULL, 0, &transaction);
                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                if (error == 0)
                        error = put(session, transaction, key, value, session->place.value_bytes);
                if (error == 0 &&
                    (i % FILL_KEYS == FILL_KEYS - 1 || i == session->place.n_keys - 1))
                        error = mdb_txn_commit(transaction);
        }
        return complain(error);
}

const Peer peer = {
        .open = lmdb_open,
        .fill = lmdb_fill,
        .read = lmdb_read,
        .write = lmdb_write,
};
