/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vetoes
 */

#include "bus/vetoes.h"

#include <glib.h>

/* A commit over many namespaces may have thousands of participants. */
#define VETOES_MAX 64u

/* Told by its number: a connection may object more than once, in one namespace or in several. */
static int append_veto(sd_bus_message *reply, const Member *member, unsigned number)
{
        const Participant *participant = member->participant;
        char name[16];
        int r;

        (void) g_snprintf(name, sizeof name, "%u", number);

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', name);
        if (r >= 0)
                r = sd_bus_message_append(reply, "v", "a{sv}", 6, "participant", "s",
                                          participant_connection(participant), "path", "s",
                                          participant->path, "uid", "u", participant->uid,
                                          "ns_name", "s", member->preview->name, "key", "s",
                                          member->key, "reason", "s", member->reason);
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

                if (member->state == MEMBER_OBJECTS)
                        r = append_veto(reply, member, ++n);
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
