/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What failed last
 */

#include "private.h"

#include "wire/errors.h"

#include <errno.h>
#include <string.h>

int error_of_name(const char *name)
{
        sd_bus_error error = { .name = name };

        for (const sd_bus_error_map *map = wire_errors; map->name; map++)
                if (strcmp(map->name, name) == 0)
                        return -map->code;

        return -sd_bus_error_get_errno(&error);
}

static int keep(Regent *regent, int r, const char *name, const char *text)
{
        sd_bus_error_free(&regent->error);
        sd_bus_error_set(&regent->error, name, text);
        return r;
}

int error_set(Regent *regent, int r, const char *name, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        return keep(regent, r, name, text);
}

int error_set_errno(Regent *regent, int r, const char *what)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *text = g_strdup_printf("%s: %s", what, g_strerror(-r));

        sd_bus_error_set_errno(&error, r);
        keep(regent, r, error.name, text);
        sd_bus_error_free(&error);
        return r;
}

/* Of starting regentd; systemd has names of its own for that, which no library knows. */
static bool is_of_starting(const char *name)
{
        return g_str_has_prefix(name, "org.freedesktop.DBus.Error.Spawn.") ||
               g_str_has_prefix(name, "org.freedesktop.systemd1.") ||
               strcmp(name, "org.freedesktop.DBus.Error.TimedOut") == 0;
}

int error_take(Regent *regent, const sd_bus_error *error)
{
        if (is_of_starting(error->name))
                return keep(regent, -EHOSTUNREACH, SD_BUS_ERROR_SERVICE_UNKNOWN,
                            error->message ? error->message : error->name);

        return keep(regent, error_of_name(error->name), error->name, error->message);
}

const char *regent_error_name(const Regent *regent)
{
        return regent->error.name;
}

const char *regent_error_text(const Regent *regent)
{
        return regent->error.message;
}
