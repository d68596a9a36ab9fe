/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite: in the process; WAL and synchronous=FULL, with which a commit is on the disk
 *
 * The table is as SQLite's documentation advises: without row ids where rows are small.
 */

#include "peer.h"

#include <errno.h>
#include <glib.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MSEC 20000
#define SMALL_BYTES   200

typedef struct Session {
        PeerPlace place;
        sqlite3 *database;
        sqlite3_stmt *select, *replace;
        char *value;
} Session;

static int complain(Session *session, int status)
{
        if (status == SQLITE_OK || status == SQLITE_DONE)
                return 0;
        fprintf(stderr, "SQLite: %s\n", sqlite3_errmsg(session->database));
        return -EIO;
}

static int run(Session *session, const char *text)
{
        return complain(session, sqlite3_exec(session->database, text, NULL, NULL, NULL));
}

static int sqlite_open(void **ret_session, const PeerPlace *place)
{
        g_autofree char *path = g_build_filename(place->where, "bench.sqlite", NULL);
        Session *session = g_new0(Session, 1);
        int r;

        *ret_session = session;
        session->place = *place;
        session->value = g_malloc(place->value_bytes);
        r = complain(session, sqlite3_open(path, &session->database));
        if (r == 0)
                r = complain(session, sqlite3_busy_timeout(session->database, PATIENCE_MSEC));
        if (r == 0)
                r = run(session, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
        if (r == 0)
                r = run(session,
                        place->value_bytes <= SMALL_BYTES
                                ? "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT) "
                                  "WITHOUT ROWID"
                                : "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT)");
        if (r == 0)
                r = complain(session, sqlite3_prepare_v2(session->database,
                                                         "SELECT value FROM entries WHERE key = ?",
                                                         -1, &session->select, NULL));
        if (r == 0)
                r = complain(session,
                             sqlite3_prepare_v2(session->database,
                                                "INSERT OR REPLACE INTO entries VALUES (?, ?)", -1,
                                                &session->replace, NULL));
        return r;
}

/* The row is copied and let go: a read transaction that stays keeps the log from being begun anew. */
static int sqlite_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;

        (void) sqlite3_bind_text(session->select, 1, key, -1, SQLITE_STATIC);
        if (sqlite3_step(session->select) != SQLITE_ROW)
                return complain(session, SQLITE_ERROR);

        ret_value->n_bytes =
                MIN((size_t) sqlite3_column_bytes(session->select, 0), session->place.value_bytes);
        memcpy(session->value, sqlite3_column_text(session->select, 0), ret_value->n_bytes);
        ret_value->bytes = session->value;
        (void) sqlite3_reset(session->select);
        return 0;
}

static int sqlite_write(void *userdata, const char *key, const char *value, size_t n_bytes)
{
        Session *session = userdata;
        int r;

        (void) sqlite3_bind_text(session->replace, 1, key, -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(session->replace, 2, value, (int) n_bytes, SQLITE_STATIC);
        r = complain(session, sqlite3_step(session->replace));
        (void) sqlite3_reset(session->replace);
        return r;
}

static int sqlite_fill(void *userdata)
{
        Session *session = userdata;
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        int r;

        r = run(session, "BEGIN");
        for (uint32_t i = 0; r == 0 && i < session->place.n_keys; i++) {
                char key[PEER_KEY_SIZE];

                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                r = sqlite_write(session, key, value, session->place.value_bytes);
        }
        if (r == 0)
                r = run(session, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
        return r;
}

const Peer peer = {
        .open = sqlite_open,
        .fill = sqlite_fill,
        .read = sqlite_read,
        .write = sqlite_write,
};
