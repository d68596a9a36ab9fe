/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options
 */

#include "bus/options.h"

#include "bus/bus-error.h"
#include "core/name.h"

#include <glib.h>
#include <inttypes.h>
#include <stdint.h>

int option_unknown(const char *name, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(name);

        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                             "Option %s is not known", quoted));
}

int option_enter(sd_bus_message *m, const char *name, const char *type, sd_bus_error *reterr_bus)
{
        const char *contents;
        char outer;
        int r;

        r = sd_bus_message_peek_type(m, &outer, &contents);
        if (r < 0)
                return r;

        if (g_strcmp0(contents, type) != 0)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "Option '%s' is of type %s, not %s", name,
                                                     type, contents));

        r = sd_bus_message_enter_container(m, 'v', type);
        return r < 0 ? r : 0;
}

static int read_basic(sd_bus_message *m,
                      const char *name,
                      const char *type,
                      void *ret_value,
                      sd_bus_error *reterr_bus)
{
        int r;

        r = option_enter(m, name, type, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_read_basic(m, *type, ret_value);
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

int option_read_uint32(sd_bus_message *m,
                       const char *name,
                       uint32_t *ret_value,
                       sd_bus_error *reterr_bus)
{
        return read_basic(m, name, "u", ret_value, reterr_bus);
}

int option_read_uint64(sd_bus_message *m,
                       const char *name,
                       uint64_t *ret_value,
                       sd_bus_error *reterr_bus)
{
        return read_basic(m, name, "t", ret_value, reterr_bus);
}

int option_read_bool(sd_bus_message *m, const char *name, bool *ret_value, sd_bus_error *reterr_bus)
{
        int value; /* what sd-bus reads */
        int r;

        r = read_basic(m, name, "b", &value, reterr_bus);
        if (r < 0)
                return r;

        *ret_value = value;
        return 0;
}

int option_read_string(sd_bus_message *m,
                       const char *name,
                       const char **ret_value,
                       sd_bus_error *reterr_bus)
{
        return read_basic(m, name, "s", (void *) ret_value, reterr_bus);
}

static int refuse_twice(const char *name, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(name);

        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                             "%s is given twice", quoted));
}

int options_read(sd_bus_message *m, OptionReader reader, void *userdata, sd_bus_error *reterr_bus)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;

                if (!g_hash_table_add(seen, (gpointer) (uintptr_t) name))
                        return refuse_twice(name, reterr_bus);

                r = reader(m, name, userdata, reterr_bus);
                if (r != 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

int option_read_dictionary(sd_bus_message *m,
                           const char *name,
                           OptionReader reader,
                           void *userdata,
                           sd_bus_error *reterr_bus)
{
        int r;

        r = option_enter(m, name, "a{sv}", reterr_bus);
        if (r < 0)
                return r;

        r = options_read(m, reader, userdata, reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

int flags_read(sd_bus_message *m, uint64_t known, uint64_t *ret_flags, sd_bus_error *reterr_bus)
{
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "t", &flags);
        if (r < 0)
                return r;

        if (flags & ~known)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "Flags 0x%" PRIx64 " are not known",
                                                     flags & ~known));

        *ret_flags = flags;
        return 0;
}
