/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manager object
 *
 * Handlers do four things in this order: read the arguments, authorize, call core, answer. Nothing
 * is changed before the authorizer has said yes, because a handler may be entered several times for
 * one call.
 */

#include "bus/manager-object.h"

#include "bus/access-reader.h"
#include "bus/answer.h"
#include "bus/backup.h"
#include "bus/bus-error.h"
#include "bus/change-reader.h"
#include "bus/channels.h"
#include "bus/confirm.h"
#include "bus/get-many.h"
#include "bus/good.h"
#include "bus/object-path.h"
#include "bus/options.h"
#include "bus/statistics.h"
#include "bus/watch-methods.h"
#include "bus/write-result.h"
#include "bus/write.h"
#include "client/regent-names.h"
#include "core/name.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* Reads the first argument of most methods here. */
static int read_name(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *name;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &name);
        if (r < 0)
                return r;

        return change_reader_begin(reader, name, reterr_bus);
}

static int read_creation(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        r = read_name(reader, m, reterr_bus);
        if (r < 0)
                return r;

        return access_reader_read(reader, m, reterr_bus);
}

static int append_path(sd_bus_message *reply, const Settlement *settlement)
{
        const NamespaceChange *change = settlement->commit->changes->pdata[0];
        g_autofree char *path = object_path_of_namespace(change->name);

        return sd_bus_message_append(reply, "o", path);
}

static int method_create_namespace(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = method_create_namespace,
                .verb = "CreateNamespace",
                .action = AUTHORIZE_MANAGE,
                .kind = CHANGE_SET_CREATE_NAMESPACE,
                .read = read_creation,
                .append_reply = append_path,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static int read_removal(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        uint64_t flags;
        int r;

        r = read_name(reader, m, reterr_bus);
        if (r < 0)
                return r;

        r = flags_read(m, REGENT_REMOVE_NOT_EMPTY, &flags, reterr_bus);
        if (r < 0)
                return r;

        if (flags & REGENT_REMOVE_NOT_EMPTY)
                reader->set->flags = CHANGE_SET_NOT_EMPTY;
        return 0;
}

static bool is_owners_removal(const ChangeSet *set G_GNUC_UNUSED,
                              const Caller *caller G_GNUC_UNUSED)
{
        return true;
}

static int method_remove_namespace(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = method_remove_namespace,
                .verb = "RemoveNamespace",
                .action = AUTHORIZE_MANAGE,
                .kind = CHANGE_SET_REMOVE_NAMESPACE,
                .read = read_removal,
                .is_owners_right = is_owners_removal,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static int method_get_namespace(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *path = NULL;
        const char *name;
        Namespace *ns;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;

        r = authorizer_check_read(service, m, method_get_namespace, name, "GetNamespace", &ns,
                                  reterr_bus);
        if (r != 0)
                return r;

        path = object_path_of_namespace(ns->name);
        return sd_bus_reply_method_return(m, "o", path);
}

/* The first name below @prefix behind @after. */
static GTreeNode *first_name(State *state, const char *prefix, const char *after)
{
        GTree *names = state_namespaces(state);

        if (*after && g_strcmp0(after, prefix) >= 0)
                return g_tree_upper_bound(names, after);
        return g_tree_lower_bound(names, prefix);
}

/* What the names of all namespaces take at most. */
static uint64_t names_bytes(State *state)
{
        return (uint64_t) g_tree_nnodes(state_namespaces(state)) * (8 + LIMIT_NAMESPACE_NAME_BYTES);
}

static int append_names(
        Answer *answer, const Caller *caller, GTreeNode *node, const char *prefix, uint32_t limit)
{
        uint32_t n = 0;

        for (; node && (limit == 0 || n < limit); node = g_tree_node_next(node)) {
                const Namespace *ns = g_tree_node_value(node);
                int r;

                if (!g_str_has_prefix(ns->name, prefix))
                        break;
                if (!authorizer_may_list(caller, ns))
                        continue;

                r = answer_grow(answer, 8 + strlen(ns->name));
                if (r != 0)
                        return r;

                r = sd_bus_message_append_basic(answer->reply, 's', ns->name);
                if (r < 0)
                        return r;
                n++;
        }

        return 0;
}

static int method_list_namespaces(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_auto(Answer) answer = { .service = service, .call = m };
        const char *prefix, *after;
        uint32_t limit;
        Caller *caller;
        int r;

        r = sd_bus_message_read(m, "ssu", &prefix, &after, &limit);
        if (r < 0)
                return r;

        if (strlen(prefix) > LIMIT_NAMESPACE_NAME_BYTES ||
            strlen(after) > LIMIT_NAMESPACE_NAME_BYTES)
                return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME,
                                                 "No name is as long as this prefix or 'after'"));

        r = authorizer_identify(service, m, method_list_namespaces, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        r = answer_begin(&answer, method_list_namespaces, names_bytes(service->state), reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_open_container(answer.reply, 'a', "s");
        if (r < 0)
                return r;

        r = append_names(&answer, caller, first_name(service->state, prefix, after), prefix, limit);
        if (r == ANSWER_E_TOO_BIG)
                return bus_refused(
                        sd_bus_error_set(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "Too many names for one reply: give a limit, and go on "
                                         "behind the last name with 'after'"));
        if (r == ANSWER_E_NO_ROOM)
                return flow_refuse(service, m, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(answer.reply);
        if (r < 0)
                return r;

        return answer_send(&answer);
}

static int method_apply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = method_apply,
                .verb = "Apply",
                .action = AUTHORIZE_WRITE,
                .kind = CHANGE_SET_ENTRIES,
                .read = change_reader_read_apply_many,
                .append_reply = write_reply_result_many,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static int method_flush(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = method_flush,
                .verb = "Flush",
                .kind = CHANGE_SET_NOTHING,
                .append_reply = write_reply_revision,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static void on_reloaded(void *userdata, int r)
{
        g_autoptr(Call) call = userdata;

        if (r < 0 || !call->caller)
                return; /* nobody is there to be answered */

        r = sd_bus_reply_method_return(call->message, NULL);
        if (r < 0)
                log_warning("Cannot answer a call: %s", g_strerror(-r));
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const AuthorizerQuestion question = { AUTHORIZE_MANAGE, "", "Reload", false, 0 };
        BusService *service = userdata;
        Namespace *none;
        Call *call;
        int r;

        r = authorizer_check(service, m, method_reload, &question, &none, reterr_bus);
        if (r != 0)
                return r;

        r = service->ports.reload(service->ports.userdata);
        if (r < 0)
                return bus_refused(
                        sd_bus_error_set_errnof(reterr_bus, r,
                                                "The configuration cannot be read, the old one is "
                                                "still in force: %s",
                                                g_strerror(-r)));
        if (r == 0)
                return sd_bus_reply_method_return(m, NULL);

        r = call_get(&call, service, m, method_reload, 0, reterr_bus);
        if (r < 0)
                return r;

        /* As with a write, it ends when it is done, also when its caller leaves. */
        call->is_waiting = true;
        call->is_submitted = true;
        service->ports.when_reloaded(service->ports.userdata, on_reloaded, call);
        return CALL_E_PARKED;
}

#define PROPERTY_GETTER(name)                                                                    \
        static int name(sd_bus *bus G_GNUC_UNUSED, const char *path G_GNUC_UNUSED,               \
                        const char *interface G_GNUC_UNUSED, const char *property G_GNUC_UNUSED, \
                        sd_bus_message *reply, void *userdata,                                   \
                        sd_bus_error *reterr_bus G_GNUC_UNUSED)

PROPERTY_GETTER(property_get_version)
{
        (void) userdata;
        return sd_bus_message_append(reply, "s", REGENT_VERSION);
}

PROPERTY_GETTER(property_get_revision)
{
        return sd_bus_message_append(reply, "t", state_revision(((BusService *) userdata)->state));
}

PROPERTY_GETTER(property_get_durable_revision)
{
        return sd_bus_message_append(reply, "t",
                                     ((BusService *) userdata)->status->durable_revision);
}

PROPERTY_GETTER(property_get_dirty)
{
        const BusService *service = userdata;

        return sd_bus_message_append(
                reply, "b", service->status->durable_revision < state_revision(service->state));
}

PROPERTY_GETTER(property_get_last_good_revision)
{
        return sd_bus_message_append(reply, "t",
                                     ((BusService *) userdata)->status->last_good_revision);
}

PROPERTY_GETTER(property_get_epoch)
{
        return sd_bus_message_append(reply, "s", ((BusService *) userdata)->status->epoch);
}

PROPERTY_GETTER(property_get_loaded_from)
{
        const BusService *service = userdata;

        return sd_bus_message_append(reply, "s", loaded_from_name(service->status->loaded_from));
}

PROPERTY_GETTER(property_get_loaded_reason)
{
        const BusService *service = userdata;
        const char *reason = service->status->loaded_reason;

        return sd_bus_message_append(reply, "s", reason ? reason : "");
}

PROPERTY_GETTER(property_get_state)
{
        const BusService *service = userdata;

        return sd_bus_message_append(reply, "s", service_state_name(service->status->state));
}

PROPERTY_GETTER(property_get_kernel_release)
{
        const BusService *service = userdata;
        const char *release = state_release(service->state);

        return sd_bus_message_append(reply, "s", release ? release : "");
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateNamespace",
                                SD_BUS_ARGS("s", ns_name, "a{sv}", options),
                                SD_BUS_RESULT("o", path),
                                method_create_namespace,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveNamespace",
                                SD_BUS_ARGS("s", ns_name, "t", flags),
                                SD_BUS_NO_RESULT,
                                method_remove_namespace,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetNamespace",
                                SD_BUS_ARGS("s", ns_name),
                                SD_BUS_RESULT("o", path),
                                method_get_namespace,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListNamespaces",
                                SD_BUS_ARGS("s", prefix, "s", after, "u", limit),
                                SD_BUS_RESULT("as", ns_names),
                                method_list_namespaces,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Apply",
                                SD_BUS_ARGS("a{sv}", changes, "t", flags, "a{sv}", options),
                                SD_BUS_RESULT("t", revision, "a{sv}", result),
                                method_apply,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetMany",
                                SD_BUS_ARGS("as", ns_names, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", values, "t", revision),
                                get_many_namespaces,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        WATCH_NAMES_METHODS,
        WATCH_SIGNALS,
        SD_BUS_METHOD_WITH_ARGS("Flush",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("t", revision),
                                method_flush,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("MarkGood",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("t", revision),
                                good_method_mark,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restore",
                                SD_BUS_ARGS("s", source, "t", flags),
                                SD_BUS_RESULT("t", revision),
                                good_method_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ConfirmChange",
                                SD_BUS_ARGS("s", token),
                                SD_BUS_RESULT("t", revision),
                                confirm_method_confirm,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CancelChange",
                                SD_BUS_ARGS("s", token),
                                SD_BUS_RESULT("t", revision),
                                confirm_method_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListPendingChanges",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", changes),
                                confirm_method_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Backup",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("h", checkpoint, "a{sv}", info),
                                backup_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Connect",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("h", socket),
                                channels_method_connect,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics",
                                SD_BUS_ARGS("t", flags),
                                SD_BUS_RESULT("a{sv}", statistics),
                                statistics_method_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Revision", "t", property_get_revision, 0, 0),
        SD_BUS_PROPERTY("DurableRevision", "t", property_get_durable_revision, 0, 0),
        SD_BUS_PROPERTY("Dirty", "b", property_get_dirty, 0, 0),
        SD_BUS_PROPERTY("LastGoodRevision",
                        "t",
                        property_get_last_good_revision,
                        0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Epoch", "s", property_get_epoch, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "KernelRelease", "s", property_get_kernel_release, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "LoadedFrom", "s", property_get_loaded_from, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "LoadedReason", "s", property_get_loaded_reason, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", property_get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int manager_object_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_object_vtable(bus, &slot, REGENT_PATH, REGENT_MANAGER_INTERFACE,
                                     manager_vtable, service);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        return 0;
}

int manager_object_announce_status(BusService *service)
{
        return sd_bus_emit_properties_changed(service->bus, REGENT_PATH, REGENT_MANAGER_INTERFACE,
                                              "State", "LastGoodRevision", NULL);
}
