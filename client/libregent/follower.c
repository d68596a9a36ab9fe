/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Followers
 *
 * What they are told may add and remove others, so each round begins at the front until nobody is left to tell.
 */

#include "private.h"

void follower_add(Regent *regent, Follower *follower, const FollowerVtable *vtable)
{
        *follower = (Follower){ .vtable = vtable, .regent = regent };
        g_ptr_array_add(regent->followers, follower);
        if (regent->event)
                link_announce_later(regent);
}

void follower_remove(Follower *follower)
{
        if (!follower->regent)
                return;

        g_ptr_array_remove(follower->regent->followers, follower);
        follower->regent = NULL;
}

static Follower *find(Regent *regent, bool is_ready)
{
        for (guint i = 0; i < regent->followers->len; i++) {
                Follower *follower = g_ptr_array_index(regent->followers, i);

                if (follower->is_ready == is_ready)
                        return follower;
        }

        return NULL;
}

void followers_ready(Regent *regent)
{
        Follower *follower;

        while (regent->link == LINK_READY && (follower = find(regent, false))) {
                follower->is_ready = true;
                follower->vtable->ready(follower);
        }
}

void followers_lost(Regent *regent)
{
        Follower *follower;

        while ((follower = find(regent, true))) {
                follower->is_ready = false;
                follower->vtable->lost(follower);
        }
}

void followers_closed(Regent *regent)
{
        while (regent->followers->len > 0) {
                Follower *follower = g_ptr_array_index(regent->followers, 0);

                follower->vtable->closed(follower);
                follower_remove(follower);
        }
}
