/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs do with a Regent that has no regentd to talk to
 *
 * The bus is a socket that says nothing.
 */

#include "client/regent.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Fixture {
        char *directory;
        char *path;
        int fd; /* that listens, or -1 */
        Regent *regent;
} Fixture;

static void listen_there(Fixture *self)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        g_strlcpy(address.sun_path, self->path, sizeof(address.sun_path));
        self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(self->fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(self->fd, 8), ==, 0);
}

static void set_up(Fixture *self, const void *unused)
{
        g_autofree char *address = NULL;

        (void) unused;
        self->fd = -1;
        self->directory = g_dir_make_tmp("regent-XXXXXX", NULL);
        self->path = g_build_filename(self->directory, "bus", NULL);
        self->regent = regent_new();
        address = g_strconcat("unix:path=", self->path, NULL);
        regent_set_address(self->regent, address);
}

static void set_up_open(Fixture *self, const void *unused)
{
        set_up(self, unused);
        listen_there(self);
        g_assert_cmpint(regent_open(self->regent), ==, 0);
}

static void tear_down(Fixture *self, const void *unused)
{
        (void) unused;
        regent_free(self->regent);
        if (self->fd >= 0)
                close(self->fd);
        g_unlink(self->path);
        g_rmdir(self->directory);
        g_free(self->path);
        g_free(self->directory);
}

static void on_watch(RegentWatch *watch, const RegentWatchEvent *event, void *userdata)
{
        (void) watch;
        (void) event;
        (void) userdata;
}

static void on_participant(RegentParticipant *participant,
                           const RegentParticipantEvent *event,
                           void *userdata)
{
        (void) participant;
        (void) event;
        (void) userdata;
}

static void on_reply_unwanted(Regent *regent, int result, GVariant *reply, void *userdata)
{
        (void) regent;
        (void) reply;
        (void) userdata;
        g_assert_cmpint(result, <, 0);
}

static void test_open_that_failed_is_tried_again(Fixture *self, const void *unused)
{
        (void) unused;

        g_assert_cmpint(regent_open(self->regent), ==, -ENOENT);
        g_assert_cmpint(regent_open(self->regent), ==, -ENOENT);
        g_assert_cmpint(regent_fd(self->regent), ==, -ENOTCONN);
        g_assert_cmpint(regent_get(self->regent, "org.example.A", "key", NULL), ==, -ENOTCONN);

        listen_there(self);
        g_assert_cmpint(regent_open(self->regent), ==, 0);
        g_assert_cmpint(regent_open(self->regent), ==, -EISCONN);
        g_assert_cmpint(regent_fd(self->regent), >=, 0);
}

static void test_what_is_started_after_its_regent_is_freed_is_refused(Fixture *self,
                                                                      const void *unused)
{
        g_autoptr(RegentWatch) watch =
                regent_watch_new(self->regent, "org.example.A", on_watch, NULL);
        g_autoptr(RegentWatch) dropped =
                regent_watch_new_by_prefix(self->regent, "", on_watch, NULL);
        g_autoptr(RegentParticipant) participant =
                regent_participant_new(self->regent, "org.example.A", NULL, on_participant, NULL);

        (void) unused;
        dropped = regent_watch_free(dropped);
        self->regent = regent_free(self->regent);

        g_assert_cmpint(regent_watch_start(watch), ==, -ENOTCONN);
        g_assert_cmpint(regent_watch_acknowledge(watch, 1), ==, -ENOTCONN);
        g_assert_cmpint(regent_participant_start(participant), ==, -ENOTCONN);
        g_assert_cmpint(regent_participant_agree(participant, "1"), ==, -ENOENT);
}

/* Nothing is lost of what the first left: that shows under a sanitizer. */
static void test_start_that_was_refused_is_tried_again(Fixture *self, const void *unused)
{
        g_autoptr(RegentWatch) watch =
                regent_watch_new(self->regent, "org.example.A", on_watch, NULL);
        g_autoptr(RegentParticipant) participant =
                regent_participant_new(self->regent, "org.example.A", NULL, on_participant, NULL);

        (void) unused;
        regent_watch_set_prefix(watch, "\xff");
        g_assert_cmpint(regent_watch_start(watch), ==, -EINVAL);
        g_assert_cmpint(regent_watch_start(watch), ==, -EINVAL);
        regent_watch_set_prefix(watch, NULL);
        g_assert_cmpint(regent_watch_start(watch), ==, 0);

        regent_participant_set_timeout(participant, 0);
        g_assert_cmpint(regent_participant_start(participant), ==, -EINVAL);
        g_assert_cmpint(regent_participant_start(participant), ==, -EINVAL);
        regent_participant_set_timeout(participant, 1000000);
        g_assert_cmpint(regent_participant_start(participant), ==, 0);
}

static int count_refusals_of_child(Regent *regent, RegentWatch *watch)
{
        g_autoptr(RegentParticipant) participant =
                regent_participant_new(regent, "org.example.A", NULL, on_participant, NULL);
        const int results[] = {
                regent_timeout(regent, NULL),
                regent_process(regent),
                regent_wait(regent, 0),
                regent_get(regent, "org.example.A", "key", NULL),
                regent_get_async(regent, "org.example.A", "key", NULL, NULL, NULL),
                regent_flush(regent, NULL),
                regent_flush_async(regent, NULL, NULL, NULL),
                regent_watch_start(watch),
                regent_participant_start(participant),
                regent_source_new(regent) ? 0 : -ECHILD,
        };
        int n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(results); i++)
                n += results[i] == -ECHILD;
        return n;
}

static void test_child_is_refused_everything(Fixture *self, const void *unused)
{
        g_autoptr(RegentWatch) watch =
                regent_watch_new(self->regent, "org.example.A", on_watch, NULL);
        int status;
        pid_t pid;

        (void) unused;
        pid = fork();
        if (pid == 0) {
                int n = count_refusals_of_child(self->regent, watch);

                regent_free(self->regent);
                _exit(n);
        }

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 10);
        g_assert_cmpint(regent_timeout(self->regent, NULL), ==, 0);
}

static void on_alarm(int number)
{
        (void) number;
}

/* More than once: the first may come before there is a wait to interrupt. */
static void test_longest_wait_is_no_short_one(Fixture *self, const void *unused)
{
        const struct sigaction action = { .sa_handler = on_alarm };
        const struct itimerval often = { { 0, 20000 }, { 0, 20000 } },
                               never = { { 0, 0 }, { 0, 0 } };
        int r;

        (void) unused;
        while (regent_wait(self->regent, 0) == 0)
                ;
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        do
                r = regent_wait(self->regent, UINT64_MAX - 1);
        while (r == 0);
        setitimer(ITIMER_REAL, &never, NULL);
        g_assert_cmpint(r, ==, -EINTR);
}

static void test_reply_type_without_a_descriptor_is_refused(Fixture *self, const void *unused)
{
        static const char *const types[] = { "(s)", "()", "(a{sv}(h))", "(ah)" };

        (void) unused;
        regent_set_timeout(self->regent, 1000);
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                int fd = -1;

                g_assert_cmpint(regent_call_for_fd(self->regent, "/a", "a.b", "C", NULL, types[i],
                                                   NULL, &fd),
                                ==, -EINVAL);
                g_assert_cmpstr(regent_error_name(self->regent), ==,
                                "org.freedesktop.DBus.Error.InvalidArgs");
                g_assert_cmpint(regent_call_for_fd_async(self->regent, "/a", "a.b", "C", NULL,
                                                         types[i], NULL, NULL, NULL),
                                ==, -EINVAL);
        }
        g_assert_cmpint(regent_call_for_fd_async(self->regent, "/a", "a.b", "C", NULL, "(sh)", NULL,
                                                 NULL, NULL),
                        ==, 0);
}

static void test_source_is_none_of_a_regent_that_is_not_open(Fixture *self, const void *unused)
{
        (void) unused;

        g_assert_null(regent_source_new(self->regent));
        g_assert_cmpstr(regent_error_name(self->regent), !=, NULL);
}

static void on_reply_nested(Regent *regent, int result, GVariant *reply, void *userdata)
{
        GMainContext **context = userdata;

        on_reply_unwanted(regent, result, reply, NULL);
        g_main_context_iteration(*context, FALSE);
        *context = NULL;
}

/* Of two, the second fails while the first is in a callback. */
static void test_source_goes_on_after_an_error(Fixture *self, const void *unused)
{
        g_autoptr(GMainContext) context = g_main_context_new();
        GMainContext *nested = context;
        GSource *sources[2];

        (void) unused;
        g_assert_cmpint(regent_get_async(self->regent, "org.example.A", "key", on_reply_nested,
                                         &nested, NULL),
                        ==, 0);
        for (size_t i = 0; i < 2; i++) {
                sources[i] = regent_source_new(self->regent);
                g_source_attach(sources[i], context);
        }
        close(self->fd);
        self->fd = -1;
        while (nested)
                g_main_context_iteration(context, TRUE);

        g_assert_cmpstr(regent_error_name(self->regent), !=, NULL);
        for (size_t i = 0; i < 2; i++) {
                g_assert_false(g_source_is_destroyed(sources[i]));
                g_source_destroy(sources[i]);
                g_source_unref(sources[i]);
        }
}

#define ADD(name, prepare, function) \
        g_test_add("/handling/" name, Fixture, NULL, prepare, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        ADD("open-again", set_up, test_open_that_failed_is_tried_again);
        ADD("start-after-free", set_up_open,
            test_what_is_started_after_its_regent_is_freed_is_refused);
        ADD("start-again", set_up_open, test_start_that_was_refused_is_tried_again);
        ADD("child", set_up_open, test_child_is_refused_everything);
        ADD("longest-wait", set_up_open, test_longest_wait_is_no_short_one);
        ADD("no-descriptor", set_up_open, test_reply_type_without_a_descriptor_is_refused);
        ADD("no-source", set_up, test_source_is_none_of_a_regent_that_is_not_open);
        ADD("source-goes-on", set_up_open, test_source_goes_on_after_an_error);
        return g_test_run();
}
