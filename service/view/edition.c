/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Edition
 */

#include "view/edition.h"

int edition_new(Edition **ret_edition,
                const GenerationShape *shape,
                uint64_t number,
                Accounts *accounts)
{
        Generation *generation;
        Edition *edition;
        int r;

        r = generation_new(&generation, shape, number);
        if (r < 0)
                return r;

        edition = g_new(Edition, 1);
        *edition = (Edition){
                .generation = generation,
                .accounts = accounts,
                .uids = g_hash_table_new(NULL, NULL),
        };
        *ret_edition = edition;
        return 0;
}

static void discharge(gpointer uid, gpointer unused G_GNUC_UNUSED, gpointer userdata)
{
        const Edition *edition = userdata;

        accounts_discharge(edition->accounts, GPOINTER_TO_UINT(uid), ACCOUNT_VIEW_BYTES,
                           generation_bytes(edition->generation));
}

void edition_discharge(Edition *edition)
{
        g_hash_table_foreach(edition->uids, discharge, edition);
        g_hash_table_remove_all(edition->uids);
}

Edition *edition_free(Edition *edition)
{
        if (!edition)
                return NULL;

        edition_discharge(edition);
        g_hash_table_unref(edition->uids);
        generation_free(edition->generation);
        g_free(edition);
        return NULL;
}

bool edition_was_lent_to(const Edition *edition, uint32_t uid)
{
        return g_hash_table_contains(edition->uids, GUINT_TO_POINTER(uid));
}

int edition_lend(Edition *edition, uint32_t uid, uint64_t max, int *ret_fd)
{
        uint64_t n_bytes = generation_bytes(edition->generation);
        bool is_new = !edition_was_lent_to(edition, uid);
        int fd;

        if (is_new &&
            !accounts_may_charge(edition->accounts, uid, ACCOUNT_VIEW_BYTES, n_bytes, max))
                return EDITION_E_TOO_MUCH;

        fd = generation_open_reader(edition->generation);
        if (fd < 0)
                return fd;

        if (is_new) {
                g_hash_table_add(edition->uids, GUINT_TO_POINTER(uid));
                accounts_charge(edition->accounts, uid, ACCOUNT_VIEW_BYTES, n_bytes);
        }
        edition->n_idle_looks = 0;
        *ret_fd = fd;
        return 0;
}
