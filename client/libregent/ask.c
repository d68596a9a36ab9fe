/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for the channel
 *
 * Connect also says whether anybody is there. Where no channel is wanted a property does; not Ping, which a bridge to
 * another bus may answer by itself.
 */

#include "call-private.h"

#include <errno.h>
#include <string.h>

#define BUS_DRIVER "org.freedesktop.DBus"

#define ASK_MAX 3u /* regentd may leave just then */

/*
 * Whether nobody has heard Connect: then the bus is no better. What the bus answers in regentd's place are the errors
 * of starting it, by whatever name, but for its policy, which holds for every call.
 */
static bool is_unheard(const char *name, const char *sender)
{
        return call_is_unanswered(name) || (g_strcmp0(sender, BUS_DRIVER) == 0 &&
                                            strcmp(name, SD_BUS_ERROR_ACCESS_DENIED) != 0);
}

/* Whether there may be a channel later. */
static bool is_passing(const char *name)
{
        static const char *const names[] = {
                SD_BUS_ERROR_LIMITS_EXCEEDED,
                SD_BUS_ERROR_NO_MEMORY,
                "System.Error.EMFILE",
                "System.Error.ENFILE",
                NULL,
        };

        return strcmp(name, REGENT_ERROR_BUSY) == 0 || g_strv_contains(names, name);
}

/* Whether it was asked of a regentd that left then: the next one may answer. */
static bool is_left(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) &&
               !(error->message && strstr(error->message, "timed out"));
}

static void take_channel(Regent *regent, sd_bus_message *reply)
{
        int r, fd;

        r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UNIX_FD, &fd);
        if (r > 0)
                r = channel_new(regent, fd, &regent->channel);
        regent->is_channel_heard = false;
        quick_note_channel(regent);
        if (r < 0)
                retry_later(regent);
}

static int take_unheard(Regent *regent, const sd_bus_error *error)
{
        regent->link = LINK_IDLE;
        if (call_is_unanswered(error->name))
                return error_take(regent, error);

        return error_set(regent, -EHOSTUNREACH, SD_BUS_ERROR_SERVICE_UNKNOWN, "%s",
                         error->message ? error->message : error->name);
}

/* 0: READY. Else nobody is there, which is what failed last. */
static int take_answer(Regent *regent,
                       sd_bus_message *reply,
                       const sd_bus_error *error,
                       const char *sender)
{
        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        regent->is_upgrading = false;
        g_clear_pointer(&regent->server, g_free);
        if (error && is_unheard(error->name, sender))
                return take_unheard(regent, error);

        if (!error && sd_bus_message_has_signature(reply, "h"))
                take_channel(regent, reply);
        else if (error && regent->is_channel_asked && is_passing(error->name))
                retry_later(regent);

        if (sender && *sender == ':')
                regent->server = g_strdup(sender);
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

        r = take_answer(regent, reply, error, sd_bus_message_get_sender(reply));
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

/* Where no channel is wanted, or not yet again, it is asked whether anybody is there. */
static int new_question(Regent *regent, bool may_start_service, sd_bus_message **ret)
{
        bool has_channel = !(regent->flags & REGENT_BUS_ONLY) && !retry_is_early(regent);
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

        regent->is_channel_asked = has_channel;
        if (has_channel)
                retry_forget(regent);
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
static int ask_once_more(Regent *regent,
                         uint64_t deadline_usec,
                         sd_bus_error *reterr,
                         sd_bus_message **ret_reply)
{
        int r = -ECONNRESET;

        for (unsigned i = 0; i < ASK_MAX; i++) {
                g_autoptr(sd_bus_message) m = NULL;

                sd_bus_error_free(reterr);
                r = new_question(regent, true, &m);
                if (r >= 0)
                        r = deadline_call(deadline_usec, regent->bus, m, reterr, ret_reply);
                else
                        sd_bus_error_set_errno(reterr, r);
                if (r >= 0 || !is_left(reterr))
                        break;
        }

        return r < 0 ? r : 0;
}

/* Whose error it is that came in place of a reply: its sender is not told. */
static char *find_sender(Regent *regent, uint64_t deadline_usec, const sd_bus_error *error)
{
        g_autoptr(sd_bus_message) m = NULL, reply = NULL;
        sd_bus_error unowned = SD_BUS_ERROR_NULL;
        const char *owner = NULL;
        int r;

        if (call_is_unanswered(error->name) || strcmp(error->name, SD_BUS_ERROR_ACCESS_DENIED) == 0)
                return NULL;

        r = sd_bus_message_new_method_call(regent->bus, &m, BUS_DRIVER, "/org/freedesktop/DBus",
                                           BUS_DRIVER, "GetNameOwner");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", REGENT_BUS_NAME);
        if (r >= 0)
                r = deadline_call(deadline_usec, regent->bus, m, &unowned, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &owner);
        sd_bus_error_free(&unowned);
        return g_strdup(r < 0 ? BUS_DRIVER : owner);
}

int ask_and_wait(Regent *regent, uint64_t deadline_usec)
{
        g_autoptr(sd_bus_message) reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *sender = NULL;
        int r;

        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        r = ask_once_more(regent, deadline_usec, &error, &reply);
        /* A descriptor for which there is no room spoils all that comes after it. */
        if (r == -EXFULL)
                retry_later(regent);
        if (r < 0 && (sd_bus_is_open(regent->bus) <= 0 || call_error_is_own(r, &error))) {
                sd_bus_error_free(&error);
                link_break(regent, regent->bus);
                return -ECONNRESET;
        }

        sender = r < 0 ? find_sender(regent, deadline_usec, &error)
                       : g_strdup(sd_bus_message_get_sender(reply));
        r = take_answer(regent, reply, r < 0 ? &error : NULL, sender);
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
        g_clear_pointer(&regent->server, g_free);
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

int ask_bus_alone(Regent *regent, uint64_t deadline_usec)
{
        int r;

        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        r = deadline_wait_ready(deadline_usec, regent->bus);
        if (r == -ETIMEDOUT) {
                regent->link = LINK_IDLE;
                error_set(regent, r, SD_BUS_ERROR_TIMEOUT, "The bus has not let us in in time");
                calls_fail_held(regent, r);
                return r;
        }
        if (r < 0) {
                link_break(regent, regent->bus);
                return error_set_errno(regent, -ECONNRESET, "The bus does not let us in");
        }

        become_ready(regent);
        return 0;
}
