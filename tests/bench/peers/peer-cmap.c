/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corosync's cmap: a map in the memory of corosync, over the shared memory of libqb; never on a disk
 */

#include "peer.h"

#include <corosync/cmap.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>

#define TRIES      100
#define PAUSE_USEC 1000

typedef struct Session {
        PeerPlace place;
        cmap_handle_t handle;
        cmap_track_handle_t track;
        char *value; /* the last one read */
        uint32_t n_told;
} Session;

static int complain(const char *call, cs_error_t error)
{
        if (error == CS_OK)
                return 0;
        fprintf(stderr, "%s: %s\n", call, cs_strerror(error));
        return error == CS_ERR_NOT_EXIST ? -ENOENT : -EIO;
}

static int cmap_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);

        *ret_session = session;
        session->place = *place;
        session->value = g_malloc(place->value_bytes);
        return complain("cmap_initialize", cmap_initialize(&session->handle));
}

static int cmap_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        size_t n_bytes = session->place.value_bytes;
        cmap_value_types_t type;
        cs_error_t error;

        error = cmap_get(session->handle, key, session->value, &n_bytes, &type);
        if (error != CS_OK)
                return complain("cmap_get", error);

        *ret_value = (PeerValue){ session->value, n_bytes };
        return 0;
}

static int cmap_write(void *userdata, const char *key, const char *value, size_t n_bytes)
{
        Session *session = userdata;
        cs_error_t error = CS_ERR_TRY_AGAIN;

        for (int i = 0; error == CS_ERR_TRY_AGAIN && i < TRIES; i++) {
                if (i > 0)
                        g_usleep(PAUSE_USEC);
                error = cmap_set(session->handle, key, value, n_bytes, CMAP_VALUETYPE_BINARY);
        }
        return complain("cmap_set", error);
}

static int cmap_fill(void *userdata)
{
        Session *session = userdata;
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < session->place.n_keys; i++) {
                char key[PEER_KEY_SIZE];

                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                r = cmap_write(session, key, value, session->place.value_bytes);
        }
        return r;
}

static void on_changed(cmap_handle_t handle,
                       cmap_track_handle_t track,
                       int32_t event,
                       const char *key,
                       struct cmap_notify_value value,
                       struct cmap_notify_value previous,
                       void *userdata)
{
        Session *session = userdata;

        (void) handle;
        (void) track;
        (void) event;
        (void) key;
        (void) previous;
        if (value.len == session->place.value_bytes)
                session->n_told++;
}

static int cmap_watch(void *userdata)
{
        Session *session = userdata;

        return complain("cmap_track_add",
                        cmap_track_add(session->handle, "bench/",
                                       CMAP_TRACK_ADD | CMAP_TRACK_MODIFY | CMAP_TRACK_PREFIX,
                                       on_changed, session, &session->track));
}

static int cmap_await(void *userdata)
{
        Session *session = userdata;

        while (session->n_told == 0) {
                cs_error_t error = cmap_dispatch(session->handle, CS_DISPATCH_ONE);

                if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
                        return complain("cmap_dispatch", error);
        }
        session->n_told--;
        return 0;
}

const Peer peer = {
        .open = cmap_open,
        .fill = cmap_fill,
        .read = cmap_read,
        .write = cmap_write,
        .watch = cmap_watch,
        .await = cmap_await,
};
