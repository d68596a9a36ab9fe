/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page
 */

#include "bus/page.h"

#include "bus/bus-error.h"
#include "bus/options.h"
#include "core/name.h"

#include <string.h>

int page_read_prefix(sd_bus_message *m, const char *name, const char **ret, sd_bus_error *e)
{
        g_autofree char *quoted = NULL, *text = NULL;
        int r;

        r = option_read_string(m, name, ret, e);
        if (r < 0 || key_prefix_is_valid(*ret))
                return r;

        quoted = name_quote(*ret);
        text = g_strdup_printf("%s begins no key", quoted);
        return bus_refused(bus_error_set(e, CORE_E_INVALID_NAME, text));
}

/* An option that is one of two words. */
static int read_word(sd_bus_message *m,
                     const char *name,
                     const char *first,
                     const char *second,
                     bool *ret_is_second,
                     sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;
        const char *text;
        int r;

        r = option_read_string(m, name, &text, reterr_bus);
        if (r < 0)
                return r;

        *ret_is_second = strcmp(text, second) == 0;
        if (*ret_is_second || strcmp(text, first) == 0)
                return 0;

        quoted = name_quote(text);
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                             "Option '%s' is '%s' or '%s', not %s", name, first,
                                             second, quoted));
}

static int read_only(sd_bus_message *m, NamespaceWalkOnly *ret_only, sd_bus_error *reterr_bus)
{
        bool is_changed;
        int r;

        r = read_word(m, "only", "set", "changed", &is_changed, reterr_bus);
        if (r < 0)
                return r;

        *ret_only = is_changed ? NAMESPACE_WALK_CHANGED : NAMESPACE_WALK_SET;
        return 0;
}

static int read_release(sd_bus_message *m, const char *name, const char **ret, sd_bus_error *e)
{
        g_autofree char *quoted = NULL, *text = NULL;
        int r;

        r = option_read_string(m, name, ret, e);
        if (r < 0 || !**ret || kernel_release_is_valid(*ret))
                return r;

        quoted = name_quote(*ret);
        text = g_strdup_printf("%s is not a kernel release", quoted);
        return bus_refused(bus_error_set(e, CORE_E_INVALID_NAME, text));
}

static int read_page_option(sd_bus_message *m,
                            const char *name,
                            void *userdata,
                            sd_bus_error *reterr_bus)
{
        Page *page = userdata;

        if (strcmp(name, "prefix") == 0)
                return page_read_prefix(m, name, &page->prefix, reterr_bus);
        if (strcmp(name, "after") == 0)
                return page_read_prefix(m, name, &page->after, reterr_bus);
        if (strcmp(name, "limit") == 0)
                return option_read_uint32(m, name, &page->limit, reterr_bus);
        if (strcmp(name, "only") == 0)
                return read_only(m, &page->only, reterr_bus);
        if (strcmp(name, "release") == 0)
                return read_release(m, name, &page->release, reterr_bus);
        if (strcmp(name, "form") == 0)
                return read_word(m, name, "values", "entries", &page->is_entries, reterr_bus);
        return option_unknown(name, reterr_bus);
}

int page_read(Page *page, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        *page = (Page){ .prefix = "", .after = "" };
        r = options_read(m, read_page_option, page, reterr_bus);
        if (r < 0)
                return r;

        if (page->release && page->only != NAMESPACE_WALK_ALL)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "'only' and 'release' exclude each other"));
        return 0;
}

void page_walk_begin(PageWalk *walk, const Page *page, const Namespace *ns)
{
        walk->is_of_release = page->release;
        if (page->release)
                namespace_places_begin_of(&walk->places, ns, page->release, page->prefix,
                                          page->after);
        else
                namespace_walk_begin(&walk->readers, ns, page->prefix, page->after, page->only);
}

Entry *page_walk_next(PageWalk *walk)
{
        return walk->is_of_release ? namespace_places_next(&walk->places)
                                   : namespace_walk_next(&walk->readers);
}

Entry *page_lookup(const Page *page, const Namespace *ns, const char *key)
{
        return page->release ? namespace_lookup_at(ns, key, page->release)
                             : namespace_read(ns, key, page->only);
}
