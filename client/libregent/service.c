/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls about namespaces, and the service as a whole
 */

#include "private.h"

#include <errno.h>

static CallSpec manager_spec(const char *member, GVariant *arguments, const char *reply_type)
{
        return (CallSpec){
                .path = REGENT_PATH,
                .interface_name = REGENT_MANAGER_INTERFACE,
                .member = member,
                .arguments = arguments,
                .reply_type = reply_type,
        };
}

static int names_spec(
        Regent *regent, const char *prefix, const char *after, uint32_t limit, CallSpec *ret)
{
        int r;

        r = text_check(regent, prefix ? prefix : "", "The prefix");
        if (r >= 0)
                r = text_check(regent, after ? after : "", "The name to begin after");
        if (r < 0)
                return r;

        *ret = manager_spec("ListNamespaces",
                            g_variant_new("(ssu)", prefix ? prefix : "", after ? after : "", limit),
                            "(as)");
        return 0;
}

int regent_list_namespaces(
        Regent *regent, const char *prefix, const char *after, uint32_t limit, char ***ret_ns_names)
{
        g_autoptr(GVariant) names = NULL;
        CallSpec spec;
        int r;

        r = names_spec(regent, prefix, after, limit, &spec);
        if (r >= 0)
                r = call_wait_for_child(regent, &spec, &names);
        if (r < 0)
                return r;

        if (ret_ns_names)
                *ret_ns_names = g_variant_dup_strv(names, NULL);
        return 0;
}

int regent_list_namespaces_async(Regent *regent,
                                 const char *prefix,
                                 const char *after,
                                 uint32_t limit,
                                 RegentOnReply on_reply,
                                 void *userdata,
                                 RegentCall **ret_call)
{
        CallSpec spec;
        int r;

        r = names_spec(regent, prefix, after, limit, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

static int create_spec(Regent *regent, const char *ns_name, GVariant *options, CallSpec *ret)
{
        g_autoptr(GVariant) owned = NULL;
        int r;

        r = text_options(regent, options, &owned);
        if (r >= 0)
                r = text_check(regent, ns_name, "The name");
        if (r < 0)
                return r;

        *ret = manager_spec("CreateNamespace", g_variant_new("(s@a{sv})", ns_name, owned), "(o)");
        return 0;
}

int regent_create_namespace(Regent *regent, const char *ns_name, GVariant *options)
{
        CallSpec spec;
        int r;

        r = create_spec(regent, ns_name, options, &spec);
        return r < 0 ? r : call_wait(regent, &spec, NULL, NULL);
}

int regent_create_namespace_async(Regent *regent,
                                  const char *ns_name,
                                  GVariant *options,
                                  RegentOnReply on_reply,
                                  void *userdata,
                                  RegentCall **ret_call)
{
        CallSpec spec;
        int r;

        r = create_spec(regent, ns_name, options, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

static int remove_spec(Regent *regent, const char *ns_name, uint64_t flags, CallSpec *ret)
{
        int r;

        r = text_check(regent, ns_name, "The name");
        if (r < 0)
                return r;

        *ret = manager_spec("RemoveNamespace", g_variant_new("(st)", ns_name, flags), "()");
        return 0;
}

int regent_remove_namespace(Regent *regent, const char *ns_name, uint64_t flags)
{
        CallSpec spec;
        int r;

        r = remove_spec(regent, ns_name, flags, &spec);
        return r < 0 ? r : call_wait(regent, &spec, NULL, NULL);
}

int regent_remove_namespace_async(Regent *regent,
                                  const char *ns_name,
                                  uint64_t flags,
                                  RegentOnReply on_reply,
                                  void *userdata,
                                  RegentCall **ret_call)
{
        CallSpec spec;
        int r;

        r = remove_spec(regent, ns_name, flags, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

static int access_spec(Regent *regent,
                       const char *ns_name,
                       GVariant *options,
                       char path[static NAMESPACE_PATH_SIZE],
                       CallSpec *ret)
{
        g_autoptr(GVariant) owned = NULL;
        int r;

        r = text_options(regent, options, &owned);
        if (r >= 0)
                r = text_namespace_path(regent, ns_name, path);
        if (r < 0)
                return r;

        *ret = manager_spec("SetAccess", g_variant_new("(@a{sv})", owned), "()");
        ret->path = path;
        ret->interface_name = REGENT_NAMESPACE_INTERFACE;
        return 0;
}

int regent_set_access(Regent *regent, const char *ns_name, GVariant *options)
{
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec;
        int r;

        r = access_spec(regent, ns_name, options, path, &spec);
        return r < 0 ? r : call_wait(regent, &spec, NULL, NULL);
}

int regent_set_access_async(Regent *regent,
                            const char *ns_name,
                            GVariant *options,
                            RegentOnReply on_reply,
                            void *userdata,
                            RegentCall **ret_call)
{
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec;
        int r;

        r = access_spec(regent, ns_name, options, path, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

static int properties_spec(Regent *regent,
                           const char *ns_name,
                           char path[static NAMESPACE_PATH_SIZE],
                           CallSpec *ret)
{
        const char *interface_name =
                ns_name ? REGENT_NAMESPACE_INTERFACE : REGENT_MANAGER_INTERFACE;
        int r;

        r = ns_name ? text_namespace_path(regent, ns_name, path) : 0;
        if (r < 0)
                return r;

        *ret = (CallSpec){
                .path = ns_name ? path : REGENT_PATH,
                .interface_name = "org.freedesktop.DBus.Properties",
                .member = "GetAll",
                .arguments = g_variant_new("(s)", interface_name),
                .reply_type = "(a{sv})",
        };
        return 0;
}

int regent_get_properties(Regent *regent, const char *ns_name, GVariant **ret_properties)
{
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec;
        int r;

        r = properties_spec(regent, ns_name, path, &spec);
        return r < 0 ? r : call_wait_for_child(regent, &spec, ret_properties);
}

int regent_get_properties_async(Regent *regent,
                                const char *ns_name,
                                RegentOnReply on_reply,
                                void *userdata,
                                RegentCall **ret_call)
{
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec;
        int r;

        r = properties_spec(regent, ns_name, path, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

int regent_flush(Regent *regent, uint64_t *ret_revision)
{
        CallSpec spec = manager_spec("Flush", NULL, "(t)");

        return call_wait_for_revision(regent, &spec, ret_revision);
}

int regent_flush_async(Regent *regent,
                       RegentOnReply on_reply,
                       void *userdata,
                       RegentCall **ret_call)
{
        CallSpec spec = manager_spec("Flush", NULL, "(t)");

        return call_start(regent, &spec, on_reply, userdata, ret_call);
}

int regent_get_statistics(Regent *regent, uint64_t flags, GVariant **ret_statistics)
{
        CallSpec spec = manager_spec("GetStatistics", g_variant_new("(t)", flags), "(a{sv})");

        return call_wait_for_child(regent, &spec, ret_statistics);
}

int regent_get_statistics_async(Regent *regent,
                                uint64_t flags,
                                RegentOnReply on_reply,
                                void *userdata,
                                RegentCall **ret_call)
{
        CallSpec spec = manager_spec("GetStatistics", g_variant_new("(t)", flags), "(a{sv})");

        return call_start(regent, &spec, on_reply, userdata, ret_call);
}
