/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object
 *
 * It is counted, so that it may be freed in a callback: what called that goes on with a Regent that is closed.
 */

#include "inbound.h"

#include <errno.h>
#include <unistd.h>

#define TIMEOUT_USEC (UINT64_C(25) * G_USEC_PER_SEC)

Regent *regent_new(void)
{
        Regent *regent = g_new0(Regent, 1);

        regent->n_refs = 1;
        regent->timeout_usec = TIMEOUT_USEC;
        regent->followers = g_ptr_array_new();
        regent->unstarted = g_hash_table_new(NULL, NULL);
        regent->written = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(WRITTEN_TYPE), NULL, 0, TRUE, NULL, NULL));
        return regent;
}

Regent *regent_ref(Regent *regent)
{
        regent->n_refs++;
        return regent;
}

void regent_unref(Regent *regent)
{
        if (--regent->n_refs > 0)
                return;

        link_close(regent);
        regent->inbound = inbound_free(regent->inbound);
        g_ptr_array_unref(regent->followers);
        g_hash_table_unref(regent->unstarted);
        g_variant_unref(regent->written);
        sd_bus_error_free(&regent->error);
        g_free(regent->unique_name);
        g_free(regent->address);
        g_free(regent);
}

void regent_add_unstarted(Regent *regent, Follower *follower)
{
        follower->regent = regent;
        g_hash_table_add(regent->unstarted, follower);
}

void regent_remove_unstarted(Follower *follower)
{
        if (follower->regent)
                g_hash_table_remove(follower->regent->unstarted, follower);
}

static void forget_unstarted(Regent *regent)
{
        GHashTableIter iterator;
        gpointer item;

        g_hash_table_iter_init(&iterator, regent->unstarted);
        while (g_hash_table_iter_next(&iterator, &item, NULL))
                ((Follower *) item)->regent = NULL;
        g_hash_table_remove_all(regent->unstarted);
}

Regent *regent_free(Regent *regent)
{
        if (!regent || regent->is_freed)
                return NULL;

        regent->is_freed = true;
        calls_cancel_all(regent);
        followers_closed(regent);
        forget_unstarted(regent);
        regent_unref(regent);
        return NULL;
}

void regent_set_address(Regent *regent, const char *address)
{
        g_free(regent->address);
        regent->address = g_strdup(address);
}

void regent_set_flags(Regent *regent, uint64_t flags)
{
        regent->flags = flags;
}

void regent_set_timeout(Regent *regent, uint64_t timeout_usec)
{
        regent->timeout_usec = timeout_usec;
}

void regent_set_interactive(Regent *regent, bool is_interactive)
{
        regent->is_interactive = is_interactive;
}

void regent_set_on_presence(Regent *regent, RegentOnPresence on_presence, void *userdata)
{
        regent->on_presence = on_presence;
        regent->on_presence_userdata = userdata;
}

int regent_check_open(Regent *regent)
{
        if (!regent->event || regent->is_freed)
                return error_set_errno(regent, -ENOTCONN, "The Regent is not open");
        if (regent->pid != getpid())
                return error_set_errno(regent, -ECHILD, "This is a child process");

        return 0;
}

int regent_open(Regent *regent)
{
        int r;

        if (regent->event)
                return error_set_errno(regent, -EISCONN, "The Regent is open");
        if (regent->flags & ~REGENT_BUS_ONLY)
                return error_set_errno(regent, -EINVAL, "A flag is not known");

        regent->pid = getpid();
        r = link_open(regent);
        if (r < 0)
                link_close(regent);
        return r;
}

const char *regent_unique_name(Regent *regent)
{
        const char *name;

        g_clear_pointer(&regent->unique_name, g_free);
        /* Before the bus has given it one, sd-bus would wait for that. */
        if (regent->bus && sd_bus_is_ready(regent->bus) > 0 &&
            sd_bus_get_unique_name(regent->bus, &name) >= 0)
                regent->unique_name = g_strdup(name);

        return regent->unique_name;
}

bool regent_has_channel(Regent *regent)
{
        return regent->channel;
}
