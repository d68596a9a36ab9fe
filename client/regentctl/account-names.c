/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Account names
 */

#include "account-names.h"

#include "client/regent-names.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>

char *account_user_name(uint32_t uid)
{
        const struct passwd *user = getpwuid(uid);

        return user ? g_strdup(user->pw_name) : g_strdup_printf("%" PRIu32, uid);
}

char *account_group_name(uint32_t gid)
{
        const struct group *group;

        if (gid == REGENT_NO_GROUP)
                return g_strdup("-");
        group = getgrgid(gid);
        return group ? g_strdup(group->gr_name) : g_strdup_printf("%" PRIu32, gid);
}

/* The highest number is no id: it stands for "none" in all interfaces. */
static bool parse_id(const char *text, uint32_t *ret_id)
{
        guint64 number = 0;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &number, NULL))
                return false;
        *ret_id = (uint32_t) number;
        return true;
}

gboolean account_user_id(const char *text, uint32_t *ret_uid, Failure **reterr)
{
        const struct passwd *user = getpwnam(text);

        if (user)
                *ret_uid = user->pw_uid;
        else if (!parse_id(text, ret_uid))
                return failure_set(reterr, EXIT_INVALID, "There is no user '%s'", text);
        return TRUE;
}

gboolean account_group_id(const char *text, uint32_t *ret_gid, Failure **reterr)
{
        const struct group *group;

        if (strcmp(text, "none") == 0) {
                *ret_gid = REGENT_NO_GROUP;
                return TRUE;
        }
        group = getgrnam(text);
        if (group)
                *ret_gid = group->gr_gid;
        else if (!parse_id(text, ret_gid))
                return failure_set(reterr, EXIT_INVALID, "There is no group '%s'", text);
        return TRUE;
}
