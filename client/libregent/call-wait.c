/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that wait for their reply
 *
 * Nothing else that arrives meanwhile is looked at: it waits for regent_process().
 */

#include "call-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int exchange(Regent *regent,
                    const CallSpec *spec,
                    bool is_interactive,
                    uint64_t deadline_usec,
                    sd_bus_error *reterr,
                    sd_bus_message **ret_reply)
{
        sd_bus *link = is_interactive ? regent->bus : link_bus(regent);
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t cookie;
        bool is_own;
        int r;

        r = message_new(link, link == regent->channel, spec, &m);
        if (r >= 0 && is_interactive)
                r = sd_bus_message_set_allow_interactive_authorization(m, true);
        if (r < 0)
                return call_error_of_sending(regent, r);

        quick_note_sent(regent, link, spec);
        r = deadline_call(deadline_usec, link, m, reterr, ret_reply);
        is_own = r < 0 && call_error_is_own(r, reterr);
        if (r >= 0 || (!is_own && !call_is_unanswered(reterr->name)))
                retry_note_reply(regent, link);
        else if (sd_bus_message_get_cookie(m, &cookie) >= 0)
                quick_note_owed(regent, link);
        if (r >= 0)
                return 0;

        /* What it cannot read stays where it is. */
        if (sd_bus_is_open(link) <= 0 || ((r == -EBADMSG || r == -EXFULL) && is_own))
                link_break(regent, link);
        if (sd_bus_message_get_cookie(m, &cookie) < 0)
                return call_error_of_sending(regent, r);
        return call_error_of_waiting(regent, spec->interface_name, spec->member, r, reterr);
}

/* Without sd-bus where that can be. */
static int exchange_quickly(Regent *regent,
                            const CallSpec *spec,
                            uint64_t deadline_usec,
                            sd_bus_error *reterr,
                            QuickReply *ret_quick)
{
        sd_bus *link = regent->channel;
        int r;

        r = quick_call(regent, spec, deadline_usec, reterr, ret_quick);
        if (r == QUICK_UNFIT)
                return r;

        if (r >= 0 || !call_is_unanswered(reterr->name))
                retry_note_reply(regent, link);
        else if (r == -ETIMEDOUT)
                quick_note_owed(regent, link);
        if (r >= 0)
                return 0;
        return call_error_of_waiting(regent, spec->interface_name, spec->member, r, reterr);
}

static int exchange_over_link(Regent *regent,
                              const CallSpec *spec,
                              uint64_t deadline_usec,
                              sd_bus_error *reterr,
                              sd_bus_message **ret_reply)
{
        int r;

        r = link_require(regent, deadline_usec);
        if (r < 0)
                return r;

        return exchange(regent, spec, false, deadline_usec, reterr, ret_reply);
}

static int take_reply(
        Regent *regent, sd_bus_message *m, const char *type, GVariant **ret_reply, int *ret_fd)
{
        g_autoptr(GVariant) reply = NULL;
        int r, fd = -1;

        r = call_read_reply(regent, m, type, &reply, &fd);
        if (r < 0)
                return r;

        if (ret_fd) {
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (fd < 0)
                        return error_set_errno(regent, -errno, "The descriptor cannot be kept");
                *ret_fd = fd;
        }
        if (ret_reply)
                *ret_reply = g_steal_pointer(&reply);
        return 0;
}

/* The arguments are this call's, whatever becomes of it. Without ret_quick there is always a message. */
static int link_and_exchange(Regent *regent,
                             const CallSpec *spec,
                             QuickReply *ret_quick,
                             sd_bus_message **ret_reply)
{
        g_autoptr(GVariant) arguments =
                spec->arguments ? g_variant_ref_sink(spec->arguments) : NULL;
        uint64_t deadline_usec = deadline_in(regent->timeout_usec);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        CallSpec built = *spec;
        int r = QUICK_UNFIT;

        if (ret_quick)
                r = exchange_quickly(regent, spec, deadline_usec, &error, ret_quick);
        if (r != 0 && spec->build && !spec->append) {
                arguments = g_variant_ref_sink(spec->build(spec->userdata));
                built.arguments = arguments;
        }
        if (r == QUICK_UNFIT)
                r = exchange_over_link(regent, &built, deadline_usec, &error, ret_reply);
        if (r < 0 && regent->is_interactive && regent->bus &&
            sd_bus_error_has_name(&error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)) {
                sd_bus_error_free(&error);
                r = exchange(regent, &built, true, deadline_in(CALL_INTERACTIVE_USEC), &error,
                             ret_reply);
        }

        sd_bus_error_free(&error);
        return r;
}

int call_wait_for_message(Regent *regent, const CallSpec *spec, sd_bus_message **ret_reply)
{
        int r;

        r = call_check(regent, spec);
        return r < 0 ? r : link_and_exchange(regent, spec, NULL, ret_reply);
}

int call_wait(Regent *regent, const CallSpec *spec, GVariant **ret_reply, int *ret_fd)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = call_wait_for_message(regent, spec, &m);
        if (r < 0)
                return r;

        return take_reply(regent, m, spec->reply_type, ret_reply, ret_fd);
}

static bool is_revision(const CallSpec *spec)
{
        return strcmp(spec->reply_type, "(t)") == 0;
}

static int fail_type(Regent *regent, const CallSpec *spec)
{
        if (is_revision(spec))
                return error_set(regent, -EBADMSG, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                 "The reply has no revision");

        return call_error_of_type(regent, spec->reply_type);
}

static int read_written(Regent *regent, const CallSpec *spec, sd_bus_message *m, QuickReply *ret)
{
        g_autoptr(GVariant) reply = NULL;
        int r;

        if (is_revision(spec)) {
                r = sd_bus_message_read_basic(m, SD_BUS_TYPE_UINT64, &ret->revision);
                return r > 0 ? 0 : fail_type(regent, spec);
        }

        r = take_reply(regent, m, spec->reply_type, &reply, NULL);
        if (r >= 0)
                g_variant_get(reply, "(t@a{sv})", &ret->revision, &ret->result);
        return r;
}

int call_wait_for_write(Regent *regent,
                        const CallSpec *spec,
                        uint64_t *ret_revision,
                        GVariant **ret_result)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_auto(QuickReply) reply = { .wants_result = ret_result };
        int r;

        r = call_check(regent, spec);
        if (r >= 0)
                r = link_and_exchange(regent, spec, spec->is_write ? &reply : NULL, &m);
        if (r >= 0 && m)
                r = read_written(regent, spec, m, &reply);
        if (r >= 0 && reply.is_of_other_type)
                r = fail_type(regent, spec);
        if (r < 0)
                return r;

        if (ret_revision)
                *ret_revision = reply.revision;
        if (ret_result)
                *ret_result = g_steal_pointer(&reply.result);
        return 0;
}
