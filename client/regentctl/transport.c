/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transport
 */

#include "transport.h"

#include <string.h>

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

/* ":22", "alice@:22", "alice@": a port or a user, and no host; or what was an option within brackets. */
static bool is_nameless(const char *host)
{
        g_autofree char *name = name_of(host, find_port(host));
        const char *at = strrchr(name, '@');

        return *name == '-' || (at ? at == name || at[1] == '\0' : *name == '\0');
}

gboolean transport_check_address(const char *address, Failure **reterr)
{
        static const char *const transports[] = { "unix:", "tcp:", "unixexec:" };
        g_auto(GStrv) each = g_strsplit(address, ";", -1);

        for (char **at = each; *at; at++)
                for (size_t i = 0; i < G_N_ELEMENTS(transports); i++)
                        if (g_str_has_prefix(*at, transports[i]))
                                return TRUE;
        return failure_set(reterr, EXIT_USAGE, "--address=%s: not the address of a bus", address);
}

static void add_escaped(GString *address, const char *text)
{
        for (; *text; text++)
                if (g_ascii_isalnum(*text) || strchr("-_/.", *text))
                        g_string_append_c(address, *text);
                else
                        g_string_append_printf(address, "%%%02x", (guchar) *text);
}

gboolean transport_ssh_address(const char *host, bool may_ask, char **ret_address, Failure **reterr)
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
