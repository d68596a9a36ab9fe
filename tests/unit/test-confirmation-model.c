/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thousands of random changes, with and without a confirmation, over a few keys, against a model that
 * copies all of it before each change that waits: what is undone is as it was, and what others wrote
 * meanwhile stays.
 */

#include "changes.h"
#include "core/sequencer.h"

#define N_STEPS   3000
#define N_SPACES  2
#define N_KEYS    5
#define N_PENDING 4

typedef struct ModelEntry {
        unsigned value; /* 0: not set */
        EntryClass class;
} ModelEntry;

typedef struct ModelState {
        ModelEntry entries[N_SPACES][N_KEYS];
} ModelState;

typedef struct ModelPending {
        uint64_t revision; /* 0: none */
        bool is_locked[N_SPACES][N_KEYS];
        ModelState before;
} ModelPending;

typedef struct Driver {
        GRand *random;
        State *state;
        Overlay *overlay;
        uint64_t revision;
        ModelState model;
        ModelPending pending[N_PENDING];
        size_t n_busy, n_undone, n_confirmed;
} Driver;

static const char *const spaces[N_SPACES] = { "a.b", "c.d" };
static const char *const keys[N_KEYS] = { "k0", "k1", "k2", "k3", "k4" };

static unsigned pick(Driver *driver, unsigned n)
{
        return (unsigned) g_rand_int_range(driver->random, 0, (int) n);
}

static int resolve(Driver *driver, ChangeSet *set, Commit **ret_commit)
{
        g_autoptr(ChangeSet) owned = set;
        g_autofree char *text = NULL;
        int r;

        *ret_commit = NULL;
        r = sequencer_resolve(driver->state, driver->overlay, changes_limits(), owned,
                              driver->revision + 1, 1000, ret_commit, &text);
        if (r != 0 || !*ret_commit)
                return r;

        driver->revision++;
        state_apply(driver->state, *ret_commit);
        return 0;
}

static void assert_same(const Driver *driver)
{
        for (size_t i = 0; i < N_SPACES; i++) {
                const Namespace *ns = state_lookup(driver->state, spaces[i]);

                for (size_t k = 0; k < N_KEYS; k++) {
                        const ModelEntry *wanted = &driver->model.entries[i][k];
                        Entry *entry = namespace_lookup(ns, keys[k]);
                        g_autoptr(GVariant) value = entry ? entry_value(entry) : NULL;

                        g_assert_true((entry != NULL) == (wanted->value > 0));
                        if (!entry)
                                continue;
                        g_assert_cmpuint(g_variant_get_uint32(value), ==, wanted->value);
                        g_assert_cmpint(entry->class, ==, wanted->class);
                }
        }
}

static bool is_locked(const Driver *driver, size_t i, size_t k)
{
        for (size_t p = 0; p < N_PENDING; p++)
                if (driver->pending[p].revision > 0 && driver->pending[p].is_locked[i][k])
                        return true;
        return false;
}

/* A change set, and in @after what the model would be; whether it meets a lock. */
static ChangeSet *random_set(Driver *driver, ModelState *after, bool *ret_is_busy)
{
        ChangeSet *set = changes_new();

        *ret_is_busy = false;
        for (size_t i = 0; i < N_SPACES; i++)
                for (size_t k = 0; k < N_KEYS; k++) {
                        ModelEntry *entry = &after->entries[i][k];
                        g_autofree char *text = NULL;

                        if (pick(driver, 6) > 0)
                                continue;
                        *ret_is_busy |= is_locked(driver, i, k);
                        if (pick(driver, 3) == 0) {
                                *entry = (ModelEntry){ 0 };
                                changes_unset(set, spaces[i], keys[k]);
                                continue;
                        }
                        entry->value = 1 + pick(driver, 3);
                        entry->class = pick(driver, 3) == 0 ? ENTRY_RUNTIME : ENTRY_PERSISTENT;
                        text = g_strdup_printf("uint32 %u", entry->value);
                        changes_set(set, spaces[i], keys[k], text);
                        changes_classify(set, spaces[i], keys[k], entry->class);
                }
        return set;
}

static void change(Driver *driver, ModelPending *pending)
{
        ModelState after = driver->model;
        g_autoptr(Commit) commit = NULL;
        ChangeSet *set;
        bool is_busy;
        int r;

        set = random_set(driver, &after, &is_busy);
        if (pending)
                set->confirmation = g_new0(ConfirmationWish, 1);
        r = resolve(driver, set, &commit);
        g_assert_cmpint(r, ==, is_busy ? CORE_E_BUSY : 0);
        driver->n_busy += is_busy;
        if (is_busy)
                return;

        if (pending && commit) {
                pending->revision = driver->revision;
                pending->before = driver->model;
                for (size_t i = 0; i < N_SPACES; i++)
                        for (size_t k = 0; k < N_KEYS; k++) {
                                const ModelEntry *old = &driver->model.entries[i][k];
                                const ModelEntry *new = &after.entries[i][k];

                                pending->is_locked[i][k] =
                                        old->value != new->value || old->class != new->class;
                        }
        }
        driver->model = after;
}

static void reset(Driver *driver, const ModelPending *pending, bool is_other_boot)
{
        for (size_t i = 0; i < N_SPACES; i++)
                for (size_t k = 0; k < N_KEYS; k++) {
                        ModelEntry before = pending->before.entries[i][k];

                        if (!pending->is_locked[i][k])
                                continue;
                        if (is_other_boot && before.class == ENTRY_RUNTIME)
                                before = (ModelEntry){ 0 };
                        driver->model.entries[i][k] = before;
                }
}

static void settle(Driver *driver, ModelPending *pending)
{
        ChangeSet *set = change_set_new(CHANGE_SET_SETTLE);
        bool is_other_boot = pick(driver, 4) == 0, undoes = pick(driver, 2) == 0;
        g_autoptr(Commit) commit = NULL;

        set->settles = pending->revision;
        set->settlement = undoes ? COMMIT_UNDOES : COMMIT_CONFIRMS;
        set->is_other_boot = is_other_boot;
        g_assert_cmpint(resolve(driver, set, &commit), ==, 0);
        g_assert_nonnull(commit);
        if (undoes)
                reset(driver, pending, is_other_boot);
        *(undoes ? &driver->n_undone : &driver->n_confirmed) += 1;
        pending->revision = 0;
}

static void step(Driver *driver)
{
        ModelPending *pending = &driver->pending[pick(driver, N_PENDING)];

        if (pick(driver, 2) == 0)
                change(driver, NULL);
        else if (pending->revision == 0)
                change(driver, pending);
        else
                settle(driver, pending);
        assert_same(driver);
}

static void test_undone_is_as_it_was(gconstpointer seed)
{
        Driver driver = {
                .random = g_rand_new_with_seed(GPOINTER_TO_UINT(seed)),
                .state = state_new(),
        };

        driver.overlay = overlay_new(driver.state);
        for (size_t i = 0; i < N_SPACES; i++) {
                g_autoptr(Commit) commit = NULL;

                g_assert_cmpint(resolve(&driver, changes_new_create(spaces[i], 0), &commit), ==, 0);
        }
        for (int i = 0; i < N_STEPS; i++)
                step(&driver);

        /* Otherwise it did not test what it says. */
        g_assert_cmpuint(driver.n_busy, >, 100);
        g_assert_cmpuint(driver.n_undone, >, 100);
        g_assert_cmpuint(driver.n_confirmed, >, 100);
        overlay_free(driver.overlay);
        state_free(driver.state);
        g_rand_free(driver.random);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        for (unsigned seed = 1; seed <= 4; seed++) {
                g_autofree char *path = g_strdup_printf("/confirmation-model/seed-%u", seed);

                g_test_add_data_func(path, GUINT_TO_POINTER(seed), test_undone_is_as_it_was);
        }
        return g_test_run();
}
