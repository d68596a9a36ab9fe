/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regent's view: a namespace in shared memory, read in place
 *
 * Each read looks whether the view is still followed, and opens the next one when it is not. Who waits for changes
 * is woken without being told of which key, and reads one. What changes is written over the bus, by peer-regent.c.
 */

#include "bus.h"
#include "client/regent-names.h"
#include "client/view-reader.h"
#include "entry-text.h"
#include "peer.h"
#include "regent-place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TRIES      2000 /* of opening a view that is being made */
#define PAUSE_USEC 5000

#define PATIENCE_USEC (UINT64_C(3600) * 1000000)

typedef struct Session {
        PeerPlace place;
        sd_bus *bus;
        ViewReader reader;
        uint64_t revision; /* the last one seen, when waiting */
        char key[PEER_KEY_SIZE];
} Session;

static int open_view(Session *session)
{
        g_autofree char *ns_name = regent_place_namespace(&session->place);
        char path[ENTRY_TEXT_PATH_SIZE];
        int fd, r;

        entry_text_path(path, ns_name);
        for (int i = 0; i < TRIES; i++) {
                g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
                g_autoptr(sd_bus_message) reply = NULL;

                r = sd_bus_call_method(session->bus, REGENT_BUS_NAME, path,
                                       REGENT_NAMESPACE_INTERFACE, "OpenView", &error, &reply,
                                       "a{sv}", 0);
                if (r >= 0) {
                        r = sd_bus_message_read(reply, "h", &fd);
                        return r < 0 ? r : view_reader_open(&session->reader, fd);
                }
                if (!sd_bus_error_has_name(&error, REGENT_ERROR_BUSY)) {
                        fprintf(stderr, "OpenView: %s\n", error.message);
                        return r;
                }
                g_usleep(PAUSE_USEC);
        }
        return -EBUSY;
}

static int regent_view_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);
        int r;

        *ret_session = session;
        session->place = *place;
        peer_make_key(session->key, 0);
        r = bus_open(&session->bus, place->where);
        return r < 0 ? r : open_view(session);
}

static int follow(Session *session)
{
        if (G_LIKELY(view_reader_state(&session->reader) == REGENT_VIEW_LIVE))
                return 0;

        view_reader_close(&session->reader);
        return open_view(session);
}

static int regent_view_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        ViewEntry entry;
        int r;

        r = follow(session);
        if (r == 0)
                r = view_reader_get(&session->reader, key, strlen(key), &entry);
        if (r < 0)
                return r;
        if (entry.type_bytes != 1 || view_entry_type(&entry)[0] != 's')
                return -EMEDIUMTYPE;

        *ret_value = (PeerValue){ entry.value, entry.value_bytes - 1 };
        return 0;
}

static int regent_view_watch(void *userdata)
{
        Session *session = userdata;

        session->revision = view_reader_revision(&session->reader);
        return 0;
}

/* Sleeps until there is a later revision, in this view or in the next. */
static int regent_view_await(void *userdata)
{
        Session *session = userdata;
        PeerValue value;
        int r = 0;

        while (r == 0 && view_reader_revision(&session->reader) == session->revision) {
                uint32_t sequence = view_reader_sequence(&session->reader);

                /* Looked at again, as it may have come before the sequence was read. */
                if (view_reader_revision(&session->reader) == session->revision)
                        r = view_reader_wait(&session->reader, sequence, PATIENCE_USEC);
                if (r == 0)
                        r = follow(session);
        }
        if (r < 0)
                return r;

        session->revision = view_reader_revision(&session->reader);
        return regent_view_read(session, session->key, &value);
}

const Peer peer = {
        .open = regent_view_open,
        .read = regent_view_read,
        .watch = regent_view_watch,
        .await = regent_view_await,
};
