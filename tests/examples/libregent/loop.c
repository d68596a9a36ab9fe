/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads names of keys on standard input and prints what they hold,
 * in a loop of its own: poll(2) and nothing else. Another loop
 * does the same; for GLib's there is regent_source_new().
 *
 * $ cc -o loop loop.c $(pkg-config --cflags --libs regent)
 */

#include <errno.h>
#include <poll.h>
#include <regent/regent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "org.example.Router"

static void on_value(Regent *regent,
                     int result,
                     GVariant *reply,
                     void *userdata)
{
        unsigned *n_waiting = userdata;
        g_autofree char *text =
                result < 0 ? NULL : g_variant_print(reply, TRUE);

        puts(text ? text : regent_error_text(regent));
        fflush(stdout);
        --*n_waiting;
}

static void on_presence(Regent *regent,
                        bool is_there,
                        void *userdata)
{
        (void) regent;
        (void) userdata;
        puts(is_there ? "regentd is there again"
                      : "regentd is gone");
        fflush(stdout);
}

/* One key: 1; the end: 0. */
static int ask(Regent *regent, unsigned *n_waiting)
{
        char key[256];
        ssize_t n;
        int r;

        n = read(STDIN_FILENO, key, sizeof(key) - 1);
        if (n <= 0)
                return 0;

        key[n] = '\0';
        key[strcspn(key, "\n")] = '\0';
        r = regent_get_async(regent, NAME, key, on_value, n_waiting,
                             NULL);
        if (r < 0)
                return r;

        ++*n_waiting;
        return 1;
}

static int run(Regent *regent)
{
        unsigned n_waiting = 0;
        int r = 1;

        while (r > 0 || n_waiting > 0) {
                struct pollfd fds[] = {
                        { .fd = regent_fd(regent),
                          .events = (short) regent_events(regent) },
                        { .fd = r > 0 ? STDIN_FILENO : -1,
                          .events = POLLIN },
                };
                uint64_t timeout_usec;
                int processed;

                /* Right before poll(): the descriptor shows then
                 * what there is to do. */
                processed = regent_timeout(regent, &timeout_usec);
                if (processed >= 0 &&
                    poll(fds, 2, timeout_usec == 0 ? 0 : -1) < 0)
                        processed = -errno;
                if (processed >= 0)
                        processed = regent_process(regent);
                if (processed < 0)
                        return processed;

                if (fds[1].revents)
                        r = ask(regent, &n_waiting);
                if (r < 0)
                        return r;
        }

        return 0;
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        int r;

        regent_set_on_presence(regent, on_presence, NULL);
        r = regent_open(regent);
        if (r >= 0)
                r = run(regent);
        if (r < 0)
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(regent),
                        regent_error_text(regent));

        return r < 0;
}
