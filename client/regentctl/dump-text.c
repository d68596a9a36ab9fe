/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump: as text
 *
 * {
 *   "regent-dump": 1,
 *   "revision": 12,
 *   "namespaces": {
 *     "org.example.Router": {
 *       "access": {"owner":"router","group":"netdev","mode":"0644"},
 *       "entries": {
 *         "mtu": {"type":"u","data":1500},
 *         "uptime": {"type":"t","data":7,"class":"runtime"}
 *       },
 *       "kernels": {
 *         "6.1.0-18-amd64": {
 *           "mtu": {"type":"u","data":9000}
 *         }
 *       }
 *     }
 *   }
 * }
 *
 * The version grows when an older regentctl could not read the file rightly; members that are not
 * known are refused, so that nothing is left out in silence.
 */

#include "dump.h"

#include "value-json.h"

#include <string.h>

#define VERSION 1

/* Breaks the line, or not. */
static void begin_line(GString *text, bool is_one_line, int level)
{
        if (!is_one_line)
                g_string_append_printf(text, "\n%*s", 2 * level, "");
}

static void print_name(GString *text, const char *name, bool is_one_line)
{
        json_object *json = json_object_new_string(name);

        value_json_append(text, json);
        json_object_put(json);
        g_string_append(text, is_one_line ? ":" : ": ");
}

static void add_string(json_object *object, const char *name, const char *text)
{
        if (text)
                json_object_object_add(object, name, json_object_new_string(text));
}

static json_object *access_to_json(const DumpAccess *access)
{
        json_object *object = json_object_new_object();
        char mode[16];

        g_snprintf(mode, sizeof mode, "%04o", access->mode);
        add_string(object, "owner", access->owner);
        add_string(object, "group", access->group);
        add_string(object, "mode", access->has_mode ? mode : NULL);
        if (access->quota_keys > 0)
                json_object_object_add(object, "quota-keys",
                                       json_object_new_uint64(access->quota_keys));
        if (access->quota_bytes > 0)
                json_object_object_add(object, "quota-bytes",
                                       json_object_new_uint64(access->quota_bytes));
        return object;
}

static void print_access(GString *text, const DumpAccess *access, bool is_one_line)
{
        json_object *object = access_to_json(access);

        if (json_object_object_length(object) > 0) {
                begin_line(text, is_one_line, 3);
                print_name(text, "access", is_one_line);
                value_json_append(text, object);
                g_string_append_c(text, ',');
        }
        json_object_put(object);
}

static void print_entry(GString *text, const DumpEntry *entry, bool is_one_line, int level)
{
        json_object *value = value_json_from_variant(entry->value);

        add_string(value, "class", entry->memory_class);
        begin_line(text, is_one_line, level);
        print_name(text, entry->key, is_one_line);
        value_json_append(text, value);
        json_object_put(value);
}

/* Those from @at on that are of @release, in braces. Ends in the index of what follows. */
static guint print_entries(GString *text,
                           const DumpNamespace *ns,
                           const char *release,
                           guint at,
                           bool is_one_line,
                           int level)
{
        guint i;

        g_string_append_c(text, '{');
        for (i = at; i < ns->entries->len; i++) {
                const DumpEntry *entry = ns->entries->pdata[i];

                if (g_strcmp0(entry->release, release) != 0)
                        break;
                if (i > at)
                        g_string_append_c(text, ',');
                print_entry(text, entry, is_one_line, level + 1);
        }
        if (i > at)
                begin_line(text, is_one_line, level);
        g_string_append_c(text, '}');
        return i;
}

/* What is of kernel releases, from @at on. */
static void print_kernels(GString *text, const DumpNamespace *ns, guint at, bool is_one_line)
{
        const char *comma = "";

        g_string_append_c(text, ',');
        begin_line(text, is_one_line, 3);
        print_name(text, "kernels", is_one_line);
        g_string_append_c(text, '{');
        while (at < ns->entries->len) {
                const DumpEntry *entry = ns->entries->pdata[at];

                g_string_append(text, comma);
                begin_line(text, is_one_line, 4);
                print_name(text, entry->release, is_one_line);
                at = print_entries(text, ns, entry->release, at, is_one_line, 4);
                comma = ",";
        }
        begin_line(text, is_one_line, 3);
        g_string_append_c(text, '}');
}

static void print_namespace(GString *text, const DumpNamespace *ns, bool is_one_line)
{
        guint at;

        begin_line(text, is_one_line, 2);
        print_name(text, ns->name, is_one_line);
        g_string_append_c(text, '{');
        print_access(text, &ns->access, is_one_line);
        begin_line(text, is_one_line, 3);
        print_name(text, "entries", is_one_line);
        at = print_entries(text, ns, NULL, 0, is_one_line, 3);
        if (at < ns->entries->len)
                print_kernels(text, ns, at, is_one_line);
        begin_line(text, is_one_line, 2);
        g_string_append_c(text, '}');
}

char *dump_print(const Dump *dump, bool is_one_line)
{
        GString *text = g_string_new("{");

        begin_line(text, is_one_line, 1);
        print_name(text, "regent-dump", is_one_line);
        g_string_append_printf(text, "%d,", VERSION);
        begin_line(text, is_one_line, 1);
        print_name(text, "revision", is_one_line);
        g_string_append_printf(text, "%" G_GUINT64_FORMAT ",", dump->revision);
        begin_line(text, is_one_line, 1);
        print_name(text, "namespaces", is_one_line);
        g_string_append_c(text, '{');
        for (guint i = 0; i < dump->namespaces->len; i++) {
                if (i > 0)
                        g_string_append_c(text, ',');
                print_namespace(text, dump->namespaces->pdata[i], is_one_line);
        }
        if (dump->namespaces->len > 0)
                begin_line(text, is_one_line, 1);
        g_string_append_c(text, '}');
        begin_line(text, is_one_line, 0);
        g_string_append(text, "}\n");
        return g_string_free(text, FALSE);
}

static bool fail_member(Failure **reterr)
{
        return failure_set(reterr, EXIT_INVALID, "this name is not expected here");
}

static bool parse_text(json_object *json, char **ret, Failure **reterr)
{
        if (!json_object_is_type(json, json_type_string))
                return failure_set(reterr, EXIT_INVALID, "expected a string");

        g_free(*ret);
        *ret = g_strdup(json_object_get_string(json));
        return true;
}

static bool parse_number(json_object *json, uint64_t *ret, Failure **reterr)
{
        if (json_object_get_type(json) != json_type_int || json_object_get_int64(json) < 0)
                return failure_set(reterr, EXIT_INVALID, "expected a number of 64 bits");

        *ret = json_object_get_uint64(json);
        return true;
}

static bool parse_mode(json_object *json, DumpAccess *access, Failure **reterr)
{
        g_autofree char *text = NULL;
        guint64 mode;

        if (!parse_text(json, &text, reterr))
                return false;
        if (!g_ascii_string_to_unsigned(text, 8, 0, 0777, &mode, NULL))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no mode such as 0644", text);

        access->mode = (uint32_t) mode;
        access->has_mode = true;
        return true;
}

static gboolean parse_access_member(const char *name,
                                    json_object *member,
                                    void *userdata,
                                    Failure **reterr)
{
        DumpAccess *access = userdata;

        if (strcmp(name, "owner") == 0)
                return parse_text(member, &access->owner, reterr);
        if (strcmp(name, "group") == 0)
                return parse_text(member, &access->group, reterr);
        if (strcmp(name, "mode") == 0)
                return parse_mode(member, access, reterr);
        if (strcmp(name, "quota-keys") == 0)
                return parse_number(member, &access->quota_keys, reterr);
        if (strcmp(name, "quota-bytes") == 0)
                return parse_number(member, &access->quota_bytes, reterr);
        return fail_member(reterr);
}

static bool parse_class(json_object *json, const char **ret_memory_class, Failure **reterr)
{
        const char *text = json_object_get_string(json);

        if (!json_object_is_type(json, json_type_string))
                return failure_set(reterr, EXIT_INVALID, "expected a class");
        if (!dump_memory_class(text) && strcmp(text, "persistent") != 0)
                return failure_set(reterr, EXIT_INVALID, "'%s' is no class", text);

        *ret_memory_class = dump_memory_class(text);
        return true;
}

static gboolean parse_entry(const char *key, json_object *json, void *userdata, Failure **reterr)
{
        DumpNamespace *ns = userdata;
        g_autoptr(GVariant) value = NULL;
        const char *memory_class = NULL;
        json_object *class;

        if (json_object_is_type(json, json_type_object) &&
            json_object_object_get_ex(json, "class", &class)) {
                if (!parse_class(class, &memory_class, reterr))
                        return false;
                json_object_object_del(json, "class");
        }
        if (!value_json_to_variant(json, &value, reterr))
                return false;

        dump_namespace_add(ns, key, value, memory_class);
        return true;
}

/* Where entries of a release go. */
typedef struct KernelTarget {
        DumpNamespace *ns;
        const char *release;
} KernelTarget;

static gboolean parse_kernel_entry(const char *key,
                                   json_object *json,
                                   void *userdata,
                                   Failure **reterr)
{
        const KernelTarget *target = userdata;
        g_autoptr(GVariant) value = NULL;

        if (!value_json_to_variant(json, &value, reterr))
                return false;

        dump_namespace_add(target->ns, key, value, NULL)->release = g_strdup(target->release);
        return true;
}

static gboolean parse_kernel(const char *release,
                             json_object *json,
                             void *userdata,
                             Failure **reterr)
{
        KernelTarget target = { userdata, release };

        if (!*release)
                return failure_set(reterr, EXIT_INVALID, "expected the release of a kernel");
        return value_json_read_members(json, "an object of entries", parse_kernel_entry, &target,
                                       reterr);
}

static gboolean parse_namespace_member(const char *name,
                                       json_object *member,
                                       void *userdata,
                                       Failure **reterr)
{
        DumpNamespace *ns = userdata;

        if (strcmp(name, "access") == 0)
                return value_json_read_members(member, "an object", parse_access_member,
                                               &ns->access, reterr);
        if (strcmp(name, "entries") == 0)
                return value_json_read_members(member, "an object of entries", parse_entry, ns,
                                               reterr);
        if (strcmp(name, "kernels") == 0)
                return value_json_read_members(member, "an object of kernel releases", parse_kernel,
                                               ns, reterr);
        return fail_member(reterr);
}

static gboolean parse_namespace(const char *name,
                                json_object *json,
                                void *userdata,
                                Failure **reterr)
{
        DumpNamespace *ns = dump_namespace_new(name);

        dump_add(userdata, ns);
        if (!value_json_read_members(json, "an object", parse_namespace_member, ns, reterr))
                return false;

        dump_namespace_sort(ns);
        return true;
}

static gboolean parse_member(const char *name,
                             json_object *member,
                             void *userdata,
                             Failure **reterr)
{
        Dump *dump = userdata;
        uint64_t version = 0;

        if (strcmp(name, "namespaces") == 0)
                return value_json_read_members(member, "an object of namespaces", parse_namespace,
                                               dump, reterr);
        if (strcmp(name, "revision") == 0)
                return parse_number(member, &dump->revision, reterr);
        if (strcmp(name, "regent-dump") != 0)
                return fail_member(reterr);

        if (!parse_number(member, &version, reterr))
                return false;
        if (version != VERSION)
                return failure_set(reterr, EXIT_INVALID,
                                   "this is a dump of version %" G_GUINT64_FORMAT
                                   ", and this regentctl knows version %d",
                                   version, VERSION);
        return true;
}

static gboolean parse_document(json_object *document, Dump *dump, Failure **reterr)
{
        if (!json_object_is_type(document, json_type_object) ||
            !json_object_object_get_ex(document, "regent-dump", NULL) ||
            !json_object_object_get_ex(document, "namespaces", NULL)) {
                failure_set(reterr, EXIT_INVALID, "this is no dump of regentctl");
                failure_set_hint(*reterr, "'regentctl dump' writes one.");
                return false;
        }

        return value_json_read_members(document, "an object", parse_member, dump, reterr);
}

gboolean dump_parse(const char *text, size_t n_bytes, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(Dump) dump = dump_new();
        json_object *document = NULL;
        bool is_parsed;

        if (!value_json_parse(text, n_bytes, &document, reterr))
                return false;
        is_parsed = parse_document(document, dump, reterr);
        json_object_put(document);
        if (!is_parsed)
                return false;

        dump_sort(dump);
        *ret_dump = g_steal_pointer(&dump);
        return true;
}
