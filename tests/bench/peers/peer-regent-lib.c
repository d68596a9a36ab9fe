/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regent, as a program does that uses libregent: reads in a view, calls over the channel
 *
 * The variant is that of regent-place.h. With "runtime" it writes runtime entries, which are on no disk; */

#include "client/regent.h"
#include "peer.h"
#include "regent-place.h"

#include <stdio.h>
#include <string.h>

#define FILL_BYTES (UINT32_C(1) << 20) /* of one commit */
#define FILL_KEYS  4000

typedef struct Session {
        PeerPlace place;
        bool is_runtime;
        Regent *regent;
        char *ns_name;
        RegentView *view; /* opened by the first read: who writes needs none */
        RegentWatch *watch;
        bool is_live;
        uint32_t n_told;
        uint32_t n_under_way;
        int error; /* of what was under way, or of the watch */
} Session;

static int complain(const Session *session, int r)
{
        if (r < 0)
                fprintf(stderr, "libregent: %s: %s\n", regent_error_name(session->regent),
                        regent_error_text(session->regent));
        return r;
}

static int regent_lib_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);

        *ret_session = session;
        session->place = *place;
        session->is_runtime = regent_place_has(place, "runtime");
        session->ns_name = regent_place_namespace(place);
        session->regent = regent_new();
        regent_set_address(session->regent, place->where);
        return complain(session, regent_open(session->regent));
}

static int regent_lib_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        const char *value;
        int r = 0;

        if (!session->view)
                r = regent_view_open(session->regent, session->ns_name, &session->view);
        if (r == 0 && regent_view_is_stale(session->view))
                r = regent_view_refresh(session->view);
        if (r == 0)
                r = regent_view_get_string(session->view, key, &value);
        if (r < 0)
                return complain(session, r);

        *ret_value = (PeerValue){ value, strlen(value) };
        return 0;
}

/* Set, or where the class has to be said, a change set. */
static RegentChange *new_change(const Session *session)
{
        RegentChange *change = regent_change_new();

        if (session->is_runtime)
                regent_change_set_class(change, session->ns_name, NULL, "runtime");
        return change;
}

static int regent_lib_write(void *userdata,
                            const char *key,
                            const char *value,
                            size_t n_bytes G_GNUC_UNUSED)
{
        g_autoptr(RegentChange) change = NULL;
        Session *session = userdata;

        if (!session->is_runtime)
                return complain(session, regent_set(session->regent, session->ns_name, key,
                                                    g_variant_new_string(value), NULL));

        change = new_change(session);
        regent_change_set(change, session->ns_name, key, g_variant_new_string(value));
        return complain(session, regent_change_apply(session->regent, change, 0, NULL, NULL));
}

static int fill_some(Session *session, uint32_t first, uint32_t n)
{
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        g_autoptr(RegentChange) change = new_change(session);

        for (uint32_t i = first; i < first + n; i++) {
                char key[PEER_KEY_SIZE];

                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                regent_change_set(change, session->ns_name, key, g_variant_new_string(value));
        }
        return complain(session, regent_change_apply(session->regent, change, 0, NULL, NULL));
}

static int regent_lib_fill(void *userdata)
{
        Session *session = userdata;
        uint32_t n_together;
        int r;

        r = complain(session, regent_create_namespace(session->regent, session->ns_name, NULL));
        n_together = CLAMP(FILL_BYTES / (uint32_t) session->place.value_bytes, 1, FILL_KEYS);
        for (uint32_t i = 0; r >= 0 && i < session->place.n_keys; i += n_together)
                r = fill_some(session, i, MIN(n_together, session->place.n_keys - i));
        return r;
}

static void on_written(Regent *regent G_GNUC_UNUSED,
                       int result,
                       GVariant *reply G_GNUC_UNUSED,
                       void *userdata)
{
        Session *session = userdata;

        session->n_under_way--;
        if (result < 0)
                session->error = complain(session, result);
}

static int begin_write(Session *session, const char *key, const char *value)
{
        g_autoptr(RegentChange) change = NULL;

        if (!session->is_runtime)
                return regent_set_async(session->regent, session->ns_name, key,
                                        g_variant_new_string(value), on_written, session, NULL);

        change = new_change(session);
        regent_change_set(change, session->ns_name, key, g_variant_new_string(value));
        return regent_change_apply_async(session->regent, change, 0, on_written, session, NULL);
}

static int regent_lib_write_begin(void *userdata,
                                  const char *key,
                                  const char *value,
                                  size_t n_bytes G_GNUC_UNUSED)
{
        Session *session = userdata;
        int r;

        r = begin_write(session, key, value);
        if (r == 0)
                session->n_under_way++;
        return complain(session, r);
}

static int regent_lib_write_wait(void *userdata, uint32_t n)
{
        Session *session = userdata;
        int r = 0;

        while (r == 0 && session->error == 0 && session->n_under_way > n)
                r = regent_wait(session->regent, UINT64_MAX);
        return r < 0 ? r : session->error;
}

static void on_event(RegentWatch *watch G_GNUC_UNUSED,
                     const RegentWatchEvent *event,
                     void *userdata)
{
        Session *session = userdata;

        if (event->kind == REGENT_WATCH_LIVE)
                session->is_live = true;
        else if (event->kind == REGENT_WATCH_ENDED)
                session->error = complain(session, event->result);
        else if (event->kind == REGENT_WATCH_CHANGE && g_variant_n_children(event->values) == 1) {
                g_autoptr(GVariant) value = NULL;
                const char *key;

                g_variant_get_child(event->values, 0, "{&sv}", &key, &value);
                if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                        session->n_told++;
        }
}

static int regent_lib_watch(void *userdata)
{
        Session *session = userdata;
        int r;

        session->watch = regent_watch_new(session->regent, session->ns_name, on_event, session);
        r = regent_watch_start(session->watch);
        while (r == 0 && session->error == 0 && !session->is_live)
                r = regent_wait(session->regent, UINT64_MAX);
        return r < 0 ? r : session->error;
}

static int regent_lib_await(void *userdata)
{
        Session *session = userdata;
        int r = 0;

        while (r == 0 && session->error == 0 && session->n_told == 0)
                r = regent_wait(session->regent, UINT64_MAX);
        if (r == 0 && session->error == 0)
                session->n_told--;
        return r < 0 ? r : session->error;
}

const Peer peer = {
        .open = regent_lib_open,
        .fill = regent_lib_fill,
        .read = regent_lib_read,
        .write = regent_lib_write,
        .write_begin = regent_lib_write_begin,
        .write_wait = regent_lib_write_wait,
        .watch = regent_lib_watch,
        .await = regent_lib_await,
};
