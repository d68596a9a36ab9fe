/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access reader
 */

#include "bus/access-reader.h"

#include "bus/bus-error.h"
#include "bus/options.h"

#include <string.h>

static int read_mode(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        uint32_t mode;
        int r;

        r = option_read_uint32(m, "mode", &mode, reterr_bus);
        if (r < 0)
                return r;

        r = change_set_set_mode(reader->set, mode, &text);
        return r == 0 ? 0 : bus_error_set(reterr_bus, r, text);
}

static int read_access_option(sd_bus_message *m,
                              const char *name,
                              void *userdata,
                              sd_bus_error *reterr_bus)
{
        ChangeReader *reader = userdata;
        ChangeSet *set = reader->set;

        if (strcmp(name, "owner") == 0) {
                set->access_fields |= ACCESS_OWNER;
                return option_read_uint32(m, name, &set->access.owner, reterr_bus);
        }
        if (strcmp(name, "group") == 0) {
                set->access_fields |= ACCESS_GROUP;
                return option_read_uint32(m, name, &set->access.group, reterr_bus);
        }
        if (strcmp(name, "mode") == 0)
                return read_mode(reader, m, reterr_bus);
        if (strcmp(name, "quota-keys") == 0) {
                set->access_fields |= ACCESS_QUOTA_KEYS;
                return option_read_uint64(m, name, &set->access.quota_keys, reterr_bus);
        }
        if (strcmp(name, "quota-bytes") == 0) {
                set->access_fields |= ACCESS_QUOTA_BYTES;
                return option_read_uint64(m, name, &set->access.quota_bytes, reterr_bus);
        }
        return option_unknown(name, reterr_bus);
}

int access_reader_read(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        r = options_read(m, read_access_option, reader, reterr_bus);
        if (r < 0)
                return r;

        if ((reader->set->access_fields & ACCESS_OWNER) && reader->set->access.owner == UINT32_MAX)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "4294967295 is no uid"));
        return 0;
}
