/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes that wait for a confirmation
 */

#include "private.h"

#include <errno.h>

static int token_spec(Regent *regent, const char *member, const char *token, CallSpec *ret)
{
        int r;

        r = text_check(regent, token, "The token");
        if (r < 0)
                return r;

        *ret = (CallSpec){
                .path = REGENT_PATH,
                .interface_name = REGENT_MANAGER_INTERFACE,
                .member = member,
                .arguments = g_variant_new("(s)", token),
                .reply_type = "(t)",
        };
        return 0;
}

int regent_confirm(Regent *regent, const char *token, uint64_t *ret_revision)
{
        CallSpec spec;
        int r;

        r = token_spec(regent, "ConfirmChange", token, &spec);
        return r < 0 ? r : call_wait_for_revision(regent, &spec, ret_revision);
}

int regent_confirm_async(Regent *regent,
                         const char *token,
                         RegentOnReply on_reply,
                         void *userdata,
                         RegentCall **ret_call)
{
        CallSpec spec;
        int r;

        r = token_spec(regent, "ConfirmChange", token, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}

int regent_cancel(Regent *regent, const char *token, uint64_t *ret_revision)
{
        CallSpec spec;
        int r;

        r = token_spec(regent, "CancelChange", token, &spec);
        return r < 0 ? r : call_wait_for_revision(regent, &spec, ret_revision);
}

int regent_cancel_async(Regent *regent,
                        const char *token,
                        RegentOnReply on_reply,
                        void *userdata,
                        RegentCall **ret_call)
{
        CallSpec spec;
        int r;

        r = token_spec(regent, "CancelChange", token, &spec);
        return r < 0 ? r : call_start(regent, &spec, on_reply, userdata, ret_call);
}
