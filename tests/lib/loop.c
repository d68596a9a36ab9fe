/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Poll loops
 */

#include "loop.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-event.h>

static int run_poll(const Loop *loop)
{
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = regent_fd(loop->regent),
                          .events = (short) regent_events(loop->regent) },
                        { .fd = loop->fd, .events = POLLIN },
                };
                uint64_t timeout_usec = 0;
                int r;

                r = regent_timeout(loop->regent, &timeout_usec);
                if (r < 0)
                        return r;

                r = poll(fds, 2, timeout_usec == UINT64_MAX ? -1 : (int) (timeout_usec / 1000));
                if (r < 0)
                        return -errno;

                r = regent_process(loop->regent);
                if (r < 0)
                        return r;
                if (fds[1].revents && !loop->on_input(loop->userdata))
                        return 0;
        }
}

/* Input is looked for now and then only, for regent_wait() knows of nothing else. */
static int run_wait(const Loop *loop)
{
        for (;;) {
                struct pollfd fd = { .fd = loop->fd, .events = POLLIN };
                int r;

                r = regent_wait(loop->regent, 10000);
                if (r < 0 && r != -ETIMEDOUT)
                        return r;
                if (poll(&fd, 1, 0) > 0 && !loop->on_input(loop->userdata))
                        return 0;
        }
}

typedef struct Attached {
        const Loop *loop;
        sd_event_source *socket;
        sd_event_source *at_once;
} Attached;

static int on_event_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        const Loop *loop = ((Attached *) userdata)->loop;

        (void) fd;
        (void) events;
        return loop->on_input(loop->userdata) ? 0
                                              : sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_event_regent(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Attached *attached = userdata;

        (void) source;
        (void) fd;
        (void) events;
        return regent_process(attached->loop->regent);
}

static int on_event_at_once(sd_event_source *source, void *userdata)
{
        return on_event_regent(source, -1, 0, userdata);
}

/* Right before each poll. What there is to do at once is no reason for the descriptor to be ready. */
static int on_event_prepare(sd_event_source *source, void *userdata)
{
        Attached *attached = userdata;
        uint64_t timeout_usec = 0;
        int r;

        (void) source;

        r = regent_timeout(attached->loop->regent, &timeout_usec);
        if (r >= 0 && timeout_usec == 0)
                r = sd_event_source_set_enabled(attached->at_once, SD_EVENT_ONESHOT);
        return r;
}

static int attach(sd_event *event, Attached *attached)
{
        Regent *regent = attached->loop->regent;
        int r;

        r = sd_event_add_defer(event, &attached->at_once, on_event_at_once, attached);
        if (r >= 0)
                r = sd_event_source_set_enabled(attached->at_once, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_io(event, &attached->socket, regent_fd(regent),
                                    (uint32_t) regent_events(regent), on_event_regent, attached);
        if (r >= 0)
                r = sd_event_source_set_prepare(attached->socket, on_event_prepare);
        return r;
}

static int run_sd_event(const Loop *loop)
{
        Attached attached = { .loop = loop };
        sd_event *event;
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return r;

        r = sd_event_add_io(event, NULL, loop->fd, POLLIN, on_event_input, &attached);
        if (r >= 0)
                r = attach(event, &attached);
        if (r >= 0)
                r = sd_event_loop(event);

        sd_event_source_unref(attached.socket);
        sd_event_source_unref(attached.at_once);
        sd_event_unref(event);
        return r < 0 ? r : 0;
}

typedef struct Main {
        const Loop *loop;
        GMainLoop *main_loop;
} Main;

static gboolean on_main_input(int fd, GIOCondition condition, void *userdata)
{
        Main *self = userdata;

        (void) fd;
        (void) condition;
        if (self->loop->on_input(self->loop->userdata))
                return G_SOURCE_CONTINUE;

        g_main_loop_quit(self->main_loop);
        return G_SOURCE_REMOVE;
}

static int run_glib(const Loop *loop)
{
        g_autoptr(GMainContext) context = g_main_context_new();
        g_autoptr(GMainLoop) main_loop = g_main_loop_new(context, FALSE);
        g_autoptr(GSource) input = g_unix_fd_source_new(loop->fd, G_IO_IN | G_IO_HUP);
        g_autoptr(GSource) source = regent_source_new(loop->regent);
        Main self = { loop, main_loop };

        g_source_set_callback(input, G_SOURCE_FUNC(on_main_input), &self, NULL);
        g_source_attach(input, context);
        g_source_attach(source, context);
        g_main_loop_run(main_loop);
        g_source_destroy(source);
        g_source_destroy(input);
        return 0;
}

/* Looks at nothing but input: what is processed is a matter of commands. */
static int run_none(const Loop *loop)
{
        while (loop->on_input(loop->userdata))
                ;

        return 0;
}

int loop_run(const char *kind, const Loop *loop)
{
        if (strcmp(kind, "poll") == 0)
                return run_poll(loop);
        if (strcmp(kind, "wait") == 0)
                return run_wait(loop);
        if (strcmp(kind, "sd-event") == 0)
                return run_sd_event(loop);
        if (strcmp(kind, "none") == 0)
                return run_none(loop);
        return run_glib(loop);
}
