/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dconf: reads in the process, from a file that is mapped; writes by dconf-service, on the disk
 *
 * Its keys stand in a tree of directories of 47 at most, as it is slow with many siblings. A change is told
 * with the name alone, so who watches reads the value.
 */

#include "peer.h"

#include <dconf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#define BRANCHES   47u
#define FILL_BYTES (32u << 20) /* in one message */

typedef struct Session {
        PeerPlace place;
        DConfClient *client;
        GVariant *value; /* the last one read */
        uint32_t n_told;
} Session;

static void dconf_make_key(char ret_key[PEER_KEY_SIZE], uint32_t index)
{
        (void) snprintf(ret_key, PEER_KEY_SIZE, "/bench/%u/%u/key-%u", index % BRANCHES,
                        index / BRANCHES % BRANCHES, index / BRANCHES / BRANCHES);
}

static int complain(GError *error)
{
        fprintf(stderr, "dconf: %s\n", error->message);
        g_error_free(error);
        return -EIO;
}

static int dconf_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);

        session->place = *place;
        session->client = dconf_client_new();
        *ret_session = session;
        return 0;
}

static int dconf_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;

        g_clear_pointer(&session->value, g_variant_unref);
        session->value = dconf_client_read(session->client, key);
        if (!session->value || !g_variant_is_of_type(session->value, G_VARIANT_TYPE_STRING))
                return -ENOENT;

        ret_value->bytes = g_variant_get_string(session->value, &ret_value->n_bytes);
        return 0;
}

static int dconf_write(void *userdata,
                       const char *key,
                       const char *value,
                       size_t n_bytes G_GNUC_UNUSED)
{
        Session *session = userdata;
        GError *error = NULL;

        if (!dconf_client_write_sync(session->client, key, g_variant_new_string(value), NULL, NULL,
                                     &error))
                return complain(error);
        return 0;
}

static int dconf_fill(void *userdata)
{
        Session *session = userdata;
        g_autofree char *value = g_malloc(session->place.value_bytes + 1);
        uint32_t n_together = MAX(FILL_BYTES / (uint32_t) session->place.value_bytes, 1);

        for (uint32_t i = 0; i < session->place.n_keys;) {
                DConfChangeset *changes = dconf_changeset_new();
                uint32_t end = MIN(i + n_together, session->place.n_keys);
                GError *error = NULL;

                for (; i < end; i++) {
                        char key[PEER_KEY_SIZE];

                        peer_make_key(key, i);
                        peer_make_value(value, session->place.value_bytes, 0, i);
                        dconf_changeset_set(changes, key, g_variant_new_string(value));
                }
                (void) dconf_client_change_sync(session->client, changes, NULL, NULL, &error);
                dconf_changeset_unref(changes);
                if (error)
                        return complain(error);
        }
        return 0;
}

static void on_changed(DConfClient *client,
                       const char *prefix,
                       GStrv changes,
                       const char *tag G_GNUC_UNUSED,
                       void *userdata)
{
        Session *session = userdata;
        g_autofree char *key = g_strconcat(prefix, changes[0], NULL);
        g_autoptr(GVariant) value = dconf_client_read(client, key);

        if (value)
                session->n_told++;
}

static int dconf_watch(void *userdata)
{
        Session *session = userdata;

        g_signal_connect(session->client, "changed", G_CALLBACK(on_changed), session);
        dconf_client_watch_sync(session->client, "/bench/");
        return 0;
}

static int dconf_await(void *userdata)
{
        Session *session = userdata;

        while (session->n_told == 0)
                g_main_context_iteration(NULL, TRUE);
        session->n_told--;
        return 0;
}

const Peer peer = {
        .make_key = dconf_make_key,
        .open = dconf_open,
        .fill = dconf_fill,
        .read = dconf_read,
        .write = dconf_write,
        .watch = dconf_watch,
        .await = dconf_await,
};
