/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpointer
 *
 *     state      what the thread does          left when
 *     IDLE       nothing                       begin: -> PREPARING
 *     PREPARING  fills a new journal           done: -> PREPARED
 *     PREPARED   nothing                       quiet: -> SWITCHING, or -> WALKING when the journal
 *                                              is still empty (an attempt before this has failed)
 *     SWITCHING  puts it in place, manifest    done: -> WALKING; writes are held until then
 *     WALKING    writes records                the walk is at its end: -> FINISHING
 *     FINISHING  verifies, puts it in place    done: -> NAMING
 *     NAMING     manifest; then unlinks        done: -> IDLE
 *     FAILED     what it still has             nothing is left: -> IDLE
 *
 * A renewal, after a failure, goes from PREPARING to WALKING at once, for nothing is being written,
 * and puts the new journal in place only in NAMING: the manifest never names it after the old one. A
 * copy that is to be the last known good one begins in WALKING, and touches no manifest.
 *
 * The checkpoint's revision is the state's when writes are held, so the new journal holds exactly
 * what the checkpoint does not. Whatever fails before NAMING costs nothing: the manifest names the
 * old checkpoint and all journals since.
 */

#include "store/checkpointer.h"

#include "store/checkpointer-steps.h"

#include <errno.h>

#define SLICE_USEC            1000
#define STARVING_USEC         5000
#define HANDED_OVER_BYTES_MAX ((size_t) 4 << 20)

static void end(Checkpointer *checkpointer)
{
        int r = checkpointer->failure;

        g_clear_pointer(&checkpointer->walk, checkpoint_walk_free);
        g_clear_pointer(&checkpointer->file, checkpoint_file_free);
        g_clear_pointer(&checkpointer->journal, journal_free);
        g_clear_pointer(&checkpointer->manifest, manifest_free);
        record_buffers_clear(&checkpointer->buffers);
        checkpointer->phase = CHECKPOINTER_IDLE;
        checkpointer->side = NULL;
        checkpointer->failure = 0;
        checkpointer->is_broken = false;
        checkpointer->purpose = CHECKPOINTER_GENERATION;
        if (r < 0)
                checkpointer->statistics.n_failed++;
        else
                checkpointer->statistics.n_taken++;
        checkpointer->callbacks.on_ended(checkpointer->callbacks.userdata, r);
}

static void release(Checkpointer *checkpointer)
{
        int64_t held_usec = g_get_monotonic_time() - checkpointer->held_since_usec;

        checkpointer->statistics.hold_worst_usec =
                MAX(checkpointer->statistics.hold_worst_usec, (uint64_t) held_usec);
        checkpointer->callbacks.on_released(checkpointer->callbacks.userdata);
}

static void fail(Checkpointer *checkpointer, int r)
{
        bool was_holding = checkpointer->phase == CHECKPOINTER_SWITCHING;

        if (checkpointer->phase != CHECKPOINTER_FAILED) {
                checkpointer->phase = CHECKPOINTER_FAILED;
                checkpointer->failure = r;
                (void) sd_event_source_set_enabled(checkpointer->slice_source, SD_EVENT_OFF);
                if (was_holding)
                        release(checkpointer);
        }
        if (checkpointer->n_steps == 0 && checkpointer->phase == CHECKPOINTER_FAILED)
                end(checkpointer);
}

static void step_done(WorkerJob *job)
{
        Step *step = (Step *) job;
        Checkpointer *checkpointer = step->checkpointer;

        checkpointer->n_steps--;
        checkpointer->n_handed_over -= step->n_handed_over;
        if (step->r == DIRECTORY_E_UNCERTAIN)
                checkpointer->callbacks.on_uncertain(checkpointer->callbacks.userdata);

        if (step->r != 0)
                fail(checkpointer, step->r < 0 ? step->r : -EIO);
        else if (checkpointer->phase == CHECKPOINTER_FAILED)
                fail(checkpointer, checkpointer->failure);
        else
                step->on_done(checkpointer);
}

static void step_free(WorkerJob *job)
{
        Step *step = (Step *) job;

        if (step->checkpointer->phase == CHECKPOINTER_WALKING)
                record_buffers_give_back(&step->checkpointer->buffers, &step->record);
        else
                codec_buffer_clear(&step->record);
        g_free(step->text);
        g_free(step);
}

static Step *step_new(Checkpointer *checkpointer,
                      int (*work)(Step *step),
                      void (*on_done)(Checkpointer *checkpointer))
{
        Step *step = g_new(Step, 1);

        *step = (Step){
                .job = { checkpointer_step_run, step_done, step_free },
                .checkpointer = checkpointer,
                .work = work,
                .on_done = on_done,
                .now_usec = (uint64_t) g_get_real_time(),
        };
        return step;
}

static void hand_over(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;

        checkpointer->n_steps++;
        step->n_handed_over = step->record.n_allocated;
        checkpointer->n_handed_over += step->n_handed_over;
        checkpointer->statistics.queue_worst_bytes =
                MAX(checkpointer->statistics.queue_worst_bytes, checkpointer->n_handed_over);
        worker_push(checkpointer->worker, &step->job);
}

/* NAMING */

static void on_named(Checkpointer *checkpointer)
{
        Side *side = checkpointer->side;

        if (checkpointer->purpose == CHECKPOINTER_RENEWAL)
                side_switch_journal(side, g_steal_pointer(&checkpointer->journal));
        manifest_free(side->manifest);
        side->manifest = g_steal_pointer(&checkpointer->manifest);
        side->n_old_bytes = 0;
        checkpointer->statistics.n_bytes += checkpoint_file_bytes(checkpointer->file);
        hand_over(step_new(checkpointer, checkpointer_remove_others, end));
}

/* FINISHING */

static void on_copied(Checkpointer *checkpointer)
{
        checkpointer->side->good = checkpoint_file_identity(checkpointer->file);
        hand_over(step_new(checkpointer, checkpointer_prune_last_good, end));
}

static void on_finished(Checkpointer *checkpointer)
{
        Step *step;

        if (checkpointer->purpose == CHECKPOINTER_COPY) {
                checkpointer->copy.n_bytes = checkpoint_file_bytes(checkpointer->file);
                end(checkpointer);
                return;
        }
        checkpointer->phase = CHECKPOINTER_NAMING;
        if (checkpointer->purpose == CHECKPOINTER_LAST_GOOD) {
                on_copied(checkpointer);
                return;
        }
        if (checkpointer->purpose == CHECKPOINTER_RENEWAL) {
                hand_over(step_new(checkpointer, checkpointer_name_renewal, on_named));
                return;
        }

        step = step_new(checkpointer, checkpointer_name_checkpoint, on_named);
        checkpointer->manifest = manifest_copy(checkpointer->side->manifest);
        manifest_begin_generation(checkpointer->manifest,
                                  checkpoint_file_identity(checkpointer->file));
        step->text = manifest_to_text(checkpointer->manifest);
        hand_over(step);
}

static void finish(Checkpointer *checkpointer)
{
        bool is_copy = checkpointer->purpose == CHECKPOINTER_COPY;
        Step *step = step_new(checkpointer,
                              is_copy ? checkpointer_finish_copy : checkpointer_finish_file,
                              on_finished);

        checkpointer->phase = CHECKPOINTER_FINISHING;
        /* It may be armed all the same when checkpointer_poke() has walked to the end. */
        (void) sd_event_source_set_enabled(checkpointer->slice_source, SD_EVENT_OFF);
        step->counts = checkpoint_walk_counts(checkpointer->walk);
        g_clear_pointer(&checkpointer->walk, checkpoint_walk_free);
        hand_over(step);
}

/* WALKING */

static void go_on_walking(Checkpointer *checkpointer)
{
        bool may_walk = checkpointer->phase == CHECKPOINTER_WALKING &&
                        checkpointer->n_handed_over < HANDED_OVER_BYTES_MAX;

        (void) sd_event_source_set_enabled(checkpointer->slice_source,
                                           may_walk ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void hand_over_record(Checkpointer *checkpointer, RecordKind kind)
{
        Step *step = step_new(checkpointer, checkpointer_append_record, go_on_walking);

        step->kind = kind;
        step->record = record_buffers_hand_over(&checkpointer->buffers);
        hand_over(step);
}

static void walk_slice(Checkpointer *checkpointer)
{
        CodecBuffer *record = &checkpointer->buffers.record;
        int64_t begin = g_get_monotonic_time();
        RecordKind kind;
        int r;

        r = checkpoint_walk_step(checkpointer->walk, SLICE_USEC, record, &kind);
        if (r == 0 && record->n_bytes > 0)
                hand_over_record(checkpointer, kind);
        checkpointer->last_slice_usec = g_get_monotonic_time();
        checkpointer->statistics.slice_worst_usec =
                MAX(checkpointer->statistics.slice_worst_usec,
                    (uint64_t) (checkpointer->last_slice_usec - begin));

        if (r == CHECKPOINT_WALK_E_END)
                finish(checkpointer);
        else
                go_on_walking(checkpointer);
}

static int on_slice(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        walk_slice(userdata);
        return 0;
}

static void begin_walk(Checkpointer *checkpointer)
{
        Step *step = step_new(checkpointer, checkpointer_create_file, go_on_walking);

        checkpointer->phase = CHECKPOINTER_WALKING;
        step->revision = checkpoint_walk_revision(checkpointer->walk);
        hand_over(step);
}

/* SWITCHING */

static void on_switched(Checkpointer *checkpointer)
{
        Side *side = checkpointer->side;

        manifest_free(side->manifest);
        side->manifest = g_steal_pointer(&checkpointer->manifest);
        side_switch_journal(side, g_steal_pointer(&checkpointer->journal));
        begin_walk(checkpointer);
        release(checkpointer);
}

static void switch_when_quiet(Checkpointer *checkpointer)
{
        Step *step;

        if (!checkpointer->callbacks.hold_writes(checkpointer->callbacks.userdata))
                return;

        checkpointer->held_since_usec = g_get_monotonic_time();
        checkpointer->walk = checkpoint_walk_new(checkpointer->state, checkpointer->side->part,
                                                 state_revision(checkpointer->state));
        if (journal_is_empty(checkpointer->side->journal)) {
                g_clear_pointer(&checkpointer->journal, journal_free);
                begin_walk(checkpointer);
                release(checkpointer);
                return;
        }

        checkpointer->phase = CHECKPOINTER_SWITCHING;
        step = step_new(checkpointer, checkpointer_switch_journal, on_switched);
        step->revision = checkpoint_walk_revision(checkpointer->walk);
        hand_over(step);
}

/* PREPARING */

static void on_prepared(Checkpointer *checkpointer)
{
        if (checkpointer->purpose == CHECKPOINTER_RENEWAL) {
                checkpointer->walk = checkpoint_walk_new(
                        checkpointer->state, checkpointer->side->part, checkpointer->revision);
                begin_walk(checkpointer);
                return;
        }

        checkpointer->phase = CHECKPOINTER_PREPARED;
        switch_when_quiet(checkpointer);
}

void checkpointer_begin(Checkpointer *checkpointer, Side *side)
{
        g_assert(checkpointer->phase == CHECKPOINTER_IDLE);

        checkpointer->side = side;
        checkpointer->phase = CHECKPOINTER_PREPARING;
        hand_over(step_new(checkpointer, checkpointer_prepare_journal, on_prepared));
}

void checkpointer_renew(Checkpointer *checkpointer, Side *side, const CheckpointerRenewal *renewal)
{
        checkpointer->purpose = CHECKPOINTER_RENEWAL;
        checkpointer->revision = renewal->revision;
        checkpointer->void_first = renewal->void_first;
        checkpointer->void_last = renewal->revision;
        checkpointer_begin(checkpointer, side);
}

static void begin_copy(Checkpointer *checkpointer, Side *side, CheckpointerPurpose purpose)
{
        g_assert(checkpointer->phase == CHECKPOINTER_IDLE);

        checkpointer->purpose = purpose;
        checkpointer->side = side;
        checkpointer->walk = checkpoint_walk_new(checkpointer->state, side->part,
                                                 state_revision(checkpointer->state));
        checkpoint_walk_leave_out_tombstones(checkpointer->walk);
        begin_walk(checkpointer);
}

void checkpointer_keep_last_good(Checkpointer *checkpointer, Side *side)
{
        begin_copy(checkpointer, side, CHECKPOINTER_LAST_GOOD);
}

void checkpointer_copy(Checkpointer *checkpointer, Side *side)
{
        begin_copy(checkpointer, side, CHECKPOINTER_COPY);
}

void checkpointer_take_copy(Checkpointer *checkpointer, CheckpointerCopy *ret_copy)
{
        *ret_copy = checkpointer->copy;
}

int checkpointer_new(Checkpointer **ret_checkpointer,
                     sd_event *event,
                     Worker *worker,
                     State *state,
                     const CheckpointerCallbacks *callbacks)
{
        g_autoptr(Checkpointer) checkpointer = g_new(Checkpointer, 1);
        int r;

        *checkpointer = (Checkpointer){
                .worker = worker,
                .state = state,
                .callbacks = *callbacks,
        };
        r = sd_event_add_defer(event, &checkpointer->slice_source, on_slice, checkpointer);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(checkpointer->slice_source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(checkpointer->slice_source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;

        *ret_checkpointer = g_steal_pointer(&checkpointer);
        return 0;
}

Checkpointer *checkpointer_free(Checkpointer *checkpointer)
{
        if (!checkpointer)
                return NULL;

        sd_event_source_unref(checkpointer->slice_source);
        checkpoint_walk_free(checkpointer->walk);
        checkpoint_file_free(checkpointer->file);
        journal_free(checkpointer->journal);
        manifest_free(checkpointer->manifest);
        record_buffers_clear(&checkpointer->buffers);
        g_free(checkpointer);
        return NULL;
}

bool checkpointer_is_active(const Checkpointer *checkpointer)
{
        return checkpointer->phase != CHECKPOINTER_IDLE;
}

bool checkpointer_holds_manifest(const Checkpointer *checkpointer)
{
        return checkpointer->phase == CHECKPOINTER_SWITCHING ||
               checkpointer->phase == CHECKPOINTER_NAMING;
}

void checkpointer_poke(Checkpointer *checkpointer)
{
        if (checkpointer->phase == CHECKPOINTER_PREPARED)
                switch_when_quiet(checkpointer);
        else if (checkpointer->phase == CHECKPOINTER_WALKING && checkpointer->walk &&
                 checkpointer->n_handed_over < HANDED_OVER_BYTES_MAX &&
                 g_get_monotonic_time() - checkpointer->last_slice_usec > STARVING_USEC)
                walk_slice(checkpointer);
}

void checkpointer_cancel(Checkpointer *checkpointer)
{
        /* What is being put in place is not to be left half known. */
        if (checkpointer->phase == CHECKPOINTER_PREPARING ||
            checkpointer->phase == CHECKPOINTER_PREPARED ||
            checkpointer->phase == CHECKPOINTER_WALKING)
                fail(checkpointer, -ECANCELED);
}

const CheckpointerStatistics *checkpointer_statistics(const Checkpointer *checkpointer)
{
        return &checkpointer->statistics;
}
