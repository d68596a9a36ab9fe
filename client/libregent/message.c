/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of calls
 */

#include "private.h"

#include "wire/values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Of a reply, whatever limits regentd has. */
#define REPLY_BYTES_MAX (64u << 20)

/* What is not is not what it says: a string without an end, or a boolean that is not there. */
static bool is_normal(const CallSpec *spec)
{
        return (!spec->arguments || g_variant_is_normal_form(spec->arguments)) &&
               (!spec->value || g_variant_is_normal_form(spec->value));
}

int message_new(sd_bus *link, bool is_channel, const CallSpec *spec, sd_bus_message **ret)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        if (!is_normal(spec))
                return -EINVAL;
        if (message_is_too_long(spec))
                return -E2BIG;

        r = sd_bus_message_new_method_call(link, &m, is_channel ? NULL : REGENT_BUS_NAME,
                                           spec->path, spec->interface_name, spec->member);
        if (r < 0)
                return r;

        if (spec->no_auto_start) {
                r = sd_bus_message_set_auto_start(m, false);
                if (r < 0)
                        return r;
        }
        if (spec->arguments)
                r = wire_append_members(m, spec->arguments);
        else if (spec->append)
                r = spec->append(spec->userdata, m);
        if (r >= 0 && spec->key)
                r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, spec->key);
        if (r >= 0 && spec->value)
                r = wire_append_variant(m, spec->value);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&m);
        return 0;
}

int message_copy(sd_bus *bus, sd_bus_message *sent, sd_bus_message **ret)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, REGENT_BUS_NAME, sd_bus_message_get_path(sent),
                                           sd_bus_message_get_interface(sent),
                                           sd_bus_message_get_member(sent));
        if (r >= 0)
                r = sd_bus_message_rewind(sent, true);
        if (r >= 0)
                r = sd_bus_message_copy(m, sent, true);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&m);
        return 0;
}

/* sd-bus has checked that it is one of D-Bus; a descriptor in a value is good for nothing. */
static int check_type(const char *type, WireDepth depth)
{
        (void) depth;

        return strchr(type, 'h') ? -EBADMSG : 0;
}

/* The first descriptor among the arguments, or -1. */
static int find_descriptor(sd_bus_message *m, int *ret_fd)
{
        const char *contents;
        char type;
        int r, fd;

        r = sd_bus_message_rewind(m, true);
        while (r >= 0) {
                r = sd_bus_message_peek_type(m, &type, &contents);
                if (r <= 0)
                        break;
                if (type == SD_BUS_TYPE_UNIX_FD) {
                        r = sd_bus_message_read_basic(m, type, &fd);
                        if (r >= 0)
                                *ret_fd = fd;
                        return r < 0 ? r : 0;
                }
                r = sd_bus_message_skip(m, NULL);
        }

        return r < 0 ? r : -EBADMSG;
}

/* What is wrong with a reply is wrong with regentd: nothing that it may send is too much. */
static int as_error(int r)
{
        return r <= 0 ? r : -EMSGSIZE;
}

int message_read_variant(sd_bus_message *m, GVariant **ret_value)
{
        size_t n_elements = SIZE_MAX;
        WireRules rules = { REPLY_BYTES_MAX, &n_elements, check_type };

        if (!sd_bus_message_has_signature(m, "v"))
                return -EBADMSG;

        return as_error(wire_read_variant(m, &rules, ret_value));
}

int message_read(sd_bus_message *m, const char *type, GVariant **ret_tuple, int *ret_fd)
{
        g_autoptr(GVariant) tuple = NULL;
        size_t n_elements = SIZE_MAX, length = strlen(type);
        const char *signature = sd_bus_message_get_signature(m, true);
        WireRules rules = { REPLY_BYTES_MAX, &n_elements, check_type };
        int r;

        if (!signature || strlen(signature) + 2 != length ||
            memcmp(signature, type + 1, length - 2) != 0)
                return -EBADMSG;

        r = as_error(wire_read_tuple(m, &rules, G_VARIANT_TYPE(type), &tuple));
        if (r < 0)
                return r;

        if (ret_fd) {
                r = find_descriptor(m, ret_fd);
                if (r < 0)
                        return r;
        }

        *ret_tuple = g_steal_pointer(&tuple);
        return 0;
}

void message_send(sd_bus *link,
                  const char *path,
                  const char *interface_name,
                  const char *member,
                  const char *types,
                  ...)
{
        const char *destination = sd_bus_is_bus_client(link) > 0 ? REGENT_BUS_NAME : NULL;
        g_autoptr(sd_bus_message) m = NULL;
        va_list arguments;
        int r;

        r = sd_bus_message_new_method_call(link, &m, destination, path, interface_name, member);
        if (r < 0)
                return;

        va_start(arguments, types);
        r = sd_bus_message_appendv(m, types, arguments);
        va_end(arguments);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                (void) sd_bus_send(link, m, NULL);
}
