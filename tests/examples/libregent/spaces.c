/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a namespace that only its owner reads, and tells what
 * there is.
 *
 * $ cc -o spaces spaces.c $(pkg-config --cflags --libs regent)
 */

#include <errno.h>
#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>

#define NAME "org.example.Router.Secrets"

static int make(Regent *regent)
{
        g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
        int r;

        g_variant_dict_insert(&options, "mode", "u", 0600);
        g_variant_dict_insert(&options, "quota-keys", "t",
                              UINT64_C(100));
        r = regent_create_namespace(regent, NAME,
                                    g_variant_dict_end(&options));

        return r == -EEXIST ? 0 : r;
}

static int describe(Regent *regent)
{
        g_autoptr(GVariant) properties = NULL, service = NULL;
        g_auto(GStrv) names = NULL;
        const char *state;
        uint32_t owner, mode;
        int r;

        r = regent_list_namespaces(regent, "org.example.", NULL, 0,
                                   &names);
        if (r >= 0)
                r = regent_get_properties(regent, NAME, &properties);
        if (r >= 0)
                r = regent_get_properties(regent, NULL, &service);
        if (r < 0)
                return r;

        for (char **name = names; *name; name++)
                puts(*name);
        if (g_variant_lookup(properties, "Owner", "u", &owner) &&
            g_variant_lookup(properties, "Mode", "u", &mode))
                printf("owner %" PRIu32 ", mode %04" PRIo32 "\n",
                       owner, mode);
        if (g_variant_lookup(service, "State", "&s", &state))
                printf("regentd is %s\n", state);

        return 0;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = make(regent);
        if (r >= 0)
                r = describe(regent);
        if (r < 0)
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(regent),
                        regent_error_text(regent));

        return r < 0;
}
