/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Offline
 *
 * Its standard input is a socket, for a write to a pipe that nobody reads any more is a signal.
 */

#include "offline.h"

#include "child.h"
#include "client/regent-store-stream.h"
#include "reply.h"
#include "value-json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES     ((size_t) 1 << 16)
#define END_TIMEOUT_MSEC 10000
#define PADDED(n)        (((n) + 7) & ~(size_t) 7)

struct Offline {
        Context *context;
        pid_t pid;
        int from_fd, to_fd;
        GByteArray *incoming; /* read and not taken yet */
        guint n_taken;        /* bytes of it that were */
        GByteArray *outgoing;
        bool is_refused; /* it takes no more */
};

/* Beside regentd, also where that is not the installed one. */
static char *find_program(void)
{
        const char *regentd = getenv("REGENTD");
        g_autofree char *directory = g_path_get_dirname(regentd ? regentd : REGENTD_PATH);

        return g_build_filename(directory, "regent-store", NULL);
}

static char **make_argv(const Options *options, const char *verb, const char *const *arguments)
{
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_autofree char *program = find_program();

        g_strv_builder_add(builder, program);
        if (options->state_dir) {
                g_autofree char *option = g_strconcat("--state-dir=", options->state_dir, NULL);

                g_strv_builder_add(builder, option);
        }
        if (options->runtime_dir) {
                g_autofree char *option = g_strconcat("--runtime-dir=", options->runtime_dir, NULL);

                g_strv_builder_add(builder, option);
        }
        if (options->is_force)
                g_strv_builder_add(builder, "--force");
        g_strv_builder_add(builder, verb);
        for (; arguments && *arguments; arguments++)
                g_strv_builder_add(builder, *arguments);
        return g_strv_builder_end(builder);
}

static gboolean start_child(Offline *offline, char **argv, Failure **reterr)
{
        ChildSpec spec = CHILD_SPEC_INIT;
        int output[2], input[2];
        gboolean is_started;

        if (pipe2(output, O_CLOEXEC) < 0)
                return failure_set(reterr, EXIT_OTHER, "pipe: %s", g_strerror(errno));
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) < 0) {
                failure_set(reterr, EXIT_OTHER, "socketpair: %s", g_strerror(errno));
                close(output[0]);
                close(output[1]);
                return FALSE;
        }

        offline->from_fd = output[0];
        offline->to_fd = input[0];
        spec.argv = (const char *const *) argv;
        spec.stdin_fd = input[1];
        spec.stdout_fd = output[1];
        spec.is_bound = true;
        is_started = child_start(&spec, &offline->pid, reterr);
        close(output[1]);
        close(input[1]);
        return is_started;
}

gboolean offline_start(Context *context,
                       const char *verb,
                       const char *const *arguments,
                       Offline **ret_offline,
                       Failure **reterr)
{
        g_auto(GStrv) argv = make_argv(context->options, verb, arguments);
        g_autoptr(Offline) offline = NULL;

        if (context->options->host)
                return failure_set(
                        reterr, EXIT_USAGE,
                        "--host= does not go with that: files are those of this machine");

        offline = g_new(Offline, 1);
        *offline = (Offline){
                .context = context,
                .from_fd = -1,
                .to_fd = -1,
                .incoming = g_byte_array_new(),
                .outgoing = g_byte_array_new(),
        };
        if (!start_child(offline, argv, reterr))
                return FALSE;
        *ret_offline = g_steal_pointer(&offline);
        return TRUE;
}

/* With nobody at the other end it ends by itself, in good order. */
static void wait_for_end(const Offline *offline)
{
        struct pollfd fd = { .fd = pidfd_open(offline->pid, 0), .events = POLLIN };

        if (fd.fd < 0)
                return;
        if (!interrupt_came(offline->context->interrupt))
                (void) poll(&fd, 1, END_TIMEOUT_MSEC);
        close(fd.fd);
}

Offline *offline_free(Offline *offline)
{
        if (!offline)
                return NULL;

        if (offline->from_fd >= 0)
                close(offline->from_fd);
        if (offline->to_fd >= 0)
                close(offline->to_fd);
        if (offline->pid > 0) {
                wait_for_end(offline);
                child_end(offline->pid);
        }
        g_byte_array_unref(offline->incoming);
        g_byte_array_unref(offline->outgoing);
        g_free(offline);
        return NULL;
}

static void send_all(Offline *offline)
{
        guint n_sent = 0;

        while (n_sent < offline->outgoing->len && !offline->is_refused) {
                ssize_t n = send(offline->to_fd, offline->outgoing->data + n_sent,
                                 offline->outgoing->len - n_sent, MSG_NOSIGNAL);

                if (n >= 0)
                        n_sent += (guint) n;
                else
                        offline->is_refused = errno != EINTR;
        }
        g_byte_array_set_size(offline->outgoing, 0);
}

void offline_put(Offline *offline, const char *name, GVariant *body)
{
        static const guint8 zeros[8];
        g_autoptr(GVariant) message = g_variant_ref_sink(g_variant_new("(sv)", name, body));
        size_t n_bytes = g_variant_get_size(message);
        uint64_t length = GUINT64_TO_LE((uint64_t) n_bytes);

        g_byte_array_append(offline->outgoing, (const guint8 *) &length, sizeof length);
        g_byte_array_append(offline->outgoing, g_variant_get_data(message), (guint) n_bytes);
        g_byte_array_append(offline->outgoing, zeros, (guint) (PADDED(n_bytes) - n_bytes));
        if (offline->outgoing->len >= BUFFER_BYTES)
                send_all(offline);
}

static gboolean fail_cut_off(Offline *offline, Failure **reterr)
{
        int status = child_wait(offline->pid);

        offline->pid = 0;
        return failure_set(reterr, EXIT_OTHER, "regent-store ended early (%d)", status);
}

/* Waits for more; the end of it all is a failure. */
static gboolean read_more(Offline *offline, Failure **reterr)
{
        struct pollfd fds[] = {
                { .fd = offline->from_fd, .events = POLLIN },
                { .fd = interrupt_fd(offline->context->interrupt), .events = POLLIN },
        };
        guint8 *bytes = g_malloc(BUFFER_BYTES);
        ssize_t n = -1;

        while (n < 0 && !interrupt_came(offline->context->interrupt)) {
                if (poll(fds, 2, -1) < 0 || !fds[0].revents)
                        continue;
                n = read(offline->from_fd, bytes, BUFFER_BYTES);
                if (n < 0 && errno != EINTR)
                        n = 0;
        }

        if (n > 0)
                g_byte_array_append(offline->incoming, bytes, (guint) n);
        g_free(bytes);
        if (n < 0)
                return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
        return n > 0 || fail_cut_off(offline, reterr);
}

/* Until so many bytes are there that were not taken yet. */
static gboolean await_bytes(Offline *offline, size_t n_bytes, Failure **reterr)
{
        if (offline->incoming->len - offline->n_taken < n_bytes && offline->n_taken > 0) {
                g_byte_array_remove_range(offline->incoming, 0, offline->n_taken);
                offline->n_taken = 0;
        }
        while (offline->incoming->len - offline->n_taken < n_bytes)
                if (!read_more(offline, reterr))
                        return FALSE;
        return TRUE;
}

static gboolean fail_as_told(GVariant *body, Failure **reterr)
{
        const char *status, *text, *hint;
        ExitStatus known = EXIT_OTHER;

        g_variant_get(body, "(&s&s&s)", &status, &text, &hint);
        for (int i = EXIT_DONE; i <= EXIT_OTHER; i++)
                if (strcmp(failure_status_name((ExitStatus) i), status) == 0)
                        known = (ExitStatus) i;
        failure_set(reterr, known, "%s", text);
        if (*hint)
                failure_set_hint(*reterr, "%s", hint);
        else if (known == EXIT_DENIED && geteuid() != 0)
                failure_set_hint(*reterr, "uid 0 may: try it with sudo.");
        return FALSE;
}

static gboolean take_message(Offline *offline, GVariant **ret_message, Failure **reterr)
{
        g_autoptr(GBytes) bytes = NULL;
        uint64_t length;

        if (!await_bytes(offline, sizeof length, reterr))
                return FALSE;
        memcpy(&length, offline->incoming->data + offline->n_taken, sizeof length);
        length = GUINT64_FROM_LE(length);
        if (length > REGENT_STORE_MESSAGE_BYTES_MAX)
                return reply_fail(reterr);
        if (!await_bytes(offline, sizeof length + PADDED((size_t) length), reterr))
                return FALSE;

        bytes = g_bytes_new(offline->incoming->data + offline->n_taken + sizeof length,
                            (size_t) length);
        offline->n_taken += (guint) (sizeof length + PADDED((size_t) length));
        *ret_message =
                g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE("(sv)"), bytes, FALSE));
        return TRUE;
}

gboolean offline_get(Offline *offline, char **ret_name, GVariant **ret_body, Failure **reterr)
{
        g_autoptr(GVariant) message = NULL;
        g_autoptr(GVariant) body = NULL;
        g_autofree char *name = NULL;

        send_all(offline);
        if (!take_message(offline, &message, reterr))
                return FALSE;
        g_variant_get(message, "(sv)", &name, &body);
        if (strcmp(name, REGENT_STORE_FAILURE) == 0 &&
            g_variant_is_of_type(body, G_VARIANT_TYPE(REGENT_STORE_FAILURE_TYPE)))
                return fail_as_told(body, reterr);

        *ret_name = g_steal_pointer(&name);
        *ret_body = g_steal_pointer(&body);
        return TRUE;
}

gboolean offline_get_one(
        Offline *offline, const char *name, const char *type, GVariant **ret_body, Failure **reterr)
{
        g_autoptr(GVariant) body = NULL;
        g_autofree char *got = NULL;

        if (!offline_get(offline, &got, &body, reterr))
                return FALSE;
        if (g_strcmp0(got, name) != 0 || !g_variant_is_of_type(body, G_VARIANT_TYPE(type)))
                return reply_fail(reterr);
        *ret_body = g_steal_pointer(&body);
        return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

json_object *offline_facts_to_json(GVariant *facts)
{
        json_object *object = json_object_new_object();
        g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(char *));
        GVariantIter iterator;
        const char *name;
        GVariant *value;

        g_variant_iter_init(&iterator, facts);
        while (g_variant_iter_loop(&iterator, "{&sv}", &name, &value))
                g_array_append_val(names, name);
        g_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                name = g_array_index(names, const char *, i);
                value = g_variant_lookup_value(facts, name, NULL);
                json_object_object_add(object, name, value_json_data(value));
                g_variant_unref(value);
        }
        return object;
}
