/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User names
 */

#include "user-name.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>

/* A group with thousands of members still fits. */
#define RECORD_BYTES     1024u
#define RECORD_BYTES_MAX (1u << 20)

/* 0, or -EINVAL when it is no number; the largest one stands for nobody. */
static int parse_number(const char *text, uint32_t *ret_number)
{
        guint64 number;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &number, NULL))
                return -EINVAL;

        *ret_number = (uint32_t) number;
        return 0;
}

/* The two system calls in one form: 0 without *ret_id when there is none. */
typedef int (*Lookup)(
        const char *name, char *buffer, size_t size, bool *ret_is_found, uint32_t *ret_id);

static int lookup_user(
        const char *name, char *buffer, size_t size, bool *ret_is_found, uint32_t *ret_id)
{
        struct passwd record, *found = NULL;
        int error = getpwnam_r(name, &record, buffer, size, &found);

        *ret_is_found = found != NULL;
        if (found)
                *ret_id = found->pw_uid;
        return error;
}

static int lookup_group(
        const char *name, char *buffer, size_t size, bool *ret_is_found, uint32_t *ret_id)
{
        struct group record, *found = NULL;
        int error = getgrnam_r(name, &record, buffer, size, &found);

        *ret_is_found = found != NULL;
        if (found)
                *ret_id = found->gr_gid;
        return error;
}

static int look_up(Lookup lookup, const char *name, uint32_t *ret_id)
{
        int error = ERANGE;

        if (parse_number(name, ret_id) == 0)
                return 0;

        for (size_t size = RECORD_BYTES; error == ERANGE && size <= RECORD_BYTES_MAX; size *= 2) {
                g_autofree char *buffer = g_malloc(size);
                bool is_found;

                error = lookup(name, buffer, size, &is_found, ret_id);
                if (is_found)
                        return 0;
        }

        /* Some that are asked say so in this way. */
        return error == 0 || error == ESRCH ? -ENOENT : -error;
}

int user_name_to_uid(const char *name, uint32_t *ret_uid)
{
        return look_up(lookup_user, name, ret_uid);
}

int user_name_to_gid(const char *name, uint32_t *ret_gid)
{
        return look_up(lookup_group, name, ret_gid);
}
