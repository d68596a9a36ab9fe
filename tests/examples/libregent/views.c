/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts packets by their size, and looks up the limit for each of
 * them, as that costs no more than a look into memory. Prints the
 * limit whenever it has changed, also while regentd is being started
 * anew, until it is 0.
 *
 * $ cc -o views views.c $(pkg-config --cflags --libs regent)
 */

#include <errno.h>
#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>

#define NAME    "org.example.Router"
#define DEFAULT 1500u

static uint32_t limit_now(RegentView *view)
{
        uint32_t mtu;

        /* Also where it is not there, or is no number. */
        return regent_view_get_uint32(view, "mtu", &mtu) < 0
                       ? DEFAULT
                       : mtu;
}

static uint64_t count_large(RegentView *view)
{
        uint64_t n_large = 0;

        for (uint32_t size = 0; size < 10000; size++)
                n_large += size > limit_now(view);

        return n_large;
}

/* Two keys that belong together. */
static int print_peer(RegentView *view)
{
        const char *keys[] = { "peer/address", "peer/port", NULL };
        g_autoptr(GVariant) values = NULL;
        g_autofree char *text = NULL;
        int r;

        r = regent_view_snapshot(view, keys, NULL, &values, NULL);
        if (r < 0)
                return r;

        text = g_variant_print(values, TRUE);
        printf("peer %s\n", text);
        return 0;
}

static int run(Regent *regent, RegentView **view)
{
        uint64_t revision;
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = regent_view_open(regent, NAME, view);

        while (r >= 0) {
                revision = regent_view_revision(*view);
                printf("limit %" PRIu32 "%s, %" PRIu64
                       " are larger\n",
                       limit_now(*view),
                       regent_view_is_stale(*view) ? " (stale)" : "",
                       count_large(*view));
                r = print_peer(*view);
                fflush(stdout);
                if (r < 0 || limit_now(*view) == 0)
                        break;

                /* A thread of its own could do this; a loop has
                   a RegentWatch. */
                r = regent_view_wait(*view, revision, UINT64_MAX,
                                     NULL);
        }

        return r;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        g_autoptr(RegentView) view = NULL;
        int r;

        r = run(regent, &view);
        if (r >= 0)
                return 0;

        fprintf(stderr, "%s\n",
                view ? g_strerror(-r) : regent_error_text(regent));
        return 1;
}
