/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accounts
 *
 * An account exists while it holds anything, so the table is as large as what is charged to it.
 */

#include "core/account.h"

typedef struct Account {
        uint64_t used[_ACCOUNT_RESOURCE_MAX];
} Account;

struct Accounts {
        GHashTable *by_uid; /* uid -> owned Account */
        Account *last;      /* that was looked up, for the next is often the same; NULL: none */
        uint32_t last_uid;
};

Accounts *accounts_new(void)
{
        Accounts *accounts = g_new(Accounts, 1);

        *accounts = (Accounts){ .by_uid = g_hash_table_new_full(NULL, NULL, NULL, g_free) };
        return accounts;
}

Accounts *accounts_free(Accounts *accounts)
{
        if (!accounts)
                return NULL;

        g_hash_table_unref(accounts->by_uid);
        g_free(accounts);
        return NULL;
}

static Account *account_lookup(const Accounts *accounts, uint32_t uid)
{
        return g_hash_table_lookup(accounts->by_uid, GUINT_TO_POINTER(uid));
}

uint64_t accounts_get(const Accounts *accounts, uint32_t uid, AccountResource resource)
{
        const Account *account = account_lookup(accounts, uid);

        return account ? account->used[resource] : 0;
}

bool accounts_may_charge(const Accounts *accounts,
                         uint32_t uid,
                         AccountResource resource,
                         uint64_t amount,
                         uint64_t max)
{
        uint64_t used = accounts_get(accounts, uid, resource);

        return uid == 0 || amount == 0 || (used <= max && amount <= max - used);
}

static Account *account_of(Accounts *accounts, uint32_t uid)
{
        if (!accounts->last || accounts->last_uid != uid) {
                accounts->last = account_lookup(accounts, uid);
                accounts->last_uid = uid;
        }
        return accounts->last;
}

void accounts_charge(Accounts *accounts, uint32_t uid, AccountResource resource, uint64_t amount)
{
        Account *account = account_of(accounts, uid);

        if (amount == 0)
                return;

        if (!account) {
                account = g_new0(Account, 1);
                g_hash_table_insert(accounts->by_uid, GUINT_TO_POINTER(uid), account);
        }
        account->used[resource] += amount;
}

void accounts_discharge(Accounts *accounts, uint32_t uid, AccountResource resource, uint64_t amount)
{
        Account *account = account_of(accounts, uid);

        if (amount == 0)
                return;

        g_assert(account && account->used[resource] >= amount);
        account->used[resource] -= amount;

        for (size_t i = 0; i < _ACCOUNT_RESOURCE_MAX; i++)
                if (account->used[i] > 0)
                        return;
        accounts->last = NULL;
        g_hash_table_remove(accounts->by_uid, GUINT_TO_POINTER(uid));
}
