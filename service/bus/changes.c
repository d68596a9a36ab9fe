/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes
 *
 * They are collected first and appended then, so that room is asked for what there is, and what is too
 * much for a reply ends before anything is copied.
 */

#include "bus/changes.h"

#include "bus/answer.h"
#include "bus/bus-error.h"
#include "bus/channels.h"
#include "bus/namespace-object.h"
#include "bus/options.h"
#include "bus/page.h"
#include "bus/value-codec.h"
#include "core/history.h"

#include <inttypes.h>
#include <string.h>

typedef struct ChangesOptions {
        const char *epoch; /* NULL: not given */
        const char *prefix;
} ChangesOptions;

static int read_option(sd_bus_message *m,
                       const char *name,
                       void *userdata,
                       sd_bus_error *reterr_bus)
{
        ChangesOptions *options = userdata;

        if (strcmp(name, "epoch") == 0)
                return option_read_string(m, name, &options->epoch, reterr_bus);
        if (strcmp(name, "prefix") == 0)
                return page_read_prefix(m, name, &options->prefix, reterr_bus);
        return option_unknown(name, reterr_bus);
}

int changes_check(const BusService *service,
                  const Namespace *ns,
                  uint64_t since,
                  const char *epoch,
                  sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        int r;

        if (epoch && strcmp(epoch, service->status->epoch) != 0)
                return bus_refused(bus_error_set(
                        reterr_bus, CORE_E_HISTORY_LOST,
                        "The epoch is another one: what was read before counts for nothing"));

        r = history_check(service->state, ns, since, &text);
        return r == 0 ? 0 : bus_refused(bus_error_set(reterr_bus, r, text));
}

static int take(void *userdata, const char *key, Entry *entry)
{
        Changes *changes = userdata;

        changes->n_bytes += entry ? entry_reply_bytes(entry) : strlen(key) + 8;
        if (changes->n_bytes > changes->n_bytes_max)
                return CORE_E_TOO_MANY_CHANGES;

        if (entry)
                g_ptr_array_add(changes->changed, entry);
        else
                g_ptr_array_add(changes->removed, (gpointer) (uintptr_t) key);
        return 0;
}

static int refuse_size(uint64_t n_bytes_max, sd_bus_error *reterr_bus)
{
        return bus_refused(sd_bus_error_setf(
                reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                "More than a reply of %" PRIu64
                " bytes has changed: ask Namespace.GetMany for pages with 'limit' and 'after', and "
                "then for what has changed since the revision of the first page",
                n_bytes_max));
}

int changes_collect(Changes *changes,
                    const BusService *service,
                    sd_bus_message *m,
                    Namespace *ns,
                    const char *prefix,
                    uint64_t since,
                    sd_bus_error *reterr_bus)
{
        uint64_t n_bytes_max = channels_reply_max(service, m);
        int r;

        *changes = (Changes){
                .changed = g_ptr_array_new(),
                .removed = g_ptr_array_new(),
                .n_bytes_max = n_bytes_max - ANSWER_FRAME_BYTES,
        };
        r = history_walk(service->state, ns, prefix, since, take, changes);
        return r > 0 ? refuse_size(n_bytes_max, reterr_bus) : r;
}

int changes_append(const Changes *changes, sd_bus_message *m)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (guint i = 0; i < changes->changed->len && r >= 0; i++)
                r = value_codec_append_pair(m, changes->changed->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (guint i = 0; i < changes->removed->len && r >= 0; i++)
                r = sd_bus_message_append_basic(m, 's', changes->removed->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : 0;
}

void changes_clear(Changes *changes)
{
        g_clear_pointer(&changes->changed, g_ptr_array_unref);
        g_clear_pointer(&changes->removed, g_ptr_array_unref);
}

static int reply(sd_bus_message *m,
                 BusService *service,
                 const Changes *changes,
                 sd_bus_error *reterr_bus)
{
        g_auto(Answer) answer = { .service = service, .call = m };
        int r;

        r = answer_begin(&answer, changes_get, changes->n_bytes, reterr_bus);
        if (r != 0)
                return r;
        if (answer_grow(&answer, changes->n_bytes) != 0)
                return flow_refuse(service, m, reterr_bus);

        r = changes_append(changes, answer.reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(answer.reply, "t", state_revision(service->state));
        if (r < 0)
                return r;
        return answer_send(&answer);
}

int changes_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_auto(Changes) changes = { 0 };
        ChangesOptions options = { .prefix = "" };
        uint64_t since;
        Namespace *ns;
        int r;

        r = sd_bus_message_read_basic(m, 't', &since);
        if (r < 0)
                return r;
        r = options_read(m, read_option, &options, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_check_read(service, m, changes_get, name, "GetChanges", &ns, reterr_bus);
        if (r != 0)
                return r;

        r = changes_check(service, ns, since, options.epoch, reterr_bus);
        if (r < 0)
                return r;
        r = changes_collect(&changes, service, m, ns, options.prefix, since, reterr_bus);
        if (r < 0)
                return r;
        return reply(m, service, &changes, reterr_bus);
}
