/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How calls fail
 */

#include "call-private.h"

#include <errno.h>
#include <string.h>

/* Members that leave everything as it was: nothing need be known of what became of them. */
static bool is_read(const char *interface_name, const char *member)
{
        static const char *const members[] = {
                "Acknowledge",
                "Backup",
                "Connect",
                "Describe",
                "Flush",
                "Get",
                "GetAll",
                "GetChanges",
                "GetMany",
                "GetNamespace",
                "GetStatistics",
                "Introspect",
                "List",
                "ListNamespaces",
                "ListPendingChanges",
                "OpenView",
                "Ping",
                "RegisterParticipant",
                "UnregisterParticipant",
                "Unwatch",
                "Watch",
                NULL,
        };

        return g_strv_contains(members, member) ||
               strcmp(interface_name, "org.freedesktop.DBus.ObjectManager") == 0;
}

bool call_is_unanswered(const char *name)
{
        static const char *const names[] = {
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_DISCONNECTED,
                NULL,
        };

        return g_strv_contains(names, name);
}

int call_error_of_reply(Regent *regent,
                        const char *interface_name,
                        const char *member,
                        const sd_bus_error *error)
{
        bool is_late = error->message && strstr(error->message, "timed out");

        if (!call_is_unanswered(error->name))
                return error_take(regent, error);

        if (!is_read(interface_name, member))
                return error_set(regent, -EIO, REGENT_ERROR_OUTCOME_UNKNOWN,
                                 "regentd %s: whether it was done is not known",
                                 is_late ? "has not answered in time" : "left before it answered");
        if (is_late || strcmp(error->name, SD_BUS_ERROR_TIMEOUT) == 0)
                return error_set(regent, -ETIMEDOUT, SD_BUS_ERROR_TIMEOUT,
                                 "regentd has not answered in time");

        return error_set(regent, -ECONNRESET, SD_BUS_ERROR_DISCONNECTED,
                         "regentd left before it answered");
}

/* It has no other words for that then. */
bool call_error_is_own(int r, const sd_bus_error *error)
{
        static const int errors[] = { -ENOBUFS, -EBADMSG, -EIO, -ENOMEM, -EINTR, -EXFULL };
        sd_bus_error own = SD_BUS_ERROR_NULL;
        bool is_same;

        sd_bus_error_set_errno(&own, r);
        is_same = g_strcmp0(own.name, error->name) == 0 &&
                  g_strcmp0(own.message, error->message) == 0;
        sd_bus_error_free(&own);

        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
                if (r == errors[i])
                        return is_same;

        return false;
}

int call_error_of_waiting(Regent *regent,
                          const char *interface_name,
                          const char *member,
                          int r,
                          const sd_bus_error *error)
{
        if (call_error_is_own(r, error) && !is_read(interface_name, member))
                return error_set(
                        regent, -EIO, REGENT_ERROR_OUTCOME_UNKNOWN,
                        "The answer could not be taken (%s): whether it was done is not known",
                        g_strerror(-r));

        return call_error_of_reply(regent, interface_name, member, error);
}

int call_error_of_sending(Regent *regent, int r)
{
        if (r == -EINVAL)
                return error_set(
                        regent, r, SD_BUS_ERROR_INVALID_ARGS,
                        "What was given is not of a type that D-Bus has, not in normal form, or no path or "
                        "name of it");
        if (r == -E2BIG)
                return error_set(
                        regent, r, REGENT_ERROR_TOO_BIG,
                        "What was given does not fit into a message, which has 32 MiB at most");
        if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE)
                return error_set(regent, -ECONNRESET, SD_BUS_ERROR_DISCONNECTED,
                                 "The connection to regentd is gone");

        return error_set_errno(regent, r, "The call could not be sent");
}

static bool is_tuple_type(const char *type)
{
        return type && g_variant_type_string_is_valid(type) && *type == '(' && type[1] != ')' &&
               g_variant_type_is_definite(G_VARIANT_TYPE(type)) && strlen(type) <= 257;
}

/* Of the tuple itself: what is within a member of it is none. */
static bool has_descriptor(const char *type)
{
        const GVariantType *member = g_variant_type_first(G_VARIANT_TYPE(type));

        while (member && !g_variant_type_equal(member, G_VARIANT_TYPE_HANDLE))
                member = g_variant_type_next(member);
        return member;
}

int call_check(Regent *regent, const CallSpec *spec)
{
        const char *failure = NULL;
        int r = regent_check_open(regent);

        /* Those of this library are right by themselves. */
        if ((spec->key || spec->build) && r >= 0)
                return 0;

        if (!spec->reply_type ||
            (strcmp(spec->reply_type, "()") != 0 && !is_tuple_type(spec->reply_type)))
                failure = "The type of the reply is not that of a tuple";
        else if (spec->arguments && !g_variant_is_of_type(spec->arguments, G_VARIANT_TYPE_TUPLE))
                failure = "The arguments are no tuple";
        else if (!spec->path || !g_variant_is_object_path(spec->path) || !spec->interface_name ||
                 !spec->member)
                failure = "The path, the interface or the member is no name that D-Bus allows";
        else if (spec->is_for_fd && !has_descriptor(spec->reply_type))
                failure = "The type of the reply has no descriptor among its members";
        if (!failure && r >= 0)
                return 0;

        if (spec->arguments)
                g_variant_unref(g_variant_ref_sink(spec->arguments));
        return failure ? error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS, "%s", failure) : r;
}

int call_error_of_type(Regent *regent, const char *type)
{
        return error_set(regent, -EBADMSG, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                         "The reply is of another type than %s", type);
}

int call_read_reply(
        Regent *regent, sd_bus_message *m, const char *type, GVariant **ret_reply, int *ret_fd)
{
        int r;

        r = message_read(m, type, ret_reply, strchr(type, 'h') ? ret_fd : NULL);
        if (r < 0)
                return call_error_of_type(regent, type);

        return 0;
}
