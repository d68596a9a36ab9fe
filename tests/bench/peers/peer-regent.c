/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regent: over the bus, or over a channel, as a program does that uses sd-bus; or, with the variant "bare", what
 * answers like it and does nothing: see bare-service.c
 *
 * The variant is that of regent-place.h. With "runtime" it writes runtime entries, which are on no
 * disk. Each call is made and answered as any program would do it.
 */

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"
#include "peer.h"
#include "regent-place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FILL_BYTES (UINT32_C(1) << 20) /* of one commit */
#define FILL_KEYS  4000
#define PATIENCE   (PEER_PATIENCE_SEC * UINT64_C(1000000))
#define NO_TIMEOUT UINT64_MAX

typedef struct Session {
        PeerPlace place;
        sd_bus *bus;       /* calls go here */
        sd_bus *system;    /* a channel lasts as long as the connection it came from */
        const char *class; /* NULL: Set */
        char *ns_name;
        char path[ENTRY_TEXT_PATH_SIZE];
        sd_bus_message *reply; /* of the last read */
        uint32_t n_told;
        uint32_t n_under_way;
        int error; /* of one that was under way */
} Session;

/* Another end of the same objects: no daemon in between, and no names. */
static int open_channel(Session *session)
{
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus) channel = NULL;
        int fd, own, r;

        r = sd_bus_call_method(session->system, REGENT_BUS_NAME, REGENT_PATH,
                               REGENT_MANAGER_INTERFACE, "Connect", &error, &reply, "a{sv}", 0);
        if (r < 0) {
                fprintf(stderr, "Connect: %s\n", error.message);
                return r;
        }
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
                return -errno;

        r = sd_bus_new(&channel);
        if (r >= 0)
                r = sd_bus_set_fd(channel, own, own);
        if (r >= 0)
                r = sd_bus_start(channel);
        if (r < 0)
                return r;

        session->bus = g_steal_pointer(&channel);
        return 0;
}

static int open_bare(Session *session, const char *path)
{
        g_autofree char *address = g_strconcat("unix:path=", path, NULL);
        int r;

        r = sd_bus_new(&session->bus);
        if (r >= 0)
                r = sd_bus_set_address(session->bus, address);
        if (r >= 0)
                r = sd_bus_start(session->bus);
        return r < 0 ? r : 0;
}

static int regent_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);
        int r;

        *ret_session = session;
        session->place = *place;
        session->class = regent_place_has(place, "runtime") ? "runtime" : NULL;
        session->ns_name = regent_place_namespace(place);
        entry_text_path(session->path, session->ns_name);
        if (regent_place_has(place, "bare"))
                return open_bare(session, place->where);

        r = bus_open(&session->system, place->where);
        if (r < 0)
                return r;

        if (regent_place_has(place, "channel"))
                return open_channel(session);
        session->bus = sd_bus_ref(session->system);
        return 0;
}

static int new_call(Session *session, sd_bus_message **ret_call, const char *member)
{
        return sd_bus_message_new_method_call(session->bus, ret_call, REGENT_BUS_NAME,
                                              session->path, REGENT_NAMESPACE_INTERFACE, member);
}

static int regent_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        g_autoptr(sd_bus_message) call = NULL;
        const char *value;
        int r;

        session->reply = sd_bus_message_unref(session->reply);
        r = new_call(session, &call, "Get");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = bus_call(session->bus, call, &session->reply);
        if (r >= 0)
                r = sd_bus_message_read(session->reply, "v", "s", &value);
        if (r < 0)
                return r;

        *ret_value = (PeerValue){ value, strlen(value) };
        return 0;
}

/* Set, or where the class has to be said, Apply. */
static int new_write(Session *session,
                     sd_bus_message **ret_call,
                     const char *key,
                     const char *value)
{
        int r;

        r = new_call(session, ret_call, session->class ? "Apply" : "Set");
        if (r < 0)
                return r;

        if (session->class)
                r = sd_bus_message_append(*ret_call, "a{sv}asta{sv}", 1, key, "s", value, 0,
                                          UINT64_C(0), 1, "class", "s", session->class);
        else
                r = sd_bus_message_append(*ret_call, "sv", key, "s", value);
        return r < 0 ? r : 0;
}

static int regent_write(void *userdata,
                        const char *key,
                        const char *value,
                        size_t n_bytes G_GNUC_UNUSED)
{
        Session *session = userdata;
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t revision;
        int r;

        r = new_write(session, &call, key, value);
        if (r == 0)
                r = bus_call(session->bus, call, &reply);
        if (r == 0)
                r = sd_bus_message_read(reply, "t", &revision);
        return r < 0 ? r : 0;
}

static int on_written(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Session *session = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        session->n_under_way--;
        if (error) {
                fprintf(stderr, "%s: %s\n", error->name, error->message);
                session->error = -EIO;
        }
        return 0;
}

static int regent_write_begin(void *userdata,
                              const char *key,
                              const char *value,
                              size_t n_bytes G_GNUC_UNUSED)
{
        Session *session = userdata;
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = new_write(session, &call, key, value);
        if (r == 0)
                r = sd_bus_call_async(session->bus, NULL, call, on_written, session, PATIENCE);
        if (r < 0)
                return r;

        session->n_under_way++;
        return 0;
}

/* 0 or a negative errno, when something has been dealt with or has come. */
static int turn(Session *session)
{
        int r;

        r = sd_bus_process(session->bus, NULL);
        if (r == 0)
                r = sd_bus_wait(session->bus, NO_TIMEOUT);
        return r < 0 ? r : 0;
}

static int regent_write_wait(void *userdata, uint32_t n)
{
        Session *session = userdata;
        int r = 0;

        while (r == 0 && session->error == 0 && session->n_under_way > n)
                r = turn(session);
        return r < 0 ? r : session->error;
}

static int fill_some(Session *session, uint32_t first, uint32_t n)
{
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = new_call(session, &call, "Apply");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (uint32_t i = first; r >= 0 && i < first + n; i++) {
                char key[PEER_KEY_SIZE];

                peer_make_key(key, i);
                peer_make_value(value, session->place.value_bytes, 0, i);
                r = sd_bus_message_append(call, "{sv}", key, "s", value);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ast", 0, UINT64_C(0));
        if (r >= 0)
                r = session->class ? sd_bus_message_append(call, "a{sv}", 1, "class", "s",
                                                           session->class)
                                   : sd_bus_message_append(call, "a{sv}", 0);
        return r < 0 ? r : bus_call(session->bus, call, NULL);
}

static int regent_fill(void *userdata)
{
        Session *session = userdata;
        g_autoptr(sd_bus_message) call = NULL;
        uint32_t n_together;
        int r;

        r = sd_bus_message_new_method_call(session->bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                           REGENT_MANAGER_INTERFACE, "CreateNamespace");
        if (r >= 0)
                r = sd_bus_message_append(call, "sa{sv}", session->ns_name, 0);
        if (r >= 0)
                r = bus_call(session->bus, call, NULL);

        n_together = CLAMP(FILL_BYTES / (uint32_t) session->place.value_bytes, 1, FILL_KEYS);
        for (uint32_t i = 0; r >= 0 && i < session->place.n_keys; i += n_together)
                r = fill_some(session, i, MIN(n_together, session->place.n_keys - i));
        return r < 0 ? r : 0;
}

/* A change that has come with its value */
static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Session *session = userdata;
        uint64_t watch, previous, revision;
        const char *ns_name, *key, *value;

        if (!sd_bus_message_is_signal(m, REGENT_NAMESPACE_INTERFACE, "Changed"))
                return 0;
        if (sd_bus_message_read(m, "tstt", &watch, &ns_name, &previous, &revision) > 0 &&
            sd_bus_message_enter_container(m, 'a', "{sv}") > 0 &&
            sd_bus_message_read(m, "{sv}", &key, "s", &value) > 0)
                session->n_told++;
        return 0;
}

static int regent_watch(void *userdata)
{
        Session *session = userdata;
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = sd_bus_add_filter(session->bus, NULL, on_signal, session);
        if (r >= 0)
                r = new_call(session, &call, "Watch");
        if (r >= 0)
                r = sd_bus_message_append(call, "sta{sv}", "", UINT64_C(0), 1, "no-values", "b",
                                          true);
        return r < 0 ? r : bus_call(session->bus, call, NULL);
}

static int regent_await(void *userdata)
{
        Session *session = userdata;
        int r = 0;

        while (r == 0 && session->n_told == 0)
                r = turn(session);
        if (r == 0)
                session->n_told--;
        return r;
}

const Peer peer = {
        .open = regent_open,
        .fill = regent_fill,
        .read = regent_read,
        .write = regent_write,
        .write_begin = regent_write_begin,
        .write_wait = regent_write_wait,
        .watch = regent_watch,
        .await = regent_await,
};
