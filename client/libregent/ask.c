/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for the channel
 *
 * Connect also says whether anybody is there. Where no channel is wanted a property does; not Ping, which a bridge to
 * another bus may answer by itself.
 */

#include "private.h"

#include <errno.h>
#include <string.h>

#define ASK_MAX 3u /* regentd may leave just then */

/* Whether nobody has heard Connect: then the bus is no better. */
static bool is_unheard(const char *name)
{
        static const char *const names[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,         SD_BUS_ERROR_DISCONNECTED,      NULL,
        };

        return g_strv_contains(names, name) ||
               g_str_has_prefix(name, "org.freedesktop.DBus.Error.Spawn.") ||
               strcmp(name, "org.freedesktop.DBus.Error.TimedOut") == 0;
}

/* Whether it was asked of a regentd that left then: the next one may answer. */
static bool is_left(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) &&
               !(error->message && strstr(error->message, "timed out"));
}

/* 0: READY. Else nobody is there, which is what failed last. */
static int take_answer(Regent *regent, sd_bus_message *reply, const sd_bus_error *error)
{
        int r, fd;

        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        if (error && is_unheard(error->name)) {
                regent->link = LINK_IDLE;
                return error_take(regent, error);
        }

        if (reply && !error && sd_bus_message_has_signature(reply, "h")) {
                r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UNIX_FD, &fd);
                if (r > 0)
                        (void) channel_new(regent, fd, &regent->channel);
        }

        regent->link = LINK_READY;
        regent->n_asked = 0;
        regent->reopen_delay_usec = LINK_REOPEN_DELAY_USEC;
        regent->presence = PRESENCE_THERE;
        return 0;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        Regent *regent = userdata;
        int r;

        (void) reterr;

        r = take_answer(regent, reply, error);
        if (r >= 0) {
                calls_send_held(regent);
                link_announce_later(regent);
                return 0;
        }

        /* One that is not started by followers may be by calls. */
        if (calls_has_held(regent) && (is_left(error) || regent->is_quiet) &&
            ++regent->n_asked < ASK_MAX && ask_start(regent, true) >= 0)
                return 0;

        calls_fail_held(regent, r);
        regent->n_asked = 0;
        link_set_away(regent);
        link_announce_later(regent);
        return 0;
}

/* Where no channel is wanted, it is asked whether anybody is there. */
static int new_question(Regent *regent, bool may_start_service, sd_bus_message **ret)
{
        bool has_channel = !(regent->flags & REGENT_BUS_ONLY);
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = message_new(regent->bus, false,
                        &(CallSpec){
                                .path = REGENT_PATH,
                                .interface_name = has_channel ? REGENT_MANAGER_INTERFACE
                                                              : "org.freedesktop.DBus.Properties",
                                .member = has_channel ? "Connect" : "Get",
                                .no_auto_start = !may_start_service,
                        },
                        &m);
        if (r >= 0)
                r = has_channel ? sd_bus_message_append(m, "a{sv}", 0)
                                : sd_bus_message_append(m, "ss", REGENT_MANAGER_INTERFACE, "Epoch");
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&m);
        return 0;
}

int ask_start(Regent *regent, bool may_start_service)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_question(regent, may_start_service, &m);
        if (r >= 0)
                r = sd_bus_call_async(regent->bus, &regent->connect_slot, m, on_answer, regent,
                                      regent->timeout_usec);
        if (r < 0)
                return error_set_errno(regent, r, "Cannot call regentd");

        regent->link = LINK_ASKING;
        regent->is_quiet = !may_start_service;
        return 0;
}

/* Again when the one that was asked has left. *reterr is set when it fails. */
static int ask_once_more(Regent *regent, sd_bus_error *reterr, sd_bus_message **ret_reply)
{
        int r = -ECONNRESET;

        for (unsigned i = 0; i < ASK_MAX; i++) {
                g_autoptr(sd_bus_message) m = NULL;

                sd_bus_error_free(reterr);
                r = new_question(regent, true, &m);
                if (r >= 0)
                        r = sd_bus_call(regent->bus, m, regent->timeout_usec, reterr, ret_reply);
                if (r < 0 && !sd_bus_error_is_set(reterr))
                        sd_bus_error_set_errno(reterr, r);
                if (r >= 0 || !is_left(reterr))
                        break;
        }

        return r < 0 ? r : 0;
}

int ask_and_wait(Regent *regent)
{
        g_autoptr(sd_bus_message) reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        r = ask_once_more(regent, &error, &reply);
        if (r < 0 && sd_bus_is_open(regent->bus) <= 0) {
                sd_bus_error_free(&error);
                link_break(regent, regent->bus);
                return -ECONNRESET;
        }

        r = take_answer(regent, reply, r < 0 ? &error : NULL);
        sd_bus_error_free(&error);
        if (r < 0)
                calls_fail_held(regent, r);
        else
                calls_send_held(regent);
        link_announce_later(regent);
        return r;
}

static void become_ready(Regent *regent)
{
        regent->link = LINK_READY;
        regent->reopen_delay_usec = LINK_REOPEN_DELAY_USEC;
        calls_send_held(regent);
        link_announce_later(regent);
}

void ask_bus_alone_later(Regent *regent)
{
        regent->link = LINK_ASKING;
        if (sd_bus_is_ready(regent->bus) > 0)
                become_ready(regent);
}

int ask_on_connected(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        Regent *regent = userdata;

        (void) m;
        (void) reterr;

        if (regent->link == LINK_ASKING && !regent->connect_slot)
                become_ready(regent);
        return 0;
}

int ask_bus_alone(Regent *regent)
{
        const char *name;
        int r;

        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        r = sd_bus_get_unique_name(regent->bus, &name);
        if (r < 0) {
                link_break(regent, regent->bus);
                return error_set_errno(regent, -ECONNRESET, "The bus does not let us in");
        }

        become_ready(regent);
        return 0;
}
