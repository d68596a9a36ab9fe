/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log control
 *
 * sd-bus reads the properties by the vtable. Its setters cannot wait for an authorization, so a raw
 * callback, which runs before the vtable, takes every Set of this object.
 */

#include "bus/log-control.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "core/name.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define LOG_CONTROL_PATH      "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"
#define PROPERTIES_INTERFACE  "org.freedesktop.DBus.Properties"
#define SYSLOG_IDENTIFIER     "regentd"

typedef struct Setting {
        const char *property;
        const char *verb; /* as polkit's rules see it */

        /* Whether the setting may have @value; with @reterr_bus set when it may not. */
        int (*check)(const char *value, sd_bus_error *reterr_bus);
        void (*set)(const char *value, const Caller *caller);
} Setting;

static const char *target_name(void)
{
        return log_is_to_journal() ? "journal" : "console";
}

static int check_level(const char *value, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;

        if (log_level_from_name(value) >= 0)
                return 0;

        quoted = name_quote(value);
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                             "There is no log level %s, only emerg, alert, crit, "
                                             "err, warning, notice, info and debug",
                                             quoted));
}

/* Said at the more talkative of both levels, so that it does not hide itself. */
static void set_level(const char *value, const Caller *caller)
{
        int level = log_level_from_name(value);

        if (level == log_level())
                return;

        if (level > log_level())
                log_set_level(level);
        log_record(LOG_NOTICE, LOG_FIELDS(LOG_UID(caller->uid)), "uid %u sets the log level to %s",
                   (unsigned) caller->uid, value);
        log_set_level(level);
}

static int check_target(const char *value, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;

        if (strcmp(value, target_name()) == 0)
                return 0;

        quoted = name_quote(value);
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_NOT_SUPPORTED,
                                             "regentd logs to what it was started with, %s, and "
                                             "cannot change to %s",
                                             target_name(), quoted));
}

static void set_target(const char *value G_GNUC_UNUSED, const Caller *caller G_GNUC_UNUSED)
{
        /* It has that already. */
}

static const Setting settings[] = {
        { "LogLevel", "SetLogLevel", check_level, set_level },
        { "LogTarget", "SetLogTarget", check_target, set_target },
};

static int find_setting(const char *property, const Setting **ret_setting, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                if (strcmp(settings[i].property, property) == 0) {
                        *ret_setting = &settings[i];
                        return 0;
                }

        if (strcmp(property, "SyslogIdentifier") == 0)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_PROPERTY_READ_ONLY,
                                                    "Property 'SyslogIdentifier' cannot be set"));

        quoted = name_quote(property);
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                             "There is no property %s", quoted));
}

/* The arguments of Set; @ret_value is borrowed from the message. */
static int read_set(sd_bus_message *m,
                    const Setting **ret_setting,
                    const char **ret_value,
                    sd_bus_error *reterr_bus)
{
        const char *interface, *property;
        int r;

        r = sd_bus_message_read(m, "ss", &interface, &property);
        if (r < 0)
                return r;

        if (*interface != '\0' && strcmp(interface, LOG_CONTROL_INTERFACE) != 0) {
                g_autofree char *quoted = name_quote(interface);

                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                                     "There is no interface %s with properties "
                                                     "that can be set",
                                                     quoted));
        }

        r = find_setting(property, ret_setting, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_read(m, "v", "s", ret_value);
        if (r == -ENXIO)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "Property '%s' has the type 's'", property));
        return r < 0 ? r : 0;
}

static int properties_set(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        const Setting *setting;
        const char *value;
        Namespace *none;
        int r;

        r = read_set(m, &setting, &value, reterr_bus);
        if (r < 0)
                return r;

        r = setting->check(value, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_check(service, m, properties_set,
                             &(AuthorizerQuestion){ .action = AUTHORIZE_MANAGE,
                                                    .name = "",
                                                    .verb = setting->verb },
                             &none, reterr_bus);
        if (r != 0)
                return r;

        setting->set(value, callers_get(service->callers, m));
        return sd_bus_reply_method_return(m, NULL);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        int r;

        if (!sd_bus_message_is_method_call(m, PROPERTIES_INTERFACE, "Set"))
                return 0;
        if (!sd_bus_message_has_signature(m, "ssv"))
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "Set takes arguments of signature 'ssv'"));

        r = properties_set(m, userdata, reterr_bus);
        return r < 0 ? r : 1; /* 0 would send it on to the vtable */
}

#define PROPERTY_GETTER(name, text)                                                              \
        static int name(sd_bus *bus G_GNUC_UNUSED, const char *path G_GNUC_UNUSED,               \
                        const char *interface G_GNUC_UNUSED, const char *property G_GNUC_UNUSED, \
                        sd_bus_message *reply, void *userdata G_GNUC_UNUSED,                     \
                        sd_bus_error *reterr_bus G_GNUC_UNUSED)                                  \
        {                                                                                        \
                return sd_bus_message_append(reply, "s", text);                                  \
        }

PROPERTY_GETTER(property_get_log_level, log_level_name(log_level()))
PROPERTY_GETTER(property_get_log_target, target_name())
PROPERTY_GETTER(property_get_syslog_identifier, SYSLOG_IDENTIFIER)

/* Makes the property writable in introspection; on_message() leaves nothing to it. */
static int property_set_nothing(sd_bus *bus G_GNUC_UNUSED,
                                const char *path G_GNUC_UNUSED,
                                const char *interface G_GNUC_UNUSED,
                                const char *property G_GNUC_UNUSED,
                                sd_bus_message *value G_GNUC_UNUSED,
                                void *userdata G_GNUC_UNUSED,
                                sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        return -EACCES;
}

static const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel",
                                 "s",
                                 property_get_log_level,
                                 property_set_nothing,
                                 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget",
                                 "s",
                                 property_get_log_target,
                                 property_set_nothing,
                                 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier",
                        "s",
                        property_get_syslog_identifier,
                        0,
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int log_control_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_object(bus, &slot, LOG_CONTROL_PATH, on_message, service);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        r = sd_bus_add_object_vtable(bus, &slot, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
                                     log_control_vtable, service);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        return 0;
}
