/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The damage campaign
 *
 * Each kind of injury to each file of each store. REGENT_TEST_DAMAGE_STRIDE: only each so many-th of
 * the cases, in turn (each one, with -m slow).
 */

#include "injury.h"
#include "judge.h"
#include "plant.h"

#include <stdlib.h>
#include <string.h>

#define STRIDE         40u
#define VIOLATIONS_MAX 5u

typedef struct Trial {
        const StoryLine *line;
        const InjuryPlan *plan;
} Trial;

/* Written once each. */
static History *histories[16];
static History *others[16];

static const History *history_of(const StoryLine *line, History **kept)
{
        size_t i = (size_t) (line - stories);

        if (!kept[i])
                kept[i] = history_write(line);
        return kept[i];
}

static const InjuryPlan *injury_called(const char *name)
{
        const InjuryPlan *plan = injury_plans;

        while (strcmp(plan->name, name) != 0)
                plan++;
        return plan;
}

static unsigned stride(void)
{
        const char *text = g_getenv("REGENT_TEST_DAMAGE_STRIDE");

        if (text)
                return (unsigned) MAX(atoi(text), 1);
        return g_test_slow() ? 1 : STRIDE;
}

static void report(const Judge *judge)
{
        g_test_message("%u cases, %u degraded, %u torn, %u violations", judge->n_judged,
                       judge->n_degraded, judge->n_torn, judge->violations->len);
        for (guint i = 0; i < MIN(judge->violations->len, VIOLATIONS_MAX); i++)
                g_test_message("%s", (char *) judge->violations->pdata[i]);
        g_assert_cmpuint(judge->violations->len, ==, 0);
}

static void test_damage(gconstpointer userdata)
{
        const Trial *trial = userdata;
        const History *history = history_of(trial->line, histories);
        const History *other = history_of(trial->line, others);
        Judge judge;

        judge_init(&judge, history, stride());
        trial->plan->visit(history, other, 1, judge_damage, &judge);
        report(&judge);
        judge_clear(&judge);
}

static void test_newer(gconstpointer userdata)
{
        const Trial *trial = userdata;
        const History *history = history_of(trial->line, histories);
        Judge judge;

        judge_init(&judge, history, 1);
        trial->plan->visit(history, history, 1, judge_newer, &judge);
        report(&judge);
        judge_clear(&judge);
}

static void test_untouched(gconstpointer userdata)
{
        const Trial *trial = userdata;
        const History *history = history_of(trial->line, histories);
        Judge judge;

        judge_init(&judge, history, 1);
        judge_damage(&judge, trial->line->name, history->site);
        report(&judge);
        judge_clear(&judge);
}

/* The campaign can fail: each of these bugs it finds. */
static void test_planted(gconstpointer userdata)
{
        Plant bug = (Plant) GPOINTER_TO_INT(userdata);
        unsigned n_violations = 0;

        for (const StoryLine *line = stories; line->name && n_violations == 0; line++) {
                const History *history = history_of(line, histories);
                Judge judge;

                judge_init(&judge, history, bug == PLANT_OLD_MANIFEST ? 1 : 3);
                plant(bug);
                injury_called(bug == PLANT_OLD_MANIFEST ? "older" : "flips")
                        ->visit(history, history_of(line, others), 31, judge_damage, &judge);
                plant(PLANT_NONE);
                n_violations = judge.violations->len;
                if (n_violations > 0)
                        g_test_message("%s", (char *) judge.violations->pdata[0]);
                judge_clear(&judge);
        }
        g_assert_cmpuint(n_violations, >, 0);
}

static void add_planted(void)
{
        static const char *const names[] = {
                [PLANT_NO_CHECKSUM] = "no-checksum",
                [PLANT_TEAR] = "damage-taken-for-a-tear",
                [PLANT_NO_EVIDENCE] = "no-evidence",
                [PLANT_OLD_MANIFEST] = "old-manifest-accepted",
        };

        for (int bug = PLANT_NO_CHECKSUM; bug < N_PLANTS; bug++) {
                g_autofree char *path = g_strdup_printf("/damage/planted/%s", names[bug]);

                g_test_add_data_func(path, GINT_TO_POINTER(bug), test_planted);
        }
}

static void add(const StoryLine *line, const InjuryPlan *plan, const char *name, GTestDataFunc test)
{
        g_autofree char *path = g_strdup_printf("/damage/%s/%s", line->name, name);
        Trial *trial = g_new(Trial, 1);

        *trial = (Trial){ line, plan };
        g_test_add_data_func_full(path, trial, test, g_free);
}

int main(int argc, char **argv)
{
        int r;

        g_test_init(&argc, &argv, NULL);
        for (const StoryLine *line = stories; line->name; line++) {
                add(line, NULL, "untouched", test_untouched);
                add(line, &injury_newer, injury_newer.name, test_newer);
                for (const InjuryPlan *plan = injury_plans; plan->name; plan++)
                        add(line, plan, plan->name, test_damage);
        }
        add_planted();
        r = g_test_run();

        for (size_t i = 0; i < G_N_ELEMENTS(histories); i++) {
                history_free(histories[i]);
                history_free(others[i]);
        }
        return r;
}
