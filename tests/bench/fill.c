/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fill
 *
 * Creating a namespace is a durable commit each. So that thousands do not take as many flushes,
 * several calls are always under way: fewer than a connection may have.
 */

#include "fill.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"

#include <errno.h>
#include <stdio.h>

#define NAMESPACES_TOGETHER_MAX 128 /* in one commit */
#define PENDING_MAX             32
#define PATIENCE_USEC           (UINT64_C(60) * 1000000)
#define NO_TIMEOUT              UINT64_MAX

typedef struct Pending {
        uint32_t n_calls;
        int error;
} Pending;

static int on_created(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Pending *pending = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        pending->n_calls--;
        if (error && !sd_bus_error_has_name(error, REGENT_ERROR_NAMESPACE_EXISTS)) {
                fprintf(stderr, "bench-regent: CreateNamespace: %s: %s\n", error->name,
                        error->message);
                pending->error = -EIO;
        }

        return 0;
}

/* Turns the connection until no more than @n_calls are under way. */
static int pending_wait(Pending *pending, sd_bus *bus, uint32_t n_calls)
{
        while (pending->n_calls > n_calls && pending->error == 0) {
                int r;

                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, NO_TIMEOUT);
                if (r < 0)
                        return r;
        }

        return pending->error;
}

static int create_namespaces(sd_bus *bus, const char *ns_name, uint32_t n_namespaces)
{
        Pending pending = { 0 };

        for (uint32_t i = 0; i < n_namespaces; i++) {
                g_autoptr(sd_bus_message) call = NULL;
                char name[ENTRY_TEXT_NAME_SIZE];
                int r;

                r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                                   REGENT_MANAGER_INTERFACE, "CreateNamespace");
                if (r < 0)
                        return r;

                entry_text_namespace(name, ns_name, n_namespaces, i);
                r = sd_bus_message_append(call, "sa{sv}", name, 0);
                if (r < 0)
                        return r;

                r = sd_bus_call_async(bus, NULL, call, on_created, &pending, PATIENCE_USEC);
                if (r < 0)
                        return r;

                pending.n_calls++;
                r = pending_wait(&pending, bus, PENDING_MAX - 1);
                if (r < 0)
                        return r;
        }

        return pending_wait(&pending, bus, 0);
}

static int append_entries(sd_bus_message *call,
                          uint64_t generation,
                          uint32_t first_key,
                          uint32_t n_keys)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (uint32_t i = first_key; r >= 0 && i < first_key + n_keys; i++) {
                char key[ENTRY_TEXT_KEY_SIZE];
                char value[ENTRY_TEXT_VALUE_SIZE];

                entry_text_key(key, i);
                entry_text_value(value, generation, i);
                r = sd_bus_message_append(call, "{sv}", key, "s", value);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r;
}

static int append_namespace_entries(sd_bus_message *call,
                                    uint64_t generation,
                                    const char *name,
                                    uint32_t first_key,
                                    uint32_t n_keys)
{
        int r;

        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", "set");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "a{sv}");
        if (r >= 0)
                r = append_entries(call, generation, first_key, n_keys);
        for (int i = 0; r >= 0 && i < 5; i++)
                r = sd_bus_message_close_container(call);
        return r;
}

static int apply_to_one(
        sd_bus *bus, uint64_t generation, const char *ns_name, uint32_t first_key, uint32_t n_keys)
{
        g_autoptr(sd_bus_message) call = NULL;
        char path[ENTRY_TEXT_PATH_SIZE];
        int r;

        entry_text_path(path, ns_name);
        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, path,
                                           REGENT_NAMESPACE_INTERFACE, "Apply");
        if (r >= 0)
                r = append_entries(call, generation, first_key, n_keys);
        if (r >= 0)
                r = sd_bus_message_append(call, "asta{sv}", 0, UINT64_C(0), 0);
        if (r < 0)
                return r;

        return bus_call(bus, call, NULL);
}

static int apply_to_many(sd_bus *bus,
                         uint64_t generation,
                         const char *ns_name,
                         uint32_t n_namespaces,
                         uint32_t first_namespace,
                         uint32_t end_namespace,
                         uint32_t first_key,
                         uint32_t n_keys)
{
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                           REGENT_MANAGER_INTERFACE, "Apply");
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (uint32_t i = first_namespace; r >= 0 && i < end_namespace; i++) {
                char name[ENTRY_TEXT_NAME_SIZE];

                entry_text_namespace(name, ns_name, n_namespaces, i);
                r = append_namespace_entries(call, generation, name, first_key, n_keys);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ta{sv}", UINT64_C(0), 0);
        if (r < 0)
                return r;

        return bus_call(bus, call, NULL);
}

static int fill_one(sd_bus *bus,
                    uint64_t generation,
                    const char *ns_name,
                    uint32_t first_key,
                    uint32_t n_keys,
                    uint32_t n_changes)
{
        int r = 0;

        for (uint32_t done = 0; r == 0 && done < n_keys; done += n_changes)
                r = apply_to_one(bus, generation, ns_name, first_key + done,
                                 MIN(n_changes, n_keys - done));
        return r;
}

static int fill_many(sd_bus *bus,
                     uint64_t generation,
                     const char *ns_name,
                     uint32_t n_namespaces,
                     uint32_t first_key,
                     uint32_t n_keys,
                     uint32_t n_changes)
{
        uint32_t n_together = CLAMP(n_changes / MAX(n_keys, 1), 1, NAMESPACES_TOGETHER_MAX);
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < n_namespaces; i += n_together)
                r = apply_to_many(bus, generation, ns_name, n_namespaces, i,
                                  MIN(i + n_together, n_namespaces), first_key, n_keys);
        return r;
}

int fill_run(sd_bus *bus,
             const char *ns_name,
             uint32_t n_namespaces,
             uint32_t first_key,
             uint32_t n_keys,
             uint32_t n_changes)
{
        uint64_t generation = now_nsec(); /* so that filling again changes every value */
        int r;

        r = create_namespaces(bus, ns_name, n_namespaces);
        if (r < 0)
                return r;

        if (n_namespaces == 1)
                return fill_one(bus, generation, ns_name, first_key, n_keys, n_changes);

        return fill_many(bus, generation, ns_name, n_namespaces, first_key, n_keys, n_changes);
}
