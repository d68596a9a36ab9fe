/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thousands of random requests through the pipeline, in batches of every size, some of which fail:
 * each is answered as the model answers it, and the state is the model's after each batch.
 */

#include "changes.h"
#include "commit-model.h"
#include "core/pipeline.h"

#include <errno.h>

#define N_STEPS   4000
#define N_ORIGINS 3

typedef struct Driver {
        GRand *random;
        State *state;
        Limits limits;
        Pipeline *pipeline;
        Origin *origins[N_ORIGINS];
        Model model;
        unsigned n_waiting;     /* submitted and not answered */
        uint64_t last_revision; /* ever given to a commit */
        uint64_t n_journaled;   /* commits of the batch under way */
        bool is_failing;
        size_t n_outcomes[CORE_E_OUTCOME_UNKNOWN + 1];
} Driver;

typedef struct Asked {
        Driver *driver;
        ModelRequest *request; /* owned */
} Asked;

static bool one_in(Driver *driver, int n)
{
        return g_rand_int_range(driver->random, 0, n) == 0;
}

static unsigned pick(Driver *driver, unsigned n)
{
        return (unsigned) g_rand_int_range(driver->random, 0, (int) n);
}

/* A request is answered when it has been sequenced, so the model takes them in the order of answers. */
static void on_settled(void *userdata, const Settlement *settlement)
{
        g_autofree Asked *asked = userdata;
        g_autofree ModelRequest *request = asked->request;
        Driver *driver = asked->driver;
        unsigned outcomes = MODEL_OUTCOME(CORE_E_OUTCOME_UNKNOWN);
        bool is_changed = false;

        driver->n_waiting--;
        if (!driver->is_failing)
                outcomes = model_apply(&driver->model, request, &driver->limits,
                                       driver->last_revision + 1, &is_changed);
        if (is_changed)
                driver->last_revision++;

        g_assert_cmpuint(MODEL_OUTCOME(settlement->outcome) & outcomes, !=, 0);
        driver->n_outcomes[settlement->outcome]++;
        if (settlement->outcome != 0)
                return;
        g_assert_cmpuint(settlement->revision, ==, driver->model.revision);
        if (!settlement->is_dry_run)
                g_assert_true((settlement->commit != NULL) == is_changed);
}

static void wake(void *userdata G_GNUC_UNUSED)
{
}

static int journal(void *userdata, const GPtrArray *commits)
{
        Driver *driver = userdata;

        driver->n_journaled = commits->len;
        return 0;
}

static void publish(void *userdata G_GNUC_UNUSED, const GPtrArray *commits G_GNUC_UNUSED)
{
}

/* One that the release may have. */
static EntryClass random_class(Driver *driver, const ModelRequest *request, size_t i)
{
        static const EntryClass of_none[] = { ENTRY_AS_SEEN, ENTRY_PERSISTENT, ENTRY_RUNTIME };

        if (one_in(driver, 4))
                return ENTRY_AS_SEEN;
        if (request->namespaces[i].has_release && request->namespaces[i].place > 0)
                return ENTRY_KERNEL;
        if (!request->namespaces[i].has_release && one_in(driver, 3))
                return ENTRY_KERNEL;
        return of_none[pick(driver, G_N_ELEMENTS(of_none))];
}

static void wish_for_key(Driver *driver, ModelRequest *request, size_t i, size_t k)
{
        const ModelNamespace *ns = &driver->model.namespaces[i];

        if (one_in(driver, 3)) {
                request->namespaces[i].keys[k].wish = one_in(driver, 3) ? MODEL_UNSET : MODEL_SET;
                /* Few sizes, so that equal values come up, and quotas are met. */
                request->namespaces[i].keys[k].n_bytes = pick(driver, 4) * 9;
                request->namespaces[i].keys[k].class = random_class(driver, request, i);
        }
        if (one_in(driver, 12)) {
                request->namespaces[i].keys[k].is_expected = true;
                request->namespaces[i].keys[k].expected =
                        one_in(driver, 10) ? pick(driver, 1000) : model_seen(ns, k)->revision;
        }
}

static void wish_for_namespace(Driver *driver, ModelRequest *request, size_t i)
{
        request->namespaces[i].is_touched = true;
        if (one_in(driver, 4))
                request->namespaces[i].created_revision =
                        driver->model.namespaces[i].created_revision;
        if (!request->namespaces[i].has_release && one_in(driver, 4)) {
                request->namespaces[i].has_release = true;
                request->namespaces[i].place = pick(driver, MODEL_PLACES);
                /* What was wished for before may not go with it. */
                memset(request->namespaces[i].keys, 0, sizeof request->namespaces[i].keys);
        }
        if (request->kind == CHANGE_SET_ENTRIES)
                for (size_t k = 0; k < MODEL_KEYS; k++)
                        wish_for_key(driver, request, i, k);
}

static ModelRequest *random_request(Driver *driver)
{
        static const uint32_t uids[] = { 4001, 4002, 0 };
        static const ChangeSetKind kinds[] = { CHANGE_SET_CREATE_NAMESPACE,
                                               CHANGE_SET_CREATE_NAMESPACE, CHANGE_SET_ACCESS,
                                               CHANGE_SET_REMOVE_NAMESPACE, CHANGE_SET_NOTHING };
        ModelRequest *request = g_new0(ModelRequest, 1);

        request->kind =
                one_in(driver, 5) ? kinds[pick(driver, G_N_ELEMENTS(kinds))] : CHANGE_SET_ENTRIES;
        request->writer_uid = uids[pick(driver, G_N_ELEMENTS(uids))];
        request->quota_keys = pick(driver, MODEL_KEYS);
        if (request->kind == CHANGE_SET_REMOVE_NAMESPACE && one_in(driver, 2))
                request->flags = CHANGE_SET_NOT_EMPTY;
        if (request->kind == CHANGE_SET_ENTRIES) {
                request->flags = one_in(driver, 8) ? CHANGE_SET_DRY_RUN : 0;
                if (one_in(driver, 6))
                        request->flags |=
                                one_in(driver, 2) ? CHANGE_SET_CREATE_ONLY : CHANGE_SET_CHANGE_ONLY;
        }

        do
                wish_for_namespace(driver, request, pick(driver, MODEL_NAMESPACES));
        while (request->kind == CHANGE_SET_ENTRIES && one_in(driver, 3));
        return request;
}

static void submit(Driver *driver)
{
        Asked *asked = g_new(Asked, 1);

        *asked = (Asked){ driver, random_request(driver) };
        driver->n_waiting++;
        pipeline_submit(driver->origins[pick(driver, N_ORIGINS)], NULL,
                        model_change_set(asked->request), on_settled, asked);
}

static void settle(Driver *driver)
{
        if (!pipeline_is_under_way(driver->pipeline))
                return;

        driver->is_failing = one_in(driver, 20);
        pipeline_settle(driver->pipeline, driver->is_failing ? -EIO : 0);
        if (driver->is_failing)
                driver->last_revision += driver->n_journaled;
        driver->is_failing = false;
        model_assert_state(&driver->model, driver->state);
}

static void driver_init(Driver *driver, uint32_t seed)
{
        const PipelineCallbacks callbacks = {
                .wake = wake,
                .journal = journal,
                .publish = publish,
                .reconsider = NULL,
                .userdata = driver,
        };

        *driver = (Driver){ .random = g_rand_new_with_seed(seed), .state = state_new() };
        state_set_release(driver->state, model_releases[1]);
        limits_init(&driver->limits);
        driver->limits.namespace_bytes = 150;
        driver->limits.uid_bytes = 250;
        driver->limits.uid_namespaces = 2;
        driver->pipeline = pipeline_new(driver->state, &driver->limits, &callbacks);
        for (size_t i = 0; i < N_ORIGINS; i++)
                driver->origins[i] = pipeline_origin_new(driver->pipeline);
}

static void driver_clear(Driver *driver)
{
        for (size_t i = 0; i < N_ORIGINS; i++)
                pipeline_origin_free(driver->origins[i]);
        pipeline_free(driver->pipeline);
        state_free(driver->state);
        g_rand_free(driver->random);
}

static void test_requests_end_as_in_the_model(gconstpointer seed)
{
        static const Outcome met[] = { 0,
                                       CORE_E_NO_SUCH_NAMESPACE,
                                       CORE_E_NAMESPACE_EXISTS,
                                       CORE_E_NAMESPACE_NOT_EMPTY,
                                       CORE_E_NO_SUCH_KEY,
                                       CORE_E_KEY_EXISTS,
                                       CORE_E_QUOTA_EXCEEDED,
                                       CORE_E_CONFLICT,
                                       CORE_E_OUTCOME_UNKNOWN };
        Driver driver;

        driver_init(&driver, GPOINTER_TO_UINT(seed));
        for (int i = 0; i < N_STEPS; i++) {
                submit(&driver);
                if (one_in(&driver, 3))
                        pipeline_run(driver.pipeline, 1000);
                if (one_in(&driver, 4))
                        settle(&driver);
        }
        for (int i = 0; i < N_STEPS && driver.n_waiting > 0; i++) {
                pipeline_run(driver.pipeline, 1000);
                settle(&driver);
        }
        g_assert_cmpuint(driver.n_waiting, ==, 0);

        /* Otherwise it did not test what it says. */
        for (size_t i = 0; i < G_N_ELEMENTS(met); i++)
                g_assert_cmpuint(driver.n_outcomes[met[i]], >, 10);
        driver_clear(&driver);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        for (unsigned seed = 1; seed <= 8; seed++) {
                g_autofree char *path = g_strdup_printf("/pipeline-model/seed-%u", seed);

                g_test_add_data_func(path, GUINT_TO_POINTER(seed),
                                     test_requests_end_as_in_the_model);
        }
        return g_test_run();
}
