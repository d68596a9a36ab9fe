/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transport
 */

#include "transport.h"

#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

gboolean transport_find_address(const char *address, char **ret_address, Failure **reterr)
{
        g_autoptr(GError) error = NULL;

        if (!address) {
                *ret_address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
                if (!*ret_address)
                        return failure_set(reterr, EXIT_UNREACHABLE, "No system bus: %s",
                                           error->message);
                return TRUE;
        }
        if (!g_dbus_is_supported_address(address, &error))
                return failure_set(reterr, EXIT_USAGE, "--address=%s: %s", address, error->message);
        *ret_address = g_strdup(address);
        return TRUE;
}

/* Where the port begins in [USER@]HOST:PORT; NULL without. An IPv6 address has colons of its own, and then brackets. */
static const char *find_port(const char *host)
{
        const char *colon = strrchr(host, ':');

        if (!colon || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1))
                return NULL;
        if (strchr(host, ':') != colon && (colon == host || colon[-1] != ']'))
                return NULL;
        return colon + 1;
}

/* What ssh is given as a name. The brackets are no part of the address: ssh would look up a name with them. */
static char *name_of(const char *host, const char *port)
{
        size_t n = port ? (size_t) (port - host - 1) : strlen(host);
        const char *at = memrchr(host, '@', n);
        size_t n_user = at ? (size_t) (at + 1 - host) : 0;
        const char *name = host + n_user;

        n -= n_user;
        if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
                name++;
                n -= 2;
        }
        return g_strdup_printf("%.*s%.*s", (int) n_user, host, (int) n, name);
}

static gboolean spawn(const char *host, bool may_ask, int fd, pid_t *ret_pid, Failure **reterr)
{
        const char *port = find_port(host);
        g_autofree char *name = name_of(host, port);
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();
        g_auto(GStrv) argv = NULL;
        gboolean is_started;
        ChildSpec spec = CHILD_SPEC_INIT;

        g_strv_builder_add(words, "ssh");
        g_strv_builder_add(words, "-xT");
        if (!may_ask) {
                g_strv_builder_add(words, "-o");
                g_strv_builder_add(words, "BatchMode=yes");
        }
        if (port) {
                g_strv_builder_add(words, "-p");
                g_strv_builder_add(words, port);
        }
        g_strv_builder_add(words, "--");
        g_strv_builder_add(words, name);
        g_strv_builder_add(words, "systemd-stdio-bridge");
        argv = g_strv_builder_end(words);

        spec.argv = (const char *const *) argv;
        spec.stdin_fd = fd;
        spec.stdout_fd = fd;
        spec.is_bound = true;
        is_started = child_start(&spec, ret_pid, reterr);
        if (!is_started)
                (*reterr)->status = EXIT_UNREACHABLE;
        return is_started;
}

/* ":22", "alice@:22", "alice@": a port or a user, and no host; or what was an option within brackets. */
static bool is_nameless(const char *host)
{
        g_autofree char *name = name_of(host, find_port(host));
        const char *at = strrchr(name, '@');

        return *name == '-' || (at ? at == name || at[1] == '\0' : *name == '\0');
}

static void add_escaped(GString *address, const char *text)
{
        for (; *text; text++)
                if (g_ascii_isalnum(*text) || strchr("-_/.", *text))
                        g_string_append_c(address, *text);
                else
                        g_string_append_printf(address, "%%%02x", (guchar) *text);
}

gboolean transport_ssh_address(const char *host,
                               bool may_ask,
                               char **ret_address,
                               Failure **reterr)
{
        const char *port = find_port(host);
        g_autofree char *name = name_of(host, port);
        g_autoptr(GString) address = g_string_new("unixexec:path=ssh,argv1=-xT");
        unsigned n = 2;

        /* ssh would take it for an option. */
        if (host[0] == '-' || host[0] == '\0' || is_nameless(host))
                return failure_set(reterr, EXIT_USAGE, "--host=%s: not the name of a host", host);
        if (!may_ask) {
                g_string_append_printf(address, ",argv%u=-o,argv%u=BatchMode%%3dyes", n, n + 1);
                n += 2;
        }
        if (port) {
                g_string_append_printf(address, ",argv%u=-p,argv%u=%s", n, n + 1, port);
                n += 2;
        }
        g_string_append_printf(address, ",argv%u=--,argv%u=", n, n + 1);
        add_escaped(address, name);
        g_string_append_printf(address, ",argv%u=systemd-stdio-bridge", n + 2);

        *ret_address = g_string_free(g_steal_pointer(&address), FALSE);
        return TRUE;
}

gboolean transport_start_ssh(
        const char *host, bool may_ask, GIOStream **ret_stream, pid_t *ret_pid, Failure **reterr)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GSocket) socket = NULL;
        gboolean is_started;
        int ends[2];

        /* ssh would take it for an option. */
        if (host[0] == '-' || host[0] == '\0' || is_nameless(host))
                return failure_set(reterr, EXIT_USAGE, "--host=%s: not the name of a host", host);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return failure_set(reterr, EXIT_OTHER, "socketpair: %s", g_strerror(errno));

        is_started = spawn(host, may_ask, ends[1], ret_pid, reterr);
        close(ends[1]);
        if (!is_started) {
                close(ends[0]);
                return FALSE;
        }
        socket = g_socket_new_from_fd(ends[0], &error);
        if (!socket) {
                close(ends[0]);
                child_end(*ret_pid);
                return failure_set_from_error(reterr, g_steal_pointer(&error));
        }
        *ret_stream = G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
        return TRUE;
}
