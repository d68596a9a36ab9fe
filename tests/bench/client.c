/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client
 *
 * The calls are plain sd_bus_call(), as a program would write them, and the answer is read. The
 * same holds for Ping, which is the measure of all others, so the client's own work is in both.
 */

#include "client.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WRITE_BYTES 128
#define FILE_BYTES  (16 << 20)

struct Client {
        const Load *load;
        sd_bus *bus;         /* where calls go: a channel, or the bus itself */
        GPtrArray *channels; /* sd_bus that nothing is done with, the bus among them */
        int fd;              /* of the file; -1 without */
        off_t offset;
        uint64_t random;
        uint64_t n_operations;
        char path[ENTRY_TEXT_PATH_SIZE];
};

/* xorshift64*: cheap, and good enough to spread accesses over keys. */
static uint32_t client_random_below(Client *client, uint32_t bound)
{
        client->random ^= client->random >> 12;
        client->random ^= client->random << 25;
        client->random ^= client->random >> 27;
        return (uint32_t) (((client->random * UINT64_C(0x2545F4914F6CDD1D)) >> 32) * bound >> 32);
}

/* A filled file, as a journal is: what is written later changes no metadata. */
static int client_open_file(Client *client)
{
        static const char filling[1 << 16] = { 1 };

        client->fd = open(client->load->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (client->fd < 0)
                return -errno;

        for (off_t offset = 0; offset < FILE_BYTES; offset += (off_t) sizeof filling)
                if (pwrite(client->fd, filling, sizeof filling, offset) != sizeof filling)
                        return errno > 0 ? -errno : -EIO;

        return fsync(client->fd) < 0 ? -errno : 0;
}

static void channel_free(gpointer channel)
{
        sd_bus_flush_close_unref(channel);
}

/* The last one is taken. */
static int client_open_channels(Client *client, uint32_t n_channels)
{
        sd_bus *bus = client->bus;

        client->channels = g_ptr_array_new_with_free_func(channel_free);
        for (uint32_t i = 0; i < n_channels; i++) {
                sd_bus *channel;
                int r = bus_open_channel(&channel, bus);

                if (r < 0)
                        return r;
                g_ptr_array_add(client->channels, client->bus);
                client->bus = channel;
        }

        return 0;
}

int client_new(Client **ret_client, const Load *load, uint32_t index)
{
        g_autoptr(Client) client = g_new(Client, 1);
        int r = 0;

        *client = (Client){
                .load = load,
                .fd = -1,
                .random = (now_nsec() ^ ((uint64_t) index << 48)) | 1,
        };

        if (load->file)
                r = client_open_file(client);
        if (r == 0 && load->address)
                r = bus_open(&client->bus, load->address);
        if (r == 0 && load->n_channels > 0)
                r = client_open_channels(client, load->n_channels);
        if (r < 0)
                return r;

        *ret_client = g_steal_pointer(&client);
        return 0;
}

Client *client_free(Client *client)
{
        if (!client)
                return NULL;

        sd_bus_flush_close_unref(client->bus);
        if (client->channels)
                g_ptr_array_unref(client->channels);
        if (client->fd >= 0)
                (void) close(client->fd);
        g_free(client);
        return NULL;
}

static int client_write(Client *client)
{
        static const char record[WRITE_BYTES] = { 'r' };

        if (pwrite(client->fd, record, sizeof record, client->offset) != sizeof record)
                return errno > 0 ? -errno : -EIO;

        client->offset = (client->offset + WRITE_BYTES) % FILE_BYTES;
        return fdatasync(client->fd) < 0 ? -errno : 0;
}

static int client_new_call(Client *client, sd_bus_message **ret_call, const char *member)
{
        const Load *load = client->load;

        if (load->n_namespaces > 1 || client->n_operations == 0) {
                char name[ENTRY_TEXT_NAME_SIZE];

                entry_text_namespace(name, load->ns_name, load->n_namespaces,
                                     client_random_below(client, load->n_namespaces));
                entry_text_path(client->path, name);
        }

        return sd_bus_message_new_method_call(client->bus, ret_call, REGENT_BUS_NAME, client->path,
                                              REGENT_NAMESPACE_INTERFACE, member);
}

static int client_get(Client *client)
{
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        char key[ENTRY_TEXT_KEY_SIZE];
        const char *value;
        int r;

        r = client_new_call(client, &call, "Get");
        if (r < 0)
                return r;

        entry_text_key(key, client_random_below(client, client->load->n_keys));
        r = sd_bus_message_append(call, "s", key);
        if (r < 0)
                return r;

        r = bus_call(client->bus, call, &reply);
        if (r < 0)
                return r;

        r = sd_bus_message_read(reply, "v", "s", &value);
        return r < 0 ? r : 0;
}

static int client_set(Client *client)
{
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        char key[ENTRY_TEXT_KEY_SIZE];
        char value[ENTRY_TEXT_VALUE_SIZE];
        uint64_t revision;
        int r;

        r = client_new_call(client, &call, client->load->class_name ? "Apply" : "Set");
        if (r < 0)
                return r;

        entry_text_key(key, client_random_below(client, client->load->n_keys));
        entry_text_value(value, client->random, client->n_operations);
        r = client->load->class_name
                    ? sd_bus_message_append(call, "a{sv}asta{sv}", 1, key, "s", value, 0,
                                            UINT64_C(0), 1, "class", "s", client->load->class_name)
                    : sd_bus_message_append(call, "sv", key, "s", value);
        if (r < 0)
                return r;

        r = bus_call(client->bus, call, &reply);
        if (r < 0)
                return r;

        r = sd_bus_message_read(reply, "t", &revision);
        return r < 0 ? r : 0;
}

static int client_apply(Client *client)
{
        g_autoptr(sd_bus_message) call = NULL;
        uint32_t first = client_random_below(client, client->load->n_keys);
        int r;

        r = client_new_call(client, &call, "Apply");
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (uint32_t i = 0; r >= 0 && i < client->load->n_changes; i++) {
                char key[ENTRY_TEXT_KEY_SIZE];
                char value[ENTRY_TEXT_VALUE_SIZE];

                entry_text_key(key, (first + i) % client->load->n_keys);
                entry_text_value(value, client->random + i, client->n_operations);
                r = sd_bus_message_append(call, "{sv}", key, "s", value);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_append(call, "asta{sv}", 0, UINT64_C(0), 0);
        if (r < 0)
                return r;

        return bus_call(client->bus, call, NULL);
}

int client_operate(Client *client)
{
        int r = -EINVAL;

        switch (client->load->kind) {
        case LOAD_PING:
                r = bus_ping(client->bus);
                break;
        case LOAD_GET:
                r = client_get(client);
                break;
        case LOAD_SET:
                r = client_set(client);
                break;
        case LOAD_APPLY:
                r = client_apply(client);
                break;
        case LOAD_WRITE:
                r = client_write(client);
                break;
        case LOAD_FLOOR:
                r = bus_ping(client->bus);
                if (r == 0)
                        r = client_write(client);
                break;
        }

        client->n_operations++;
        return r;
}
