/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching names
 *
 * Watch of the Manager. Only uid and mode decide which namespaces belong to it, at each change anew.
 */

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/channels.h"
#include "bus/watch-methods.h"
#include "bus/watch-reply.h"
#include "core/history.h"

#include <string.h>

#define NAMESPACE_FRAME_BYTES 64u

/* The keys of one namespace that are not read any more. */
typedef struct Removed {
        const char *name; /* borrowed */
        GPtrArray *keys;
} Removed;

typedef struct NamesReply {
        Answer answer;
        const WatchOptions *options;
        const Caller *caller;
        GArray *removed;     /* Removed */
        GPtrArray *complete; /* borrowed names */
} NamesReply;

static void removed_clear(gpointer userdata)
{
        g_ptr_array_unref(((Removed *) userdata)->keys);
}

static void names_reply_clear(NamesReply *reply)
{
        answer_clear(&reply->answer);
        g_clear_pointer(&reply->removed, g_array_unref);
        g_clear_pointer(&reply->complete, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NamesReply, names_reply_clear)

static GTreeNode *first_node(State *state, const char *prefix)
{
        return g_tree_lower_bound(state_namespaces(state), prefix);
}

/* The namespace at *node or behind it that belongs to the watch; NULL at the end. */
static Namespace *next_namespace(GTreeNode **node, const char *prefix, const Caller *caller)
{
        while (*node) {
                Namespace *ns = g_tree_node_value(*node);

                if (!g_str_has_prefix(ns->name, prefix))
                        return NULL;
                *node = g_tree_node_next(*node);
                if (authorizer_may_list(caller, ns))
                        return ns;
        }

        return NULL;
}

static uint64_t all_bytes(BusService *service,
                          const Caller *caller,
                          const WatchOptions *options,
                          uint64_t n_bytes_max)
{
        GTreeNode *node = first_node(service->state, options->prefix);
        uint64_t n_bytes = 0;
        const Namespace *ns;

        while (n_bytes < n_bytes_max && (ns = next_namespace(&node, options->prefix, caller)))
                n_bytes += NAMESPACE_FRAME_BYTES + LIMIT_NAMESPACE_NAME_BYTES +
                           watch_reply_bytes(ns, options);
        return n_bytes;
}

/* Of what was made since, or has lost its history, all is new. */
static bool has_history(const BusService *service, const Namespace *ns, uint64_t since)
{
        g_autofree char *text = NULL;

        return history_check(service->state, ns, since, &text) == 0;
}

static int append_content(NamesReply *reply, Namespace *ns, sd_bus_error *reterr_bus)
{
        const WatchOptions *options = reply->options;
        Removed removed;
        int r;

        if (options->has_no_values)
                return sd_bus_message_append(reply->answer.reply, "a{sv}", 0);
        if (!options->has_since)
                return watch_reply_append_all(&reply->answer, ns, "", reterr_bus);
        if (!has_history(reply->answer.service, ns, options->since)) {
                g_ptr_array_add(reply->complete, ns->name);
                return watch_reply_append_all(&reply->answer, ns, "", reterr_bus);
        }

        removed = (Removed){ ns->name, g_ptr_array_new() };
        g_array_append_val(reply->removed, removed);
        r = watch_reply_append_since(&reply->answer, ns, "", options->since, removed.keys,
                                     reterr_bus);
        return r;
}

static int append_namespace(NamesReply *reply, Namespace *ns, sd_bus_error *reterr_bus)
{
        sd_bus_message *m = reply->answer.reply;
        int r;

        /* It may be named three times. */
        r = watch_reply_grow(&reply->answer, NAMESPACE_FRAME_BYTES + 3 * strlen(ns->name),
                             reterr_bus);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', ns->name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{sv}");
        if (r >= 0)
                r = append_content(reply, ns, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_values(NamesReply *reply, sd_bus_error *reterr_bus)
{
        const char *prefix = reply->options->prefix;
        GTreeNode *node = first_node(reply->answer.service->state, prefix);
        Namespace *ns;
        int r;

        r = sd_bus_message_open_container(reply->answer.reply, 'a', "{sv}");
        while (r >= 0 && (ns = next_namespace(&node, prefix, reply->caller)))
                r = append_namespace(reply, ns, reterr_bus);
        return r < 0 ? r : sd_bus_message_close_container(reply->answer.reply);
}

static int append_removed(NamesReply *reply)
{
        sd_bus_message *m = reply->answer.reply;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (guint i = 0; r >= 0 && i < reply->removed->len; i++) {
                const Removed *removed = &g_array_index(reply->removed, Removed, i);

                if (removed->keys->len == 0)
                        continue;
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', removed->name);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'v', "as");
                if (r >= 0)
                        r = watch_reply_append_keys(&reply->answer, removed->keys);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int build(NamesReply *reply, uint64_t number, sd_bus_error *reterr_bus)
{
        int r;

        r = sd_bus_message_append_basic(reply->answer.reply, 't', &number);
        if (r >= 0)
                r = append_values(reply, reterr_bus);
        if (r >= 0)
                r = append_removed(reply);
        if (r >= 0)
                r = watch_reply_append_keys(&reply->answer, reply->complete);
        if (r >= 0)
                r = sd_bus_message_append(reply->answer.reply, "t",
                                          state_revision(reply->answer.service->state));
        return r;
}

static int check_future(const BusService *service, const WatchOptions *options, sd_bus_error *e)
{
        if (!options->has_since || options->since <= state_revision(service->state))
                return 0;
        return bus_refused(bus_error_set(e, CORE_E_HISTORY_LOST,
                                         "The revision given as 'since' is not one of this "
                                         "history"));
}

static int begin(BusService *service,
                 sd_bus_message *m,
                 Caller *caller,
                 const WatchOptions *options,
                 sd_bus_error *reterr_bus)
{
        g_auto(NamesReply) reply = { .answer = { .service = service, .call = m },
                                     .options = options,
                                     .caller = caller };
        Watch *resumed;
        int r;

        r = watch_options_admit(options, service, m, caller, true, options->prefix, &resumed,
                                reterr_bus);
        if (r >= 0)
                r = check_future(service, options, reterr_bus);
        if (r < 0)
                return r;

        r = answer_begin(&reply.answer, watch_method_begin_names,
                         all_bytes(service, caller, options, channels_reply_max(service, m)),
                         reterr_bus);
        if (r != 0)
                return r;

        reply.removed = g_array_new(FALSE, FALSE, sizeof(Removed));
        g_array_set_clear_func(reply.removed, removed_clear);
        reply.complete = g_ptr_array_new();
        r = build(&reply, watch_reply_number(service, resumed), reterr_bus);
        if (r >= 0)
                r = answer_send(&reply.answer);
        if (r < 0)
                return r;

        watch_reply_done(service, resumed, caller, true, options->prefix, options);
        return r;
}

int watch_method_begin_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        WatchOptions options;
        Caller *caller;
        int r;

        r = watch_options_read(&options, m, reterr_bus);
        if (r < 0)
                return r;
        if (strlen(options.prefix) > LIMIT_NAMESPACE_NAME_BYTES)
                return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME,
                                                 "No name is as long as this prefix"));

        r = authorizer_identify(service, m, watch_method_begin_names, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        return begin(service, m, caller, &options, reterr_bus);
}
