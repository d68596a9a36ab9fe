/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfconf: xfconfd over the session bus, which holds all in memory and writes XML seconds later
 *
 * Its library fetches a whole channel when that is opened, and reads from there. xfconfd has read the channel's
 * file when it started: `bench-peers` wrote it, with the keys that stand here.
 */

#include "peer.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <xfconf/xfconf.h>

#define BRANCHES 47u

typedef struct Session {
        PeerPlace place;
        XfconfChannel *channel;
        GDBusConnection *bus;
        char *value; /* the last one read */
        uint32_t n_told;
} Session;

static void xfconf_make_key(char ret_key[PEER_KEY_SIZE], uint32_t index)
{
        (void) snprintf(ret_key, PEER_KEY_SIZE, "/bench/%u/%u/key-%u", index % BRANCHES,
                        index / BRANCHES % BRANCHES, index / BRANCHES / BRANCHES);
}

static int xfconf_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);
        GError *error = NULL;

        *ret_session = session;
        session->place = *place;
        session->bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
        if (!session->bus || !xfconf_init(&error)) {
                fprintf(stderr, "xfconf: %s\n", error->message);
                g_error_free(error);
                return -EIO;
        }
        session->channel = xfconf_channel_new("bench");
        return 0;
}

static int xfconf_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;

        g_free(session->value);
        session->value = xfconf_channel_get_string(session->channel, key, NULL);
        if (!session->value)
                return -ENOENT;

        *ret_value = (PeerValue){ session->value, strlen(session->value) };
        return 0;
}

/*
 * The library's own setter does not wait for the answer, so the call it makes is made here: a write is done when
 * the service says so, as it is for the others.
 */
static int xfconf_write(void *userdata,
                        const char *key,
                        const char *value,
                        size_t n_bytes G_GNUC_UNUSED)
{
        Session *session = userdata;
        g_autoptr(GVariant) reply = NULL;
        GError *error = NULL;

        reply = g_dbus_connection_call_sync(
                session->bus, "org.xfce.Xfconf", "/org/xfce/Xfconf", "org.xfce.Xfconf",
                "SetProperty", g_variant_new("(ssv)", "bench", key, g_variant_new_string(value)),
                NULL, G_DBUS_CALL_FLAGS_NONE, PEER_PATIENCE_SEC * 1000, NULL, &error);
        if (!reply) {
                fprintf(stderr, "xfconf: %s\n", error->message);
                g_error_free(error);
                return -EIO;
        }
        return 0;
}

static void on_changed(XfconfChannel *channel G_GNUC_UNUSED,
                       const char *key G_GNUC_UNUSED,
                       const GValue *value,
                       void *userdata)
{
        Session *session = userdata;

        if (G_VALUE_HOLDS_STRING(value))
                session->n_told++;
}

static int xfconf_watch(void *userdata)
{
        Session *session = userdata;

        g_signal_connect(session->channel, "property-changed", G_CALLBACK(on_changed), session);
        return 0;
}

static int xfconf_await(void *userdata)
{
        Session *session = userdata;

        while (session->n_told == 0)
                g_main_context_iteration(NULL, TRUE);
        session->n_told--;
        return 0;
}

const Peer peer = {
        .make_key = xfconf_make_key,
        .open = xfconf_open,
        .read = xfconf_read,
        .write = xfconf_write,
        .watch = xfconf_watch,
        .await = xfconf_await,
};
