/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump: taken from regentd
 *
 * A page says at which revision of the service it was read, the namespace's property Revision when it
 * was changed last. While the latter is not above the revision of the first page, all pages belong
 * together.
 */

#include "dump-take.h"

#include "account-names.h"
#include "client/regent-names.h"
#include "entries.h"
#include "namespace-facts.h"
#include "reply.h"

#include <string.h>

#define ATTEMPTS_MAX      5
#define KEYS_A_CALL       1000u
#define PROGRESS_KEYS_MIN 5000u /* fewer are read in no time */
#define QUOTA_KEYS_ANY    G_GUINT64_CONSTANT(1048576)
#define QUOTA_BYTES_ANY   (G_GUINT64_CONSTANT(256) << 20)

typedef struct Taking {
        Context *context;
        DumpNamespace *ns;
        const char *release; /* that is being read; NULL: none */
        char *what;          /* of the progress */
        uint64_t n_total;
} Taking;

/* One member of the details of an entry; false when it has not the type that it should have. */
static bool take_detail(const char *name, GVariant *detail, DumpEntry *entry)
{
        if (strcmp(name, "value") == 0 && !entry->value) {
                entry->value = g_variant_ref(detail);
        } else if (strcmp(name, "revision") == 0) {
                if (!g_variant_is_of_type(detail, G_VARIANT_TYPE_UINT64))
                        return false;
                entry->revision = g_variant_get_uint64(detail);
        } else if (strcmp(name, "class") == 0) {
                if (!g_variant_is_of_type(detail, G_VARIANT_TYPE_STRING))
                        return false;
                entry->memory_class = dump_memory_class(g_variant_get_string(detail, NULL));
        }
        return true;
}

/* @details is looked through once: this is done for every entry of a large dump. */
static gboolean take_entry(DumpNamespace *ns, const char *key, GVariant *details, Failure **reterr)
{
        g_autoptr(GVariant) value = NULL;
        bool is_understood = g_variant_is_of_type(details, G_VARIANT_TYPE_VARDICT);
        DumpEntry read = {};
        GVariantIter iterator;
        GVariant *detail;
        const char *name;

        if (!is_understood)
                return reply_fail(reterr);

        g_variant_iter_init(&iterator, details);
        while (is_understood && g_variant_iter_next(&iterator, "{&sv}", &name, &detail)) {
                is_understood = take_detail(name, detail, &read);
                g_variant_unref(detail);
        }
        value = read.value;
        if (!is_understood || !value)
                return reply_fail(reterr);
        if (!reply_check_value(value, reterr))
                return false;

        dump_namespace_add(ns, key, value, read.memory_class)->revision = read.revision;
        return true;
}

gboolean dump_take_page(DumpNamespace *ns, GVariant *reply, size_t *ret_n_entries, Failure **reterr)
{
        g_autoptr(GVariant) values = NULL;
        gboolean is_taken = true;
        GVariantIter iterator;
        const char *key;
        GVariant *details;
        guint64 revision;

        g_variant_get(reply, "(@a{sv}t)", &values, &revision);
        ns->revision = ns->revision > 0 ? MIN(ns->revision, revision) : revision;
        g_variant_iter_init(&iterator, values);
        while (is_taken && g_variant_iter_next(&iterator, "{&sv}", &key, &details)) {
                is_taken = take_entry(ns, key, details, reterr);
                g_variant_unref(details);
        }

        if (ret_n_entries)
                *ret_n_entries = g_variant_n_children(values);
        return is_taken;
}

static gboolean on_entry(const char *key, GVariant *details, void *userdata, Failure **reterr)
{
        Taking *taking = userdata;

        DumpEntry *entry;

        if (!take_entry(taking->ns, key, details, reterr))
                return false;

        entry = taking->ns->entries->pdata[taking->ns->entries->len - 1];
        entry->release = g_strdup(taking->release);
        if (taking->n_total >= PROGRESS_KEYS_MIN)
                output_progress(taking->context->output, taking->what, taking->ns->entries->len,
                                MAX(taking->n_total, taking->ns->entries->len));
        return true;
}

/* A quota that is just the limit was most likely never given; to write it down would make it one. */
static uint64_t quota_given(uint64_t quota, uint64_t any)
{
        return quota == any ? 0 : quota;
}

void dump_take_finish(DumpNamespace *ns, const NamespaceFacts *facts)
{
        DumpAccess *access = &ns->access;

        access->owner = account_user_name(facts->owner);
        access->group = facts->group == REGENT_NO_GROUP ? g_strdup("none")
                                                        : account_group_name(facts->group);
        access->mode = facts->mode;
        access->has_mode = true;
        access->quota_keys = quota_given(facts->quota_keys, QUOTA_KEYS_ANY);
        access->quota_bytes = quota_given(facts->quota_bytes, QUOTA_BYTES_ANY);
        dump_namespace_sort(ns);
}

/* @release as in EntriesQuery. */
static gboolean read_entries(Taking *taking, Bus *bus, const char *release, Failure **reterr)
{
        const EntriesQuery query = {
                .ns_name = taking->ns->name,
                .only = release ? NULL : "set",
                .release = release,
                .has_details = true,
        };
        uint64_t revision;

        taking->release = release && *release ? release : NULL;
        if (!entries_read(bus, &query, on_entry, taking, &revision, NULL, reterr))
                return false;

        /* That of the very first page. */
        if (taking->ns->revision == 0)
                taking->ns->revision = revision;
        return true;
}

static gboolean read_all(
        Taking *taking, Bus *bus, const NamespaceFacts *facts, bool is_seen, Failure **reterr)
{
        if (is_seen || !*facts->releases)
                return read_entries(taking, bus, NULL, reterr);
        if (!read_entries(taking, bus, "", reterr))
                return false;

        for (char **release = facts->releases; *release; release++)
                if (!read_entries(taking, bus, *release, reterr))
                        return false;
        return true;
}

/* One attempt; *ret_ns is NULL when it was changed meanwhile. */
static gboolean try_namespace(
        Context *context, const char *name, bool is_seen, DumpNamespace **ret_ns, Failure **reterr)
{
        g_autoptr(DumpNamespace) ns = dump_namespace_new(name);
        g_autofree char *what = g_strdup_printf("Reading %s", name);
        g_autoptr(NamespaceFacts) before = NULL;
        g_autoptr(NamespaceFacts) after = NULL;
        Taking taking = { .context = context, .ns = ns, .what = what };
        Bus *bus;

        if (!context_bus(context, &bus, reterr) ||
            !namespace_facts_read(bus, name, &before, reterr))
                return false;
        taking.n_total = before->n_keys;

        if (!read_all(&taking, bus, before, is_seen, reterr) ||
            !namespace_facts_read(bus, name, &after, reterr))
                return false;
        if (after->revision > ns->revision) {
                *ret_ns = NULL;
                return true;
        }

        dump_take_finish(ns, after);
        *ret_ns = g_steal_pointer(&ns);
        return true;
}

static gboolean take_namespace(
        Context *context, const char *name, bool is_seen, DumpNamespace **ret_ns, Failure **reterr)
{
        DumpNamespace *ns = NULL;

        for (int i = 0; i < ATTEMPTS_MAX && !ns; i++) {
                gboolean is_taken = try_namespace(context, name, is_seen, &ns, reterr);

                output_progress_end(context->output);
                if (!is_taken)
                        return false;
        }
        if (!ns) {
                failure_set(reterr, EXIT_CONFLICT, "%s is changed all the time: it was not read",
                            name);
                failure_set_hint(*reterr, "Try again when whatever writes to it is at rest.");
                return false;
        }

        *ret_ns = ns;
        return true;
}

gboolean dump_take_namespace(Context *context,
                             const char *name,
                             DumpNamespace **ret_ns,
                             Failure **reterr)
{
        return take_namespace(context, name, false, ret_ns, reterr);
}

gboolean dump_take_seen(Context *context,
                        const char *name,
                        DumpNamespace **ret_ns,
                        Failure **reterr)
{
        return take_namespace(context, name, true, ret_ns, reterr);
}

DumpNamespace *dump_take_absent(const char *name, const Failure *failure)
{
        DumpNamespace *ns;

        if (!failure_is(failure, REGENT_ERROR_NO_SUCH_NAMESPACE) &&
            !failure_is(failure, FAILURE_UNKNOWN_OBJECT))
                return NULL;

        ns = dump_namespace_new(name);
        ns->is_absent = true;
        return ns;
}

gboolean dump_take_if_there(Context *context,
                            const char *name,
                            DumpNamespace **ret_ns,
                            Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;

        if (dump_take_namespace(context, name, ret_ns, &failure))
                return true;

        *ret_ns = dump_take_absent(name, failure);
        if (!*ret_ns)
                *reterr = g_steal_pointer(&failure);
        return *ret_ns != NULL;
}

static gboolean take_some_keys(Bus *bus,
                               DumpNamespace *ns,
                               const char *release,
                               const char *const *keys,
                               gsize n_keys,
                               Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&options, "{sv}", "form", g_variant_new_string("entries"));
        if (release)
                g_variant_builder_add(&options, "{sv}", "release", g_variant_new_string(release));
        if (!bus_call_namespace(bus, ns->name, "GetMany",
                                g_variant_new("(@as@a{sv})",
                                              g_variant_new_strv(keys, (gssize) n_keys),
                                              g_variant_builder_end(&options)),
                                "(a{sv}t)", &reply, reterr))
                return false;

        return dump_take_page(ns, reply, NULL, reterr);
}

gboolean dump_take_keys(Context *context,
                        const char *name,
                        const char *release,
                        const GPtrArray *keys,
                        DumpNamespace **ret_ns,
                        Failure **reterr)
{
        g_autoptr(DumpNamespace) ns = dump_namespace_new(name);
        Bus *bus;

        if (!context_bus(context, &bus, reterr))
                return false;
        for (guint i = 0; i < keys->len; i += KEYS_A_CALL)
                if (!take_some_keys(bus, ns, release, (const char *const *) keys->pdata + i,
                                    MIN(KEYS_A_CALL, keys->len - i), reterr))
                        return false;

        dump_namespace_sort(ns);
        *ret_ns = g_steal_pointer(&ns);
        return true;
}
