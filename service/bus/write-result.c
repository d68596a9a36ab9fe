/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write result
 *
 * A commit spells a change of class as a tombstone of the old entry right before the new one; to a
 * caller that is one changed key.
 */

#include "bus/write-result.h"

#include "bus/vetoes.h"

#include <string.h>

typedef enum Effect {
        EFFECT_CHANGED,
        EFFECT_REMOVED,
        EFFECT_PART, /* of the change that follows it */
} Effect;

static Effect effect_of(const NamespaceChange *change, guint i)
{
        const Entry *entry = change->entries->pdata[i];
        const Entry *next = i + 1 < change->entries->len ? change->entries->pdata[i + 1] : NULL;

        if (!entry_is_tombstone(entry))
                return EFFECT_CHANGED;
        return next && strcmp(entry_key(entry), entry_key(next)) == 0 ? EFFECT_PART
                                                                      : EFFECT_REMOVED;
}

static uint32_t count(const Commit *commit, Effect effect)
{
        uint32_t n = 0;

        for (guint i = 0; commit && i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                for (guint j = 0; j < change->entries->len; j++)
                        n += effect_of(change, j) == effect;
        }

        return n;
}

/* A "v" with the keys, as an "as". */
static int append_keys(sd_bus_message *reply, const NamespaceChange *change, Effect effect)
{
        int r;

        r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (guint i = 0; r >= 0 && change && i < change->entries->len; i++)
                if (effect_of(change, i) == effect)
                        r = sd_bus_message_append_basic(reply, 's',
                                                        entry_key(change->entries->pdata[i]));
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* A "v" with an a{sv}: namespace -> its keys. */
static int append_keys_many(sd_bus_message *reply, const Commit *commit, Effect effect)
{
        int r;

        r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (guint i = 0; r >= 0 && commit && i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                r = sd_bus_message_open_container(reply, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 's', change->name);
                if (r >= 0)
                        r = append_keys(reply, change, effect);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_named_keys(
        sd_bus_message *reply, const char *name, const Commit *commit, bool is_many, Effect effect)
{
        const NamespaceChange *only = commit ? commit->changes->pdata[0] : NULL;
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', name);
        if (r >= 0)
                r = is_many ? append_keys_many(reply, commit, effect)
                            : append_keys(reply, only, effect);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_result(sd_bus_message *reply, const Settlement *settlement, bool is_many)
{
        const Commit *commit = settlement->commit;
        uint32_t n_changed, n_removed;
        int r;

        r = sd_bus_message_append(reply, "t", settlement->revision);
        if (r < 0)
                return r;

        write_result_count(settlement, &n_changed, &n_removed);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "{sv}{sv}", "changed", "u", n_changed, "removed", "u",
                                  n_removed);
        if (r >= 0 && settlement->token)
                r = sd_bus_message_append(reply, "{sv}{sv}", "token", "s", settlement->token,
                                          "deadline-usec", "t", commit->pending->deadline_usec);
        if (r >= 0 && settlement->is_dry_run)
                r = append_named_keys(reply, "changed-keys", commit, is_many, EFFECT_CHANGED);
        if (r >= 0 && settlement->is_dry_run)
                r = append_named_keys(reply, "removed-keys", commit, is_many, EFFECT_REMOVED);
        if (r >= 0 && settlement->is_dry_run)
                r = vetoes_append(reply, settlement->transaction);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(reply);
}

int write_reply_result(sd_bus_message *reply, const Settlement *settlement)
{
        return append_result(reply, settlement, false);
}

int write_reply_result_many(sd_bus_message *reply, const Settlement *settlement)
{
        return append_result(reply, settlement, true);
}

void write_result_count(const Settlement *settlement,
                        uint32_t *ret_n_changed,
                        uint32_t *ret_n_removed)
{
        *ret_n_changed = count(settlement->commit, EFFECT_CHANGED);
        *ret_n_removed = count(settlement->commit, EFFECT_REMOVED);
}
