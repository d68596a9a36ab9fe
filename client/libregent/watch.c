/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches
 *
 *  event                 | IDLE        | ASKING           | LIVE                    | HELD
 *  ----------------------+-------------+------------------+-------------------------+---------------
 *  ready, or its timer   | ASKING      |                  |                         | acknowledged: ASKING
 *  answered              |             | told; LIVE       |                         |
 *  refused               |             | IDLE or ENDED    |                         |
 *  Changed               |             |                  | told, if it fits;       |
 *                        |             |                  | else ASKING             |
 *  Resynchronize         |             |                  | ASKING or HELD          |
 *  WatchEnded            |             |                  | IDLE or ENDED           |
 *  lost                  |             | IDLE             | IDLE                    | IDLE
 *
 * regentd is told what was dealt with, so that it bounds what may wait here; in lots, and soon when nothing comes.
 */

#include "watch-private.h"

#include "inbound.h"

#include <errno.h>
#include <string.h>

/* regentd allows 1,024 commits and 4 MiB ahead. */
#define PENDING_MAX            64u
#define PENDING_BYTES_MAX      (256u << 10)
#define ACKNOWLEDGE_DELAY_USEC 50000u

static void on_ready(Follower *follower);
static void on_lost(Follower *follower);
static void on_closed(Follower *follower);

static const FollowerVtable vtable = { on_ready, on_lost, on_closed };

RegentWatch *watch_ref(RegentWatch *watch)
{
        watch->n_refs++;
        return watch;
}

static void change_free(gpointer item)
{
        watch_change_clear(item);
        g_free(item);
}

void watch_unref(RegentWatch *watch)
{
        if (--watch->n_refs > 0)
                return;

        position_clear(&watch->position);
        g_hash_table_unref(watch->names);
        g_ptr_array_unref(watch->last_commit);
        g_free(watch->ns_name);
        g_free(watch->ns_prefix);
        g_free(watch->prefix);
        g_free(watch->path);
        g_free(watch);
}

static RegentWatch *watch_new(Regent *regent, RegentOnWatch on_event, void *userdata)
{
        RegentWatch *watch = g_new0(RegentWatch, 1);

        watch->n_refs = 1;
        regent_add_unstarted(regent, &watch->follower);
        watch->on_event = on_event;
        watch->userdata = userdata;
        watch->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        watch->last_commit = g_ptr_array_new_with_free_func(change_free);
        return watch;
}

RegentWatch *regent_watch_new(Regent *regent,
                              const char *ns_name,
                              RegentOnWatch on_event,
                              void *userdata)
{
        RegentWatch *watch = watch_new(regent, on_event, userdata);

        watch->ns_name = g_strdup(ns_name ? ns_name : "");
        return watch;
}

RegentWatch *regent_watch_new_by_prefix(Regent *regent,
                                        const char *ns_prefix,
                                        RegentOnWatch on_event,
                                        void *userdata)
{
        RegentWatch *watch = watch_new(regent, on_event, userdata);

        watch->ns_prefix = g_strdup(ns_prefix ? ns_prefix : "");
        watch->path = g_strdup(REGENT_PATH);
        return watch;
}

/* Nothing is told any more, and nothing waits. */
static void finish(RegentWatch *watch, bool is_known_there)
{
        watch_stop_asking(watch);
        watch_drop(watch, is_known_there);
        watch->phase = WATCH_ENDED;
        watch->timer = sd_event_source_disable_unref(watch->timer);
        watch->acknowledge_timer = sd_event_source_disable_unref(watch->acknowledge_timer);
}

RegentWatch *regent_watch_free(RegentWatch *watch)
{
        if (!watch || watch->is_freed)
                return NULL;

        watch->is_freed = true;
        if (watch->phase != WATCH_NEW && watch->follower.regent) {
                finish(watch, true);
                follower_remove(&watch->follower);
        }
        if (watch->phase == WATCH_NEW)
                regent_remove_unstarted(&watch->follower);
        watch_unref(watch);
        return NULL;
}

void regent_watch_set_prefix(RegentWatch *watch, const char *prefix)
{
        g_free(watch->prefix);
        watch->prefix = g_strdup(prefix);
}

void regent_watch_set_patient(RegentWatch *watch, bool is_patient)
{
        watch->is_patient = is_patient;
}

void regent_watch_set_acknowledged(RegentWatch *watch, bool is_acknowledged)
{
        watch->is_acknowledged = is_acknowledged;
}

/* What is none is told when it is started: no epoch begins with a colon. */
void regent_watch_set_position(RegentWatch *watch, const char *position)
{
        position_clear(&watch->position);
        if (position && !position_parse(position, &watch->position))
                position_set(&watch->position, ":", 0);
}

static int check(RegentWatch *watch)
{
        Regent *regent = watch->follower.regent;
        char path[NAMESPACE_PATH_SIZE];
        const char *prefix = watch->ns_name ? watch->prefix : watch->ns_prefix;
        int r;

        if (watch->ns_name) {
                r = text_namespace_path(regent, watch->ns_name, path);
                if (r < 0)
                        return r;
                g_free(watch->path);
                watch->path = g_strdup(path);
        } else if (watch->prefix) {
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "A watch by prefix of names is of all keys");
        }
        if (g_strcmp0(watch->position.epoch, ":") == 0)
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "The position is not one of a watch");

        return prefix ? text_check(regent, prefix, "The prefix") : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        RegentWatch *watch = watch_ref(userdata);

        (void) source;
        (void) usec;

        watch_begin(watch);
        watch_unref(watch);
        return 0;
}

static void acknowledge(RegentWatch *watch)
{
        if (watch->n_pending == 0 || watch->phase != WATCH_LIVE)
                return;

        watch->n_pending = 0;
        watch->n_pending_bytes = 0;
        message_send(watch->link, watch->path, watch_interface(watch), "Acknowledge", "tt",
                     watch->number, watch->acknowledged);
}

static int on_acknowledge_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;

        acknowledge(userdata);
        return 0;
}

static int add_timer(RegentWatch *watch, sd_event_time_handler_t on_time, sd_event_source **ret)
{
        sd_event *event = watch->follower.regent->event;
        int r;

        r = sd_event_add_time_relative(event, ret, CLOCK_MONOTONIC, 0, 1000, on_time, watch);
        if (r >= 0)
                r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
        return r;
}

static void arm(sd_event_source *timer, uint64_t delay_usec)
{
        (void) sd_event_source_set_time_relative(timer, delay_usec);
        (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void watch_wait(RegentWatch *watch, uint64_t delay_usec)
{
        arm(watch->timer, delay_usec);
}

int regent_watch_start(RegentWatch *watch)
{
        Regent *regent = watch->follower.regent;
        int r;

        if (!regent)
                return watch->phase == WATCH_NEW ? -ENOTCONN : -EALREADY;
        if (watch->phase != WATCH_NEW)
                return error_set_errno(regent, -EALREADY, "The watch is started");

        r = regent_check_open(regent);
        if (r < 0)
                return r;
        r = check(watch);
        if (r < 0)
                return r;

        r = add_timer(watch, on_timer, &watch->timer);
        if (r >= 0)
                r = add_timer(watch, on_acknowledge_timer, &watch->acknowledge_timer);
        if (r < 0) {
                watch->timer = sd_event_source_unref(watch->timer);
                return error_set_errno(regent, r, "The watch cannot be started");
        }

        watch->phase = WATCH_IDLE;
        regent_remove_unstarted(&watch->follower);
        follower_add(regent, &watch->follower, &vtable);
        watch_wait(watch, 0);
        return 0;
}

void watch_note_acknowledged(RegentWatch *watch, uint64_t n_bytes)
{
        watch->n_pending++;
        watch->n_pending_bytes += n_bytes;
        if (watch->n_pending >= PENDING_MAX || watch->n_pending_bytes >= PENDING_BYTES_MAX)
                acknowledge(watch);
        else if (watch->n_pending == 1)
                arm(watch->acknowledge_timer, ACKNOWLEDGE_DELAY_USEC);
}

void watch_go_on_acknowledging(RegentWatch *watch)
{
        if (watch->n_pending > 0)
                arm(watch->acknowledge_timer, ACKNOWLEDGE_DELAY_USEC);
}

int regent_watch_acknowledge(RegentWatch *watch, uint64_t revision)
{
        Regent *regent = watch->follower.regent;
        uint64_t n_bytes;

        if (!regent)
                return -ENOTCONN;
        if (!watch->is_acknowledged || watch->phase == WATCH_NEW || watch->phase == WATCH_ENDED)
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "The watch has nothing to acknowledge");
        if (revision <= watch->acknowledged)
                return 0;

        watch->acknowledged = revision;
        n_bytes = watch->n_told_bytes;
        watch->n_told_bytes = 0;
        watch_note_acknowledged(watch, n_bytes);
        if (watch->phase == WATCH_HELD && watch->acknowledged >= watch->last_change)
                watch_wait(watch, 0);
        return 0;
}

const char *watch_interface(const RegentWatch *watch)
{
        return watch->ns_name ? REGENT_NAMESPACE_INTERFACE : REGENT_MANAGER_INTERFACE;
}

void watch_drop(RegentWatch *watch, bool is_known_there)
{
        WatchSignal *signal;

        while ((signal = g_queue_pop_head(&watch->signals)))
                watch_signal_free(signal);
        g_clear_pointer(&watch->fetch, watch_fetch_free);
        watch->n_pending = 0;
        watch->n_pending_bytes = 0;
        watch->n_told_bytes = 0;
        watch->is_resumed = false;
        if (!watch->link)
                return;

        inbound_remove_watch(watch->follower.regent, watch);
        if (is_known_there)
                message_send(watch->link, watch->path, watch_interface(watch), "Unwatch", "t",
                             watch->number);
        watch->link = sd_bus_unref(watch->link);
        watch->number = 0;
}

bool watch_tell(RegentWatch *watch, RegentWatchEvent event)
{
        g_autofree char *position =
                watch->is_telling_many ? NULL : position_print(&watch->position);

        if (watch->is_freed || watch->phase == WATCH_ENDED)
                return false;

        event.position = position;
        event.is_afresh = watch->is_afresh && event.kind == REGENT_WATCH_STATE;
        watch->on_event(watch, &event, watch->userdata);
        return !watch->is_freed && watch->phase != WATCH_ENDED;
}

void watch_end(RegentWatch *watch, int r)
{
        const RegentWatchEvent event = { .kind = REGENT_WATCH_ENDED, .result = r };

        if (watch->phase == WATCH_ENDED)
                return;

        finish(watch, false);
        follower_remove(&watch->follower);
        if (!watch->is_freed)
                watch->on_event(watch, &event, watch->userdata);
}

void watch_tell_gone(RegentWatch *watch)
{
        const RegentWatchEvent event = { .kind = REGENT_WATCH_GONE, .ns_name = watch->ns_name };

        position_clear(&watch->position);
        g_hash_table_remove_all(watch->names);
        if (watch->is_missing)
                return;

        watch->is_missing = true;
        (void) watch_tell(watch, event);
}

static void on_ready(Follower *follower)
{
        RegentWatch *watch = watch_ref((RegentWatch *) follower);

        watch_begin(watch);
        watch_unref(watch);
}

static void on_lost(Follower *follower)
{
        RegentWatch *watch = watch_ref((RegentWatch *) follower);
        const RegentWatchEvent event = { .kind = REGENT_WATCH_AWAY };

        watch_stop_asking(watch);
        watch_drop(watch, false);
        if (watch->phase != WATCH_ENDED)
                watch->phase = WATCH_IDLE;
        if (watch->was_live && !watch->is_away) {
                watch->is_away = true;
                (void) watch_tell(watch, event);
        }
        watch_unref(watch);
}

static void on_closed(Follower *follower)
{
        RegentWatch *watch = watch_ref((RegentWatch *) follower);

        finish(watch, false);
        watch_unref(watch);
}
