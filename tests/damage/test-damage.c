/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The damage campaign
 *
 * Each kind of injury to each file of each store. REGENT_TEST_DAMAGE_STRIDE: only each so many-th of
 * the cases, in turn (each one, with -m slow).
 */

#include "injury.h"
#include "judge.h"

#include <stdlib.h>

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
        r = g_test_run();

        for (size_t i = 0; i < G_N_ELEMENTS(histories); i++) {
                history_free(histories[i]);
                history_free(others[i]);
        }
        return r;
}
