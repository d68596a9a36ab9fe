/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl diff
 *
 * What has a slash, ends in ".json" or is "-" is a file, everything else a namespace, whatever files
 * there are: a script means the same today and tomorrow.
 */

#include "difference.h"
#include "dump-file.h"
#include "dump-take.h"
#include "verb.h"

#include <string.h>

static bool is_file(const char *argument)
{
        return strcmp(argument, "-") == 0 || strchr(argument, '/') ||
               g_str_has_suffix(argument, ".json");
}

/* What an argument stands for: a file's namespaces, or one. */
static bool read_side(Context *context, char *argument, Dump **ret_dump, Failure **reterr)
{
        char *names[] = { argument, NULL };

        if (is_file(argument))
                return dump_file_read(argument, ret_dump, reterr);
        if (dump_take(context, names, ret_dump, reterr))
                return true;

        if (g_file_test(argument, G_FILE_TEST_EXISTS))
                failure_set_hint(*reterr, "There is a file of that name: ./%s", argument);
        return false;
}

/* The namespace to compare with @name: that, or the only one there is. */
static bool pick(const Dump *dump,
                 const char *argument,
                 const char *name,
                 DumpNamespace **ret,
                 Failure **reterr)
{
        *ret = dump_find(dump, name);
        if (!*ret && dump->namespaces->len == 1)
                *ret = dump->namespaces->pdata[0];
        if (!*ret)
                return failure_set(reterr, EXIT_NOT_FOUND, "%s has no namespace %s", argument,
                                   name);
        return true;
}

/* One of them is a single namespace; the other one of a file's, or one, too. */
static bool compare_single(const Dump *old,
                           const Dump *new,
                           char **arguments,
                           Difference *difference,
                           Failure **reterr)
{
        const char *name = is_file(arguments[0]) ? arguments[1] : arguments[0];
        DumpNamespace *from, *to;

        if (!pick(old, arguments[0], name, &from, reterr) ||
            !pick(new, arguments[1], is_file(arguments[1]) ? name : arguments[1], &to, reterr))
                return false;

        difference_add(difference, to->name, from, to, false);
        return true;
}

static char *name_at(const Dump *dump, guint index)
{
        const DumpNamespace *ns = dump->namespaces->pdata[index];

        return ns->name;
}

static int compare_names(const void *a, const void *b)
{
        const char *const *first = a, *const *second = b;

        return strcmp(*first, *second);
}

/* The namespace of @name in @dump, or one that is absent, which @absent keeps. */
static const DumpNamespace *find_or_add(const Dump *dump, const char *name, Dump *absent)
{
        const DumpNamespace *found = dump_find(dump, name);
        DumpNamespace *missing;

        if (found)
                return found;

        missing = dump_namespace_new(name);
        missing->is_absent = true;
        dump_add(absent, missing);
        return missing;
}

/* All namespaces of both, in the order of their names. */
static void compare_all(const Dump *old, const Dump *new, Dump *absent, Difference *difference)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (guint i = 0; i < old->namespaces->len; i++)
                g_ptr_array_add(names, name_at(old, i));
        for (guint i = 0; i < new->namespaces->len; i++)
                if (!dump_find(old, name_at(new, i)))
                        g_ptr_array_add(names, name_at(new, i));
        g_ptr_array_sort(names, compare_names);

        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                difference_add(difference, name, find_or_add(old, name, absent),
                               find_or_add(new, name, absent), false);
        }
}

/* The namespaces of a file as they are now. */
static bool take_present(Context *context, const Dump *file, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (guint i = 0; i < file->namespaces->len; i++)
                g_ptr_array_add(names, name_at(file, i));
        g_ptr_array_add(names, NULL);
        return dump_take_present(context, (char **) names->pdata, ret_dump, reterr);
}

static bool read_sides(
        Context *context, char **arguments, Dump **ret_old, Dump **ret_new, Failure **reterr)
{
        bool is_first_file = is_file(arguments[0]);

        if (arguments[1] && strcmp(arguments[0], "-") == 0 && strcmp(arguments[1], "-") == 0)
                return failure_set(reterr, EXIT_USAGE, "Standard input cannot be read twice");
        if (arguments[1])
                return read_side(context, arguments[0], ret_old, reterr) &&
                       read_side(context, arguments[1], ret_new, reterr);

        if (!is_first_file) {
                failure_set(reterr, EXIT_USAGE, "What is %s to be compared with?", arguments[0]);
                failure_set_hint(*reterr,
                                 "Name a file or a second namespace. A file's name has a "
                                 "slash or ends in .json: ./%s",
                                 arguments[0]);
                return false;
        }
        return dump_file_read(arguments[0], ret_new, reterr) &&
               take_present(context, *ret_new, ret_old, reterr);
}

int verb_diff(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(Dump) old = NULL;
        g_autoptr(Dump) new = NULL;
        g_autoptr(Dump) absent = dump_new();
        g_autoptr(Difference) difference = difference_new();
        bool is_single;

        if (!read_sides(context, arguments, &old, &new, reterr))
                return -1;

        g_assert(old && new);
        is_single = arguments[1] && (!is_file(arguments[0]) || !is_file(arguments[1]));
        if (is_single && !compare_single(old, new, arguments, difference, reterr))
                return -1;
        if (!is_single)
                compare_all(old, new, absent, difference);

        output_begin_pager(context->output);
        difference_print(difference, context->output);
        return difference_is_empty(difference) ? EXIT_DONE : EXIT_DIFFERS;
}
