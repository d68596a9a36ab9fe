/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of any member, and the shapes of replies that come again and again
 */

#include "private.h"

#include <errno.h>
#include <unistd.h>

int call_wait_for_revision(Regent *regent, const CallSpec *spec, uint64_t *ret_revision)
{
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t revision;
        int r;

        r = call_wait_for_message(regent, spec, &m);
        if (r < 0)
                return r;

        r = sd_bus_message_read_basic(m, SD_BUS_TYPE_UINT64, &revision);
        if (r <= 0)
                return error_set(regent, -EBADMSG, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                 "The reply has no revision");

        if (ret_revision)
                *ret_revision = revision;
        return 0;
}

int call_wait_for_child(Regent *regent, const CallSpec *spec, GVariant **ret_child)
{
        g_autoptr(GVariant) reply = NULL;
        int r;

        r = call_wait(regent, spec, &reply, NULL);
        if (r < 0)
                return r;

        if (ret_child)
                *ret_child = g_variant_get_child_value(reply, 0);
        return 0;
}

int regent_call(Regent *regent,
                const char *path,
                const char *interface_name,
                const char *member,
                GVariant *arguments,
                const char *reply_type,
                GVariant **ret_reply)
{
        CallSpec spec = {
                .path = path,
                .interface_name = interface_name,
                .member = member,
                .arguments = arguments,
                .reply_type = reply_type,
        };

        return call_wait(regent, &spec, ret_reply, NULL);
}

int regent_call_async(Regent *regent,
                      const char *path,
                      const char *interface_name,
                      const char *member,
                      GVariant *arguments,
                      const char *reply_type,
                      RegentOnReply on_reply,
                      void *userdata,
                      RegentCall **ret_call)
{
        CallSpec spec = {
                .path = path,
                .interface_name = interface_name,
                .member = member,
                .arguments = arguments,
                .reply_type = reply_type,
        };

        return call_start(regent, &spec, on_reply, userdata, ret_call);
}

int regent_call_for_fd(Regent *regent,
                       const char *path,
                       const char *interface_name,
                       const char *member,
                       GVariant *arguments,
                       const char *reply_type,
                       GVariant **ret_reply,
                       int *ret_fd)
{
        CallSpec spec = {
                .path = path,
                .interface_name = interface_name,
                .member = member,
                .arguments = arguments,
                .reply_type = reply_type,
                .is_for_fd = true,
        };
        int unwanted = -1;
        int r;

        r = call_wait(regent, &spec, ret_reply, ret_fd ? ret_fd : &unwanted);
        if (unwanted >= 0)
                close(unwanted);
        return r;
}

int regent_call_for_fd_async(Regent *regent,
                             const char *path,
                             const char *interface_name,
                             const char *member,
                             GVariant *arguments,
                             const char *reply_type,
                             RegentOnReplyForFd on_reply,
                             void *userdata,
                             RegentCall **ret_call)
{
        CallSpec spec = {
                .path = path,
                .interface_name = interface_name,
                .member = member,
                .arguments = arguments,
                .reply_type = reply_type,
                .is_for_fd = true,
        };

        return call_start_for_fd(regent, &spec, on_reply, userdata, ret_call);
}
