/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace object
 *
 * The vtable is found for every path that spells a namespace's name, whether there is one or not:
 * the handlers authorize first, and an absent namespace must not answer otherwise than one that may
 * not be read. Properties are read through values-object.c, which can wait for an authorization;
 * sd-bus's own getters cannot, and are never reached.
 */

#include "bus/namespace-object.h"

#include "bus/answer.h"
#include "bus/bus-error.h"
#include "bus/changes.h"
#include "bus/description.h"
#include "bus/get-many.h"
#include "bus/namespace-writes.h"
#include "bus/object-path.h"
#include "bus/open-view.h"
#include "bus/registration.h"
#include "bus/value-codec.h"
#include "bus/watch-methods.h"
#include "client/regent-names.h"
#include "core/name.h"
#include "core/namespace-walk.h"
#include "util/auto.h"

#include <errno.h>

char *namespace_object_name(sd_bus_message *m)
{
        return object_path_to_name(sd_bus_message_get_path(m));
}

static int refuse_key(const char *key, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(key);
        g_autofree char *text = g_strdup_printf("%s is not a key", quoted);

        return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
}

static int refuse_absent(const Namespace *ns, const char *key, sd_bus_error *reterr_bus)
{
        g_autofree char *text = g_strdup_printf("There is no key '%s' in '%s'", key, ns->name);

        return bus_refused(bus_error_set(reterr_bus, CORE_E_NO_SUCH_KEY, text));
}

/* Reads the one argument of Get and Describe, and finds the entry; NULL when there is none. */
static int find_entry(sd_bus_message *m,
                      BusService *service,
                      sd_bus_message_handler_t handler,
                      const char *verb,
                      Namespace **ret_ns,
                      const char **ret_key,
                      Entry **ret_entry,
                      sd_bus_error *reterr_bus)
{
        g_autofree char *name = namespace_object_name(m);
        const char *key;
        Namespace *ns;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &key);
        if (r < 0)
                return r;
        if (!key_is_valid(key))
                return refuse_key(key, reterr_bus);

        r = authorizer_check_read(service, m, handler, name, verb, &ns, reterr_bus);
        if (r != 0)
                return r;

        *ret_ns = ns;
        *ret_key = key;
        *ret_entry = namespace_read(ns, key, NAMESPACE_WALK_ALL);
        return 0;
}

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autoptr(sd_bus_message) reply = NULL;
        const char *key;
        Namespace *ns;
        uint64_t n_bytes;
        Entry *entry;
        int r;

        r = find_entry(m, service, method_get, "Get", &ns, &key, &entry, reterr_bus);
        if (r != 0)
                return r;
        if (!entry)
                return refuse_absent(ns, key, reterr_bus);

        n_bytes = LEDGER_MESSAGE_BYTES + entry_reply_bytes(entry);
        r = flow_new_reply(service, m, method_get, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = value_codec_append_entry(reply, entry);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autoptr(sd_bus_message) reply = NULL;
        const char *key;
        uint64_t n_bytes;
        Namespace *ns;
        Entry *entry;
        int r;

        r = find_entry(m, service, method_describe, "Describe", &ns, &key, &entry, reterr_bus);
        if (r != 0)
                return r;
        if (!entry && !namespace_rule(ns, key) && !namespace_is_hidden(ns, key))
                return refuse_absent(ns, key, reterr_bus);

        n_bytes = description_bytes(service, ns, key);
        r = flow_new_reply(service, m, method_describe, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = description_append(reply, service, ns, key, entry);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

static int append_key_list(
        Answer *answer, const Namespace *ns, const char *prefix, const char *after, uint32_t limit)
{
        NamespaceWalk walk;

        namespace_walk_begin(&walk, ns, prefix, after, NAMESPACE_WALK_ALL);
        for (uint32_t n = 0; limit == 0 || n < limit; n++) {
                const Entry *entry = namespace_walk_next(&walk);
                int r;

                if (!entry)
                        break;

                r = answer_grow(answer, 8 + (uint64_t) entry->key_bytes);
                if (r != 0)
                        return r;

                r = sd_bus_message_append_basic(answer->reply, 's', entry_key(entry));
                if (r < 0)
                        return r;
        }

        return 0;
}

static int reply_with_keys(Answer *answer,
                           const Namespace *ns,
                           const char *prefix,
                           const char *after,
                           uint32_t limit,
                           sd_bus_error *reterr_bus)
{
        int r;

        r = sd_bus_message_open_container(answer->reply, 'a', "s");
        if (r < 0)
                return r;

        r = append_key_list(answer, ns, prefix, after, limit);
        if (r == ANSWER_E_TOO_BIG)
                return bus_refused(sd_bus_error_set(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "Too many keys for one reply: give List a limit, and go on "
                        "behind the last key with 'after'"));
        if (r == ANSWER_E_NO_ROOM)
                return flow_refuse(answer->service, answer->call, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(answer->reply);
        if (r < 0)
                return r;

        r = sd_bus_message_append(answer->reply, "t", state_revision(answer->service->state));
        if (r < 0)
                return r;

        return answer_send(answer);
}

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_auto(Answer) answer = { .service = service, .call = m };
        const char *prefix, *after;
        uint32_t limit;
        Namespace *ns;
        int r;

        r = sd_bus_message_read(m, "ssu", &prefix, &after, &limit);
        if (r < 0)
                return r;
        if (!key_prefix_is_valid(prefix) || !key_prefix_is_valid(after))
                return refuse_key(key_prefix_is_valid(prefix) ? after : prefix, reterr_bus);

        r = authorizer_check_read(service, m, method_list, name, "List", &ns, reterr_bus);
        if (r != 0)
                return r;

        r = answer_begin(&answer, method_list, namespace_reply_bytes(ns), reterr_bus);
        if (r != 0)
                return r;

        return reply_with_keys(&answer, ns, prefix, after, limit, reterr_bus);
}

/* sd-bus wants a getter for each property; see the opening comment. */
static int property_get_unreached(sd_bus *bus G_GNUC_UNUSED,
                                  const char *path G_GNUC_UNUSED,
                                  const char *interface G_GNUC_UNUSED,
                                  const char *property G_GNUC_UNUSED,
                                  sd_bus_message *reply G_GNUC_UNUSED,
                                  void *userdata G_GNUC_UNUSED,
                                  sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        return -ENOTSUP;
}

const sd_bus_vtable namespace_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Get",
                                SD_BUS_ARGS("s", key),
                                SD_BUS_RESULT("v", value),
                                method_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Set",
                                SD_BUS_ARGS("s", key, "v", value),
                                SD_BUS_RESULT("t", revision),
                                namespace_method_set,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete",
                                SD_BUS_ARGS("s", key),
                                SD_BUS_RESULT("t", revision),
                                namespace_method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetMany",
                                SD_BUS_ARGS("as", keys, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", values, "t", revision),
                                get_many_keys,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetChanges",
                                SD_BUS_ARGS("t", since_revision, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", changed, "as", removed, "t", revision),
                                changes_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("List",
                                SD_BUS_ARGS("s", prefix, "s", after, "u", limit),
                                SD_BUS_RESULT("as", keys, "t", revision),
                                method_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe",
                                SD_BUS_ARGS("s", key),
                                SD_BUS_RESULT("a{sv}", info),
                                method_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Apply",
                SD_BUS_ARGS("a{sv}", set, "as", unset, "t", flags, "a{sv}", options),
                SD_BUS_RESULT("t", revision, "a{sv}", result),
                namespace_method_apply,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenView",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("h", memory, "a{sv}", info),
                                open_view_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Watch",
                SD_BUS_ARGS("s", prefix, "t", flags, "a{sv}", options),
                SD_BUS_RESULT("t", watch, "a{sv}", values, "as", removed, "t", revision),
                watch_method_begin,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Acknowledge",
                                SD_BUS_ARGS("t", watch, "t", revision),
                                SD_BUS_NO_RESULT,
                                watch_method_acknowledge,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unwatch",
                                SD_BUS_ARGS("t", watch),
                                SD_BUS_NO_RESULT,
                                watch_method_end,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetAccess",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                namespace_method_set_access,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "RegisterParticipant",
                SD_BUS_ARGS("s", prefix, "o", callback_path, "t", flags, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", values, "t", revision),
                registration_method_register,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("UnregisterParticipant",
                                SD_BUS_ARGS("o", callback_path),
                                SD_BUS_NO_RESULT,
                                registration_method_unregister,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        WATCH_SIGNALS,
        SD_BUS_PROPERTY("Name", "s", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "Owner", "u", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "Group", "u", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "Mode", "u", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Revision", "t", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY("Keys", "t", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY("HiddenKeys", "t", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY("KernelReleases", "as", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY("Usage", "t", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY(
                "QuotaKeys", "t", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "QuotaBytes", "t", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Participants", "t", property_get_unreached, 0, 0),
        SD_BUS_PROPERTY(
                "Declaration", "s", property_get_unreached, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int find_namespace_object(sd_bus *bus G_GNUC_UNUSED,
                                 const char *path,
                                 const char *interface G_GNUC_UNUSED,
                                 void *userdata,
                                 void **ret_found,
                                 sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        g_autofree char *name = object_path_to_name(path);

        if (!name || !namespace_name_is_valid(name))
                return 0;

        *ret_found = userdata;
        return 1;
}

int namespace_object_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_fallback_vtable(bus, &slot, REGENT_NAMESPACES_PATH,
                                       REGENT_NAMESPACE_INTERFACE, namespace_vtable,
                                       find_namespace_object, service);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        return 0;
}
