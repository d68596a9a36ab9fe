/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints the settings of a router, and every change of them, for as
 * long as it runs; regentd may be started anew meanwhile.
 *
 * $ cc -o watch watch.c $(pkg-config --cflags --libs regent)
 */

#include <regent/regent.h>
#include <stdio.h>

#define NAME "org.example.Router"

static void print_values(GVariant *values)
{
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &key,
                                   &value)) {
                g_autofree char *text =
                        g_variant_print(value, FALSE);

                printf("%s is %s\n", key, text);
        }
}

static void on_event(RegentWatch *watch,
                     const RegentWatchEvent *event,
                     void *userdata)
{
        Regent *regent = userdata;

        (void) watch;
        switch (event->kind) {
        case REGENT_WATCH_STATE:
                printf("settings:\n");
                print_values(event->values);
                break;
        case REGENT_WATCH_CHANGE:
                print_values(event->values);
                for (const char *const *key = event->removed; *key;
                     key++)
                        printf("%s is not set any more\n", *key);
                break;
        case REGENT_WATCH_GONE:
                printf("no settings\n");
                break;
        case REGENT_WATCH_ENDED:
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(regent),
                        regent_error_text(regent));
                break;
        default: /* LIVE, AWAY, and what later versions add */
                break;
        }
        fflush(stdout);
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        g_autoptr(RegentWatch) watch =
                regent_watch_new(regent, NAME, on_event, regent);
        int r;

        /* Also if the router's namespace is made later. */
        regent_watch_set_patient(watch, true);

        r = regent_open(regent);
        if (r >= 0)
                r = regent_watch_start(watch);
        while (r >= 0)
                r = regent_wait(regent, UINT64_MAX);

        fprintf(stderr, "%s: %s\n", regent_error_name(regent),
                regent_error_text(regent));
        return 1;
}
