/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client log
 */

#include "client-log.h"

#include "client/regent-names.h"

#include <gio/gio.h>
#include <string.h>

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define TWO_STRINGS          G_VARIANT_TYPE("(ss)")

static void request_free(gpointer userdata)
{
        Request *request = userdata;

        g_free(request->text);
        commit_free(request->asked);
        g_free(request);
}

static void announcement_free(gpointer userdata)
{
        Announcement *announcement = userdata;

        g_free(announcement->ns);
        entry_unref(announcement->entry);
        g_free(announcement);
}

/* The namespace an object path stands for, owned, or NULL. */
static char *namespace_of(const char *path)
{
        if (!path || !g_str_has_prefix(path, REGENT_NAMESPACES_PATH "/"))
                return NULL;
        return g_strdelimit(g_strdup(path + strlen(REGENT_NAMESPACES_PATH "/")), "/", '.');
}

static Entry *entry_of(const char *key, GVariant *value, EntryClass class)
{
        g_autoptr(GVariant) normal = g_variant_get_normal_form(value);

        return entry_new(key, normal, class);
}

static EntryClass class_from_name(const char *name)
{
        int class = entry_class_from_name(name);

        return class < 0 ? ENTRY_AS_SEEN : (EntryClass) class;
}

/* The class that options give to @key. */
static EntryClass class_of(GVariant *options, const char *key)
{
        g_autoptr(GVariant) classes = NULL;
        const char *name = NULL;

        if (!options)
                return ENTRY_AS_SEEN;
        classes = g_variant_lookup_value(options, "classes", G_VARIANT_TYPE_VARDICT);
        if ((classes && g_variant_lookup(classes, key, "&s", &name)) ||
            g_variant_lookup(options, "class", "&s", &name))
                return class_from_name(name);
        return ENTRY_AS_SEEN;
}

/* As the options ask for it: of their release, if they name one. Takes @entry. */
static Entry *place_entry(Entry *entry, GVariant *options)
{
        const char *release;
        Entry *placed;

        if (!options || !g_variant_lookup(options, "release", "&s", &release))
                return entry;
        if (!*release) {
                entry->class = ENTRY_PERSISTENT;
                return entry;
        }

        placed = entry_new_of_release(entry, release);
        entry_unref(entry);
        return placed;
}

/* Whether entries that are changed with these options, or none, are to be on disk when it is done. */
static bool is_promise(const ClientLog *log, GVariant *options)
{
        const char *durability;

        if (options && g_variant_lookup(options, "durability", "&s", &durability))
                return strcmp(durability, "sync") == 0;
        return !log->is_lazy;
}

/* @set: a{sv} or NULL; @unset: as or NULL; @options: the a{sv} with class and classes or NULL. */
static void ask_entries(
        Request *request, const char *ns, GVariant *set, GVariant *unset, GVariant *options)
{
        NamespaceChange *change = commit_add(request->asked, NAMESPACE_CHANGE_ENTRIES, ns);

        for (gsize i = 0; set && i < g_variant_n_children(set); i++) {
                g_autoptr(GVariant) value = NULL;
                const char *key;

                g_variant_get_child(set, i, "{&sv}", &key, &value);
                commit_add_entry(
                        request->asked, change,
                        place_entry(entry_of(key, value, class_of(options, key)), options));
                request->must_change = true;
        }
        for (gsize i = 0; unset && i < g_variant_n_children(unset); i++) {
                const char *key;

                g_variant_get_child(unset, i, "&s", &key);
                commit_add_entry(request->asked, change,
                                 place_entry(entry_new_tombstone(key, ENTRY_AS_SEEN), options));
        }
}

static void ask_apply(const ClientLog *log, Request *request, const char *ns, GVariant *body)
{
        g_autoptr(GVariant) set = g_variant_get_child_value(body, 0);
        g_autoptr(GVariant) unset = g_variant_get_child_value(body, 1);
        g_autoptr(GVariant) options = g_variant_get_child_value(body, 3);
        guint64 flags;

        request->is_promise = is_promise(log, options);
        g_variant_get_child(body, 2, "t", &flags);
        if (!(flags & REGENT_APPLY_DRY_RUN))
                ask_entries(request, ns, set, unset, options);
}

static void ask_apply_many(const ClientLog *log, Request *request, GVariant *body)
{
        g_autoptr(GVariant) changes = g_variant_get_child_value(body, 0);
        g_autoptr(GVariant) options = g_variant_get_child_value(body, 2);
        guint64 flags;

        request->is_promise = is_promise(log, options);
        g_variant_get_child(body, 1, "t", &flags);
        for (gsize i = 0; !(flags & REGENT_APPLY_DRY_RUN) && i < g_variant_n_children(changes);
             i++) {
                g_autoptr(GVariant) inner = NULL, set = NULL, unset = NULL;
                const char *ns;

                g_variant_get_child(changes, i, "{&sv}", &ns, &inner);
                if (!g_variant_is_of_type(inner, G_VARIANT_TYPE_VARDICT))
                        continue;
                set = g_variant_lookup_value(inner, "set", G_VARIANT_TYPE_VARDICT);
                unset = g_variant_lookup_value(inner, "unset", G_VARIANT_TYPE_STRING_ARRAY);
                ask_entries(request, ns, set, unset, inner);
        }
}

static void ask_set(Request *request, const char *ns, const char *key, GVariant *value)
{
        NamespaceChange *change = commit_add(request->asked, NAMESPACE_CHANGE_ENTRIES, ns);

        commit_add_entry(request->asked, change, entry_of(key, value, ENTRY_AS_SEEN));
        request->must_change = true;
}

static void ask_delete(Request *request, const char *ns, const char *key)
{
        NamespaceChange *change = commit_add(request->asked, NAMESPACE_CHANGE_ENTRIES, ns);

        commit_add_entry(request->asked, change, entry_new_tombstone(key, ENTRY_AS_SEEN));
        request->must_change = true;
}

static void ask_namespace(Request *request, NamespaceChangeKind kind, const char *ns)
{
        (void) commit_add(request->asked, kind, ns);
        request->must_change = kind != NAMESPACE_CHANGE_ACCESS;
        request->is_promise = true;
}

/* What a call of a method asks for. Arguments that are wrong are refused, so they do not matter. */
static void ask(const ClientLog *log,
                Request *request,
                const char *path,
                const char *member,
                GVariant *body)
{
        g_autofree char *ns = namespace_of(path);
        const char *type = g_variant_get_type_string(body);
        g_autoptr(GVariant) value = NULL;
        const char *key = NULL, *interface = NULL;

        request->is_promise = is_promise(log, NULL);
        if (ns && strcmp(member, "Set") == 0 && strcmp(type, "(sv)") == 0) {
                g_variant_get(body, "(&sv)", &key, &value);
                ask_set(request, ns, key, value);
        } else if (ns && strcmp(member, "Set") == 0 && strcmp(type, "(ssv)") == 0) {
                g_variant_get(body, "(&s&sv)", &interface, &key, &value);
                ask_set(request, ns, key, value);
        } else if (ns && strcmp(member, "Delete") == 0 && strcmp(type, "(s)") == 0) {
                g_variant_get(body, "(&s)", &key);
                ask_delete(request, ns, key);
        } else if (ns && strcmp(member, "Apply") == 0 && strcmp(type, "(a{sv}asta{sv})") == 0) {
                ask_apply(log, request, ns, body);
        } else if (ns && strcmp(member, "SetAccess") == 0) {
                ask_namespace(request, NAMESPACE_CHANGE_ACCESS, ns);
        } else if (strcmp(member, "Apply") == 0 && strcmp(type, "(a{sv}ta{sv})") == 0) {
                ask_apply_many(log, request, body);
        } else if (strcmp(member, "CreateNamespace") == 0 && strcmp(type, "(sa{sv})") == 0) {
                g_variant_get(body, "(&s@a{sv})", &key, NULL);
                ask_namespace(request, NAMESPACE_CHANGE_CREATE, key);
        } else if (strcmp(member, "RemoveNamespace") == 0 && strcmp(type, "(st)") == 0) {
                g_variant_get(body, "(&st)", &key, NULL);
                ask_namespace(request, NAMESPACE_CHANGE_REMOVE, key);
        }
}

static char *serial_key(const char *peer, guint32 serial)
{
        return g_strdup_printf("%s %u", peer ? peer : "", serial);
}

static bool reads_durable(const char *member, GVariant *body)
{
        const char *name;

        if (strcmp(member, "Get") != 0 || !body || !g_variant_is_of_type(body, TWO_STRINGS))
                return false;
        g_variant_get(body, "(&s&s)", NULL, &name);
        return strcmp(name, "DurableRevision") == 0;
}

static void note_request(ClientLog *log, GDBusMessage *message, guint event)
{
        GVariant *body = g_dbus_message_get_body(message);
        const char *sender = g_dbus_message_get_sender(message);
        const char *path = g_dbus_message_get_path(message);
        const char *member = g_dbus_message_get_member(message);
        Request *request = g_new0(Request, 1);

        request->text = g_strdup_printf("%s of %s on %s, serial %u", member, sender, path,
                                        g_dbus_message_get_serial(message));
        request->received_at = event;
        request->replied_at = G_MAXUINT;
        request->asked = commit_new(0, 0, 0, NULL);
        if (body)
                ask(log, request, path, member, body);
        request->is_restoration = strcmp(member, "Restore") == 0;
        request->is_mark = strcmp(member, "MarkGood") == 0;
        if (strcmp(member, "ConfirmChange") == 0)
                request->settlement = COMMIT_CONFIRMS;
        else if (strcmp(member, "CancelChange") == 0)
                request->settlement = COMMIT_UNDOES;
        request->must_change |= request->settlement != COMMIT_SETTLES_NOTHING;
        if (request->asked->changes->len == 0) {
                g_clear_pointer(&request->asked, commit_free);
                request->is_promise = request->is_restoration || request->is_mark ||
                                      strcmp(member, "Flush") == 0 || reads_durable(member, body);
        }
        g_ptr_array_add(log->requests, request);
        g_hash_table_replace(log->by_serial, serial_key(sender, g_dbus_message_get_serial(message)),
                             request);
}

static RequestOutcome outcome_of(GDBusMessage *message)
{
        if (g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_METHOD_RETURN)
                return REQUEST_DONE;
        return g_strcmp0(g_dbus_message_get_error_name(message), REGENT_ERROR_OUTCOME_UNKNOWN) == 0
                       ? REQUEST_UNKNOWN
                       : REQUEST_REFUSED;
}

/* The revision that stands in a reply, in a variant if @is_revision; or 0. */
static uint64_t revision_in(GVariant *body, bool is_revision)
{
        for (gsize i = 0; body && i < g_variant_n_children(body); i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(body, i);

                if (g_variant_is_of_type(child, G_VARIANT_TYPE_VARIANT)) {
                        g_autoptr(GVariant) inner = g_variant_get_variant(child);

                        return g_variant_is_of_type(inner, G_VARIANT_TYPE_UINT64) && is_revision
                                       ? g_variant_get_uint64(inner)
                                       : 0;
                }
                if (g_variant_is_of_type(child, G_VARIANT_TYPE_UINT64))
                        return g_variant_get_uint64(child);
        }
        return 0;
}

/* A message that the socket did not take at once is there twice: the first counts. */
static void note_reply(ClientLog *log, GDBusMessage *message, guint event)
{
        g_autofree char *key = serial_key(g_dbus_message_get_destination(message),
                                          g_dbus_message_get_reply_serial(message));
        Request *request = g_hash_table_lookup(log->by_serial, key);

        if (!request || request->outcome != REQUEST_PENDING)
                return;
        request->outcome = outcome_of(message);
        request->replied_at = event;
        if (request->outcome == REQUEST_DONE)
                request->revision =
                        revision_in(g_dbus_message_get_body(message), request->is_promise);
}

static void note_signal(ClientLog *log, GDBusMessage *message, guint event)
{
        g_autofree char *ns = namespace_of(g_dbus_message_get_path(message));
        GVariant *body = g_dbus_message_get_body(message);
        g_autoptr(GVariant) values = NULL;
        const char *interface;

        if (!ns || g_strcmp0(g_dbus_message_get_member(message), "PropertiesChanged") != 0)
                return;
        g_variant_get(body, "(&s@a{sv}@as)", &interface, &values, NULL);
        if (strcmp(interface, REGENT_VALUES_INTERFACE) != 0)
                return;

        for (gsize i = 0; i < g_variant_n_children(values); i++) {
                Announcement *announcement = g_new(Announcement, 1);
                g_autoptr(GVariant) value = NULL;
                const char *key;

                g_variant_get_child(values, i, "{&sv}", &key, &value);
                *announcement = (Announcement){ event, g_strdup(ns), entry_of(key, value, 0) };
                g_ptr_array_add(log->announcements, announcement);
        }
}

static void note_message(ClientLog *log, const TraceEvent *event, guint i)
{
        g_autoptr(GDBusMessage) message = g_dbus_message_new_from_blob(
                (guchar *) (uintptr_t) trace_payload(event), event->payload_bytes,
                G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
        GDBusMessageType type =
                message ? g_dbus_message_get_message_type(message) : G_DBUS_MESSAGE_TYPE_INVALID;

        if (event->kind == TRACE_RECEIVED && type == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
                note_request(log, message, i);
        else if (event->kind == TRACE_SENT && type == G_DBUS_MESSAGE_TYPE_SIGNAL)
                note_signal(log, message, i);
        else if (event->kind == TRACE_SENT &&
                 (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR))
                note_reply(log, message, i);
}

ClientLog *client_log_new(const Trace *trace, bool is_lazy)
{
        ClientLog *log = g_new(ClientLog, 1);

        *log = (ClientLog){
                .is_lazy = is_lazy,
                .requests = g_ptr_array_new_with_free_func(request_free),
                .announcements = g_ptr_array_new_with_free_func(announcement_free),
                .by_serial = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
        for (guint i = 0; i < trace->events->len; i++) {
                const TraceEvent *event = trace_event(trace, i);

                if (event->kind == TRACE_RECEIVED || event->kind == TRACE_SENT)
                        note_message(log, event, i);
        }
        return log;
}

ClientLog *client_log_free(ClientLog *log)
{
        if (!log)
                return NULL;

        g_hash_table_unref(log->by_serial);
        g_ptr_array_unref(log->requests);
        g_ptr_array_unref(log->announcements);
        g_free(log);
        return NULL;
}

static const NamespaceChange *change_of(const Commit *commit,
                                        NamespaceChangeKind kind,
                                        const char *ns)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (change->kind == kind && strcmp(change->name, ns) == 0)
                        return change;
        }
        return NULL;
}

/* What names no class may be of the kernel that runs; what names no release has to be of that. */
static bool is_placed_as(const Entry *wanted, const Entry *entry)
{
        if (wanted->class == ENTRY_AS_SEEN)
                return entry_is_tombstone(entry) || entry->class != ENTRY_RUNTIME;
        return wanted->class == entry->class &&
               (!*entry_release(wanted) ||
                strcmp(entry_release(wanted), entry_release(entry)) == 0);
}

static bool is_removed_as(const Entry *wanted, const Entry *entry)
{
        /* With an empty release, what is there of no release may be of either class. */
        if (wanted->class == ENTRY_PERSISTENT)
                return entry->class != ENTRY_KERNEL;
        return is_placed_as(wanted, entry);
}

/* Whether @wanted deletes what another class had, to take its place. */
static bool replaces(const Entry *wanted, const Entry *tombstone)
{
        return !entry_is_tombstone(wanted) && wanted->class != tombstone->class &&
               wanted->class != ENTRY_KERNEL && tombstone->class != ENTRY_KERNEL;
}

/* Of entries of no release, one that another class had is deleted by what sets it. */
static bool asks_for_entry(const NamespaceChange *asked, const Entry *entry)
{
        for (guint i = 0; i < asked->entries->len; i++) {
                const Entry *wanted = asked->entries->pdata[i];

                if (strcmp(entry_key(wanted), entry_key(entry)) != 0)
                        continue;
                if (entry_is_tombstone(entry))
                        return replaces(wanted, entry) ||
                               (entry_is_tombstone(wanted) && is_removed_as(wanted, entry));
                return !entry_is_tombstone(wanted) && is_placed_as(wanted, entry) &&
                       entry_value_equal(wanted, entry);
        }
        return false;
}

static guint n_set(const Commit *commit)
{
        guint n = 0;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                for (guint j = 0; change->entries && j < change->entries->len; j++)
                        n += !entry_is_tombstone(change->entries->pdata[j]);
        }
        return n;
}

bool request_asks_for(const Request *request, const Commit *commit)
{
        if (!request->asked || n_set(request->asked) != n_set(commit))
                return false;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                const NamespaceChange *asked =
                        change_of(request->asked, change->kind, change->name);

                if (!asked)
                        return false;
                for (guint j = 0; change->entries && j < change->entries->len; j++)
                        if (!asks_for_entry(asked, change->entries->pdata[j]))
                                return false;
        }
        return true;
}
