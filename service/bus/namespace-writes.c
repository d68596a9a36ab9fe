/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes of a namespace
 */

#include "bus/namespace-writes.h"

#include "bus/access-reader.h"
#include "bus/change-reader.h"
#include "bus/write-result.h"
#include "bus/write.h"

static int read_set(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *key;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &key);
        if (r < 0)
                return r;

        return change_reader_read_value(reader, m, key, reterr_bus);
}

int namespace_method_set(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = namespace_method_set,
                .verb = "Set",
                .action = AUTHORIZE_WRITE,
                .kind = CHANGE_SET_ENTRIES,
                .read = read_set,
                .append_reply = write_reply_revision,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static int read_delete(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *key;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &key);
        if (r < 0)
                return r;

        return change_reader_unset(reader, key, reterr_bus);
}

int namespace_method_delete(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = namespace_method_delete,
                .verb = "Delete",
                .action = AUTHORIZE_WRITE,
                .kind = CHANGE_SET_ENTRIES,
                .flags = CHANGE_SET_CHANGE_ONLY,
                .read = read_delete,
                .append_reply = write_reply_revision,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

int namespace_method_apply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = namespace_method_apply,
                .verb = "Apply",
                .action = AUTHORIZE_WRITE,
                .kind = CHANGE_SET_ENTRIES,
                .read = change_reader_read_apply,
                .append_reply = write_reply_result,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

/* An owner may change the mode, and the group to one it is in itself. */
static bool is_owners_access(const ChangeSet *set, const Caller *caller)
{
        if (set->access_fields & ~(ACCESS_MODE | ACCESS_GROUP))
                return false;
        return !(set->access_fields & ACCESS_GROUP) || set->access.group == NAMESPACE_NO_GROUP ||
               caller_is_in_group(caller, set->access.group);
}

int namespace_method_set_access(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = namespace_method_set_access,
                .verb = "SetAccess",
                .action = AUTHORIZE_MANAGE,
                .kind = CHANGE_SET_ACCESS,
                .read = access_reader_read,
                .is_owners_right = is_owners_access,
        };

        return write_run(userdata, m, &method, reterr_bus);
}
