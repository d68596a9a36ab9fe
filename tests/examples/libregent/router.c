/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A router that keeps its settings in Regent, in C with libregent.
 *
 * $ cc -o router router.c $(pkg-config --cflags --libs regent)
 */

#include <errno.h>
#include <inttypes.h>
#include <regent/regent.h>
#include <stdio.h>
#include <string.h>

#define NAME "org.example.Router"

typedef struct Router {
        Regent *regent;
        bool is_running; /* what comes now is a change */
        bool is_over;
        int result; /* of what failed, a negative errno */
} Router;

/* Several keys in one commit, here only as long as there is no mtu. */
static int write_defaults(Regent *regent)
{
        static const char *const peers[] = { "fe80::1", "fe80::2",
                                             NULL };
        g_autoptr(RegentChange) change = regent_change_new();
        uint64_t revision;
        int r;

        regent_change_set(change, NAME, "mtu",
                          g_variant_new_uint32(1500));
        regent_change_set(change, NAME, "peers",
                          g_variant_new_strv(peers, -1));
        regent_change_expect(change, NAME, "mtu", 0);
        r = regent_change_apply(regent, change, 0, &revision, NULL);
        if (r >= 0)
                printf("defaults written, revision: %" PRIu64 "\n",
                       revision);
        else if (strcmp(regent_error_name(regent),
                        REGENT_ERROR_CONFLICT) == 0)
                r = puts("settings found") < 0 ? -EIO : 0;

        return r;
}

static void take(Router *router, const RegentWatchEvent *event)
{
        gboolean is_enabled = TRUE;
        uint32_t mtu;

        if (g_variant_lookup(event->values, "mtu", "u", &mtu))
                printf("mtu is %s%" PRIu32 "\n",
                       router->is_running ? "now " : "", mtu);
        for (const char *const *key = event->removed; key && *key;
             key++)
                if (strcmp(*key, "peers") == 0)
                        puts("peers: gone");
        g_variant_lookup(event->values, "enabled", "b", &is_enabled);
        if (!is_enabled)
                router->is_over = true;
}

static void on_event(RegentWatch *watch,
                     const RegentWatchEvent *event,
                     void *userdata)
{
        Router *router = userdata;

        (void) watch;
        switch (event->kind) {
        case REGENT_WATCH_STATE:
        case REGENT_WATCH_CHANGE:
                take(router, event);
                break;
        case REGENT_WATCH_LIVE: /* again after each restart of regentd */
                router->is_running = true;
                router->result = regent_set(
                        router->regent, NAME, "status",
                        g_variant_new_string("running"), NULL);
                break;
        case REGENT_WATCH_ENDED:
                router->result = event->result;
                break;
        default:
                break;
        }
}

static int run(Router *router)
{
        g_autoptr(RegentWatch) watch = regent_watch_new(
                router->regent, NAME, on_event, router);
        int r;

        r = regent_open(router->regent);
        if (r >= 0)
                r = write_defaults(router->regent);
        if (r >= 0)
                r = regent_watch_start(watch);
        while (r >= 0 && router->result >= 0 && !router->is_over)
                r = regent_wait(router->regent, UINT64_MAX);

        return r < 0 ? r : router->result;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        Router router = { .regent = regent };

        if (run(&router) >= 0)
                return 0;

        fprintf(stderr, "router: %s\n", regent_error_text(regent));
        return 1;
}
