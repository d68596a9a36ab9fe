/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Load
 */

#include "load.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CLIENTS_MAX 128

static const char *const load_kinds[] = {
        [LOAD_PING] = "ping",   [LOAD_GET] = "get",     [LOAD_SET] = "set",
        [LOAD_APPLY] = "apply", [LOAD_WRITE] = "write", [LOAD_FLOOR] = "floor",
};

typedef struct LoadParameter {
        const char *name;
        bool is_number;
        size_t offset;
} LoadParameter;

static const LoadParameter load_parameters[] = {
        { "bus", false, offsetof(Load, address) },
        { "file", false, offsetof(Load, file) },
        { "namespace", false, offsetof(Load, ns_name) },
        { "namespaces", true, offsetof(Load, n_namespaces) },
        { "keys", true, offsetof(Load, n_keys) },
        { "changes", true, offsetof(Load, n_changes) },
        { "clients", true, offsetof(Load, n_clients) },
        { "channels", true, offsetof(Load, n_channels) },
        { "class", false, offsetof(Load, class_name) },
};

const char *load_kind_name(LoadKind kind)
{
        return load_kinds[kind];
}

static int refuse(const char *word, const char *why)
{
        fprintf(stderr, "bench-regent: '%s': %s\n", word, why);
        return -EINVAL;
}

static int load_set_kind(Load *load, const char *word)
{
        for (size_t kind = 0; kind < G_N_ELEMENTS(load_kinds); kind++)
                if (strcmp(load_kinds[kind], word) == 0) {
                        load->kind = (LoadKind) kind;
                        return 0;
                }

        return refuse(word, "no such operation");
}

static int load_set_parameter(Load *load, const char *word)
{
        const char *value = strchr(word, '=');

        for (size_t i = 0; value && i < G_N_ELEMENTS(load_parameters); i++) {
                const LoadParameter *p = &load_parameters[i];
                void *field = (char *) load + p->offset;
                uint64_t number;

                if (strlen(p->name) != (size_t) (value - word) ||
                    strncmp(p->name, word, (size_t) (value - word)) != 0)
                        continue;

                if (!p->is_number) {
                        g_free(*(char **) field);
                        *(char **) field = g_strdup(value + 1);
                        return 0;
                }
                if (!g_ascii_string_to_unsigned(value + 1, 10, 1, 1000000000, &number, NULL))
                        return refuse(word, "not a number from 1 on");

                *(uint32_t *) field = (uint32_t) number;
                return 0;
        }

        return refuse(word, "no such parameter");
}

static int load_check(const Load *load)
{
        const char *kind = load_kind_name(load->kind);
        bool has_file = load->kind == LOAD_WRITE || load->kind == LOAD_FLOOR;
        bool has_entries = load->kind != LOAD_PING && !has_file;

        if (has_file && !load->file)
                return refuse(kind, "needs file=");
        if (load->kind != LOAD_WRITE && !load->address)
                return refuse(kind, "needs bus=");
        if (has_entries && (!load->ns_name || load->n_keys == 0))
                return refuse(kind, "needs namespace= and keys=");
        if (load->kind == LOAD_APPLY && (load->n_changes == 0 || load->n_changes > load->n_keys))
                return refuse(kind, "needs changes=, no more than keys=");
        if (load->n_clients > CLIENTS_MAX)
                return refuse(kind, "too many clients");

        return 0;
}

int load_new(Load **ret_load, char **words, size_t n_words)
{
        g_autoptr(Load) load = g_new(Load, 1);
        int r;

        *load = (Load){ .n_clients = 1, .n_namespaces = 1 };

        r = load_set_kind(load, n_words > 0 ? words[0] : "");
        for (size_t i = 1; r == 0 && i < n_words; i++)
                r = load_set_parameter(load, words[i]);
        if (r == 0)
                r = load_check(load);
        if (r < 0)
                return r;

        *ret_load = g_steal_pointer(&load);
        return 0;
}

Load *load_free(Load *load)
{
        if (!load)
                return NULL;

        g_free(load->address);
        g_free(load->file);
        g_free(load->ns_name);
        g_free(load->class_name);
        g_free(load);
        return NULL;
}
