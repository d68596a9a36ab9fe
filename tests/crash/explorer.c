/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explorer
 */

#include "explorer.h"

#include "choices.h"

#include <stdio.h>
#include <string.h>

/* One that is met again is crashed a second time once in so many times as a new one. */
#define KNOWN_STRIDE 32

sd_id128_t explorer_boot_id(const Explorer *explorer, CrashKind kind)
{
        sd_id128_t boot_id = explorer->boot_id;

        if (kind == CRASH_POWER)
                boot_id.bytes[0]++;
        return boot_id;
}

void explorer_complain(
        Explorer *explorer, guint event, const char *where, char *complaint, const Disk *disk)
{
        printf("VIOLATION before event %u, %s: %s\n", event, where, complaint);
        g_free(complaint);
        if (explorer->keep_path) {
                g_autofree char *name = g_strdup_printf("%u", explorer->counters.n_violations);
                g_autofree char *path = g_build_filename(explorer->keep_path, name, NULL);

                explorer_write_disk(disk, path);
        }
        explorer->counters.n_violations++;
}

static const char *kind_name(CrashKind kind)
{
        return kind == CRASH_POWER ? "the power cut" : "the process killed";
}

static bool is_over(const Explorer *explorer)
{
        return explorer->counters.n_states >= explorer->n_states_wanted ||
               explorer->counters.n_violations >= explorer->n_violations_max;
}

static bool is_to_be_crashed_twice(const Explorer *explorer, bool is_known)
{
        return g_rand_double(explorer->random) <
               explorer->second_density / (is_known ? KNOWN_STRIDE : 1);
}

/* What recovery makes of @disk, which may have been seen before. */
static const Finding *find(Explorer *explorer, guint event, CrashKind kind, const Disk *disk)
{
        guint64 digest = disk_digest(disk);
        guint64 key = disk_hash(&explorer->boot_id, sizeof explorer->boot_id,
                                digest + (kind == CRASH_POWER));
        Finding *finding = g_hash_table_lookup(explorer->findings, &key);
        bool is_known = finding;

        if (!is_known) {
                finding = g_new(Finding, 1);
                explorer->counters.n_states +=
                        g_hash_table_add(explorer->disks, g_memdup2(&digest, sizeof digest));
                if (explorer->export_path)
                        explorer_export(explorer, kind, disk);
                g_hash_table_insert(explorer->findings, g_memdup2(&key, sizeof key), finding);
        }
        if (is_to_be_crashed_twice(explorer, is_known)) {
                g_autoptr(Disk) tracked = cut_process(disk, true);

                *finding = explorer_try_twice(explorer, event, kind, tracked);
        } else if (!is_known) {
                g_autoptr(Disk) own = cut_process(disk, false);

                *finding = trial_recover(&explorer->trial, own, explorer_boot_id(explorer, kind));
        }
        return finding;
}

static void judge(Explorer *explorer, guint event, CrashKind kind, const Disk *disk)
{
        char *complaint =
                oracle_judge(explorer->oracle, event, kind, find(explorer, event, kind, disk));

        explorer->counters.n_judged++;
        if (complaint)
                explorer_complain(explorer, event, kind_name(kind), complaint, disk);
}

static bool is_chosen(Explorer *explorer)
{
        return !is_over(explorer) && g_rand_double(explorer->random) < explorer->density;
}

static void cut_power_here(Explorer *explorer, guint event, const Disk *disk)
{
        g_autoptr(Cut) cut = cut_new(disk);
        g_autoptr(GPtrArray) choices = choices_of(cut, explorer->random, explorer->n_random);

        for (guint i = 0; i < choices->len; i++) {
                g_autoptr(Disk) left = NULL;

                if (!is_chosen(explorer))
                        continue;
                left = cut_power(cut, choices->pdata[i], false);
                judge(explorer, event, CRASH_POWER, left);
        }
}

/* The kernel takes a write a block at a time, so of a longer one a part may be there. */
static void kill_in_write(Explorer *explorer, guint event, Replay *replay)
{
        const TraceEvent *next = trace_event(explorer->trace, event);
        const Disk *disk = replay_disk(replay);
        uint64_t first_end = (next->offset / DISK_BLOCK_BYTES + 1) * DISK_BLOCK_BYTES;

        if (next->kind != TRACE_WRITE || next->offset + next->n_bytes <= first_end)
                return;
        for (uint64_t end = first_end; end < next->offset + next->n_bytes;
             end += DISK_BLOCK_BYTES) {
                g_autoptr(Disk) left = NULL;
                DiskNode *file;

                if (!is_chosen(explorer))
                        continue;
                left = cut_process(disk, false);
                file = cut_twin(disk, left, replay_node(replay, next));
                if (!file)
                        return;
                disk_write(left, file, next->payload_bytes > 0 ? trace_payload(next) : NULL,
                           end - next->offset, next->offset);
                judge(explorer, event, CRASH_PROCESS, left);
        }
}

static void kill_here(Explorer *explorer, guint event, Replay *replay)
{
        if (is_chosen(explorer)) {
                g_autoptr(Disk) left = cut_process(replay_disk(replay), false);

                judge(explorer, event, CRASH_PROCESS, left);
        }
        kill_in_write(explorer, event, replay);
}

static sd_id128_t boot_of(const TraceEvent *event)
{
        sd_id128_t boot_id;

        if (sd_id128_from_string(trace_payload(event), &boot_id) < 0)
                g_error("a start without a boot");
        return boot_id;
}

void explorer_run(Explorer *explorer)
{
        g_autoptr(Replay) replay = replay_new();

        explorer->counters.n_places = 0;
        for (guint i = 0; i < explorer->n_events && !is_over(explorer); i++) {
                const TraceEvent *event = trace_event(explorer->trace, i);

                if (i >= explorer->begin && trace_event_changes_disk(event)) {
                        explorer->counters.n_places++;
                        kill_here(explorer, i, replay);
                        cut_power_here(explorer, i, replay_disk(replay));
                }
                replay_event(replay, event);
                if (event->kind == TRACE_START)
                        explorer->boot_id = boot_of(event);
        }
}
