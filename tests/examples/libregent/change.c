/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A router that writes its defaults in one commit, unless somebody
 * has set an mtu.
 *
 * $ cc -o change change.c $(pkg-config --cflags --libs regent)
 */

#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>
#include <string.h>

#define NAME "org.example.Router"

static int write_defaults(Regent *regent)
{
        static const char *const peers[] = { "fe80::1", "fe80::2",
                                             NULL };
        g_autoptr(RegentChange) change = regent_change_new();
        g_autoptr(GVariant) result = NULL;
        uint32_t n_changed = 0;
        uint64_t revision;
        int r;

        regent_change_set(change, NAME, "mtu",
                          g_variant_new_uint32(1500));
        regent_change_set(change, NAME, "peers",
                          g_variant_new_strv(peers, -1));
        regent_change_unset(change, NAME, "obsolete");
        regent_change_expect(change, NAME, "mtu", 0);
        regent_change_set_reason(change, "first start");

        r = regent_change_apply(regent, change, 0, &revision,
                                &result);
        if (r < 0)
                return r;

        g_variant_lookup(result, "changed", "u", &n_changed);
        printf("defaults written at revision %" PRIu64
               ", keys: %" PRIu32 "\n",
               revision, n_changed);
        return 0;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = write_defaults(regent);
        if (r >= 0)
                return 0;

        /* More than one error has this errno. */
        if (strcmp(regent_error_name(regent),
                   REGENT_ERROR_CONFLICT) == 0) {
                puts("settings found");
                return 0;
        }

        fprintf(stderr, "%s: %s\n", regent_error_name(regent),
                regent_error_text(regent));
        return 1;
}
