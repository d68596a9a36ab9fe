/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts from 0 to 9 in Regent, with all the calls under way at
 * once.
 *
 * $ cc -o async async.c $(pkg-config --cflags --libs regent)
 */

#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>

#define NAME "org.example.Router"

typedef struct Counting {
        unsigned n_waiting;
        int result;
} Counting;

/* Writes of one program to a namespace are made in their order. */
static void on_set(Regent *regent,
                   int result,
                   GVariant *reply,
                   void *userdata)
{
        Counting *counting = userdata;
        uint64_t revision;

        counting->n_waiting--;
        if (result < 0) {
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(regent),
                        regent_error_text(regent));
                counting->result = result;
                return;
        }

        g_variant_get(reply, "(t)", &revision);
        printf("counted at revision %" PRIu64 "\n", revision);
}

static int count(Regent *regent)
{
        Counting counting = {};
        int r = 0;

        for (uint32_t i = 0; i < 10 && r >= 0; i++) {
                r = regent_set_async(regent, NAME, "count",
                                     g_variant_new_uint32(i), on_set,
                                     &counting, NULL);
                if (r >= 0)
                        counting.n_waiting++;
        }

        while (counting.n_waiting > 0 && r >= 0)
                r = regent_wait(regent, UINT64_MAX);
        return r < 0 ? r : counting.result;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = count(regent);
        if (r < 0)
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(regent),
                        regent_error_text(regent));

        return r < 0;
}
