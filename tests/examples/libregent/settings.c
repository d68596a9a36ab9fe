/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A router that keeps its settings in Regent: reads one, writes
 * one, and lists them.
 *
 * $ cc -o settings settings.c $(pkg-config --cflags --libs regent)
 */

#include <errno.h>
#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>

#define NAME "org.example.Router"

static int print_mtu(Regent *regent)
{
        g_autoptr(GVariant) value = NULL;
        int r;

        r = regent_get(regent, NAME, "mtu", &value);
        if (r == -ENOENT) {
                puts("mtu is not set");
                return 0;
        }
        if (r < 0)
                return r;

        /* Anybody who may write may have written anything. */
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
                return -EINVAL;

        printf("mtu is %" PRIu32 "\n", g_variant_get_uint32(value));
        return 0;
}

static int run(Regent *regent)
{
        g_auto(GStrv) keys = NULL;
        uint64_t revision;
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = print_mtu(regent);
        if (r >= 0)
                r = regent_set(regent, NAME, "mtu",
                               g_variant_new_uint32(1500),
                               &revision);
        if (r < 0)
                return r;

        /* It is on the disk now. */
        printf("set at revision %" PRIu64 "\n", revision);
        r = print_mtu(regent);
        if (r >= 0)
                r = regent_list(regent, NAME, NULL, NULL, 0, &keys,
                                NULL);
        for (char **key = keys; r >= 0 && *key; key++)
                printf("key %s\n", *key);

        return r;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();

        if (run(regent) >= 0)
                return 0;

        fprintf(stderr, "%s: %s\n", regent_error_name(regent),
                regent_error_text(regent));
        return 1;
}
