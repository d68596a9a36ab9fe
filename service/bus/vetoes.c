/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vetoes
 */

#include "bus/vetoes.h"

#include <string.h>

/* A commit over many namespaces may have thousands of participants. */
#define VETOES_MAX 64u

/* A connection is named once, however many participants it is. */
static bool is_named_before(const Transaction *transaction, guint i)
{
        const Member *member = transaction->members->pdata[i];

        for (guint j = 0; j < i; j++) {
                const Member *other = transaction->members->pdata[j];

                if (other->state == MEMBER_OBJECTS &&
                    strcmp(other->participant->address, member->participant->address) == 0)
                        return true;
        }

        return false;
}

static int append_veto(sd_bus_message *reply, const Member *member)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', member->participant->address);
        if (r >= 0)
                r = sd_bus_message_append(reply, "v", "a{sv}", 4, "uid", "u",
                                          member->participant->uid, "ns_name", "s",
                                          member->preview->name, "key", "s", member->key, "reason",
                                          "s", member->reason);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_all(sd_bus_message *reply, const Transaction *transaction)
{
        unsigned n = 0;
        int r = 0;

        for (guint i = 0; r >= 0 && n < VETOES_MAX && i < transaction->members->len; i++) {
                const Member *member = transaction->members->pdata[i];

                if (member->state != MEMBER_OBJECTS || is_named_before(transaction, i))
                        continue;
                r = append_veto(reply, member);
                n++;
        }
        return r;
}

int vetoes_append(sd_bus_message *reply, const Transaction *transaction)
{
        int r;

        if (!transaction || !transaction->objector)
                return 0;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "vetoes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_all(reply, transaction);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}
