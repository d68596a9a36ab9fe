/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch delivery
 *
 * "previous" counts what was due, not what was sent, so a change that was withheld shows as a gap in
 * the next one that is not.
 */

#include "bus/watch-delivery.h"

#include "bus/flow.h"
#include "bus/watch-signals.h"
#include "bus/watch-withheld.h"
#include "util/log.h"

static void log_failure(int r, const Watch *watch)
{
        if (r < 0)
                log_warning("Cannot tell %s what it watches: %s", watch->watcher->caller->name,
                            g_strerror(-r));
}

/* Nothing is queued for it: it is told once that it has to read again. */
static void withhold(BusService *service, Watch *watch)
{
        watch->state = WATCH_WITHHELD;
        watch->n_withheld++;
        if (!watch->is_in_doubt)
                watch_withheld_add(service, watch->watcher);
}

static void forget_debts(Watch *watch)
{
        g_clear_pointer(&watch->debts, g_array_unref);
        watch->debt_bytes = 0;
}

static void resynchronize(BusService *service, Watch *watch, const char *ns_name, uint64_t revision)
{
        watch->n_resynchronized++;
        watch->was_resynchronized = true;
        watch->state = watch->is_acknowledging ? WATCH_STOPPED : WATCH_LIVE;
        forget_debts(watch);
        log_failure(watch_signals_resynchronize(service, watch, ns_name, revision), watch);
}

static bool owes_too_much(const BusService *service, const Watch *watch, uint64_t n_bytes)
{
        return watch->debts && (watch->debts->len >= service->limits->watch_commits ||
                                watch->debt_bytes + n_bytes > service->limits->watch_bytes);
}

static void note_debt(Watch *watch, uint64_t revision, uint64_t n_bytes)
{
        const WatchDebt debt = { revision, n_bytes };

        if (!watch->debts)
                watch->debts = g_array_new(FALSE, FALSE, sizeof(WatchDebt));
        g_array_append_val(watch->debts, debt);
        watch->debt_bytes += n_bytes;
}

static void send_changed(BusService *service,
                         Watch *watch,
                         const char *ns_name,
                         uint64_t previous,
                         uint64_t revision,
                         const WatchCut *cut)
{
        int r;

        r = watch_signals_changed(service, watch, ns_name, previous, revision, cut);
        if (r < 0) {
                log_failure(r, watch);
                withhold(service, watch);
                return;
        }

        watch->n_changed++;
        if (watch->is_acknowledging)
                note_debt(watch, revision, cut->n_bytes + LEDGER_MESSAGE_BYTES);
}

void watch_deliver(BusService *service,
                   Watch *watch,
                   const char *ns_name,
                   uint64_t revision,
                   const WatchCut *cut)
{
        uint64_t previous = watch->previous;

        watch->previous = revision;
        if (watch->state != WATCH_LIVE)
                watch->n_withheld++;
        else if (watch->is_in_doubt ||
                 !flow_admit_signal(service, watch->watcher->caller, cut->n_bytes))
                withhold(service, watch);
        else if (cut->is_too_large ||
                 owes_too_much(service, watch, cut->n_bytes + LEDGER_MESSAGE_BYTES))
                resynchronize(service, watch, ns_name, revision);
        else
                send_changed(service, watch, ns_name, previous, revision, cut);
}

void watch_deliver_resynchronize(BusService *service,
                                 Watch *watch,
                                 const char *ns_name,
                                 uint64_t revision)
{
        watch->previous = revision;
        if (watch->state != WATCH_LIVE)
                watch->n_withheld++;
        else if (watch->is_in_doubt || !flow_admit_signal(service, watch->watcher->caller, 0))
                withhold(service, watch);
        else
                resynchronize(service, watch, ns_name, revision);
}

void watch_end(BusService *service, Watch *watch, const char *reason)
{
        const WatchTopic *topic = watch->group->topic;

        log_failure(
                watch_signals_ended(service, watch, topic->is_of_names ? "" : topic->name, reason),
                watch);
        watches_remove(watch);
}

void watch_resume(Watch *watch, uint64_t revision)
{
        watch->previous = revision;
        watch->state = WATCH_LIVE;
        watch->was_resynchronized = false;
        forget_debts(watch);
}

void watch_acknowledge(Watch *watch, uint64_t revision)
{
        guint n = 0;

        if (!watch->debts)
                return;

        for (; n < watch->debts->len; n++) {
                const WatchDebt *debt = &g_array_index(watch->debts, WatchDebt, n);

                if (debt->revision > revision)
                        break;
                watch->debt_bytes -= debt->n_bytes;
        }
        if (n == watch->debts->len)
                forget_debts(watch);
        else if (n > 0)
                g_array_remove_range(watch->debts, 0, n);
}

void watch_go_on(BusService *service, Watch *watch)
{
        const WatchTopic *topic = watch->group->topic;

        if (watch->state == WATCH_WITHHELD && !watch->is_in_doubt)
                resynchronize(service, watch, topic->is_of_names ? "" : topic->name,
                              watch->previous);
}
